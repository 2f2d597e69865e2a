"""What was used and what it costs: usage, statements, explanations, and what tenants see of it."""

import csv
import datetime
import hashlib
import io
import json
import subprocess
import urllib.error
import urllib.request

import pytest

import mesh as support
from mesh import SIM, chat

REQUESTS = 3
# 2 a million prompt tokens, 6 a million generated ones, 0.0001 a call.
PRICES = """\
prices:
  - model: sim
    currency: EUR
    label: Sim
    per_call: "0.0001"
    input: "2"
    output: "6"
"""


class Gateway:
    def __init__(self, folder):
        self.mesh = support.Mesh(folder, managed=False)
        config = self.mesh.config
        config.write_text(config.read_text() + PRICES)
        self.mesh.server.stop()
        self.mesh.start()

    def run(self, *words, code=0):
        done = subprocess.run(
            [support.BINARY, *words, "--data-dir", str(self.mesh.data)],
            capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *words):
        return json.loads(self.run(*words, "--format", "json"))

    def ask(self, path, tenant="aurora", body=None):
        request = urllib.request.Request(
            f"http://{self.mesh.server.address}{path}", body and json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.mesh.keys[tenant]}",
             "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.headers, answer.read()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    one = Gateway(tmp_path_factory.mktemp("usage"))
    ids = []
    for number in range(REQUESTS):
        headers, body = one.ask("/v1/chat/completions", body=chat("count " * (number + 1)))
        ids.append((headers["x-sm-request-id"], json.loads(body)["usage"]))
    one.ids = ids
    yield one
    one.mesh.stop()


def cost_of(usage):
    """Of one request in micro-units, rounded down, written here a second time on purpose."""
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0  # for nothing
    per_million = ((usage["prompt_tokens"] - cached) * 2_000_000
                   + usage["completion_tokens"] * 6_000_000)
    return (100 * 1_000_000 + per_million) // 1_000_000


def month():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m")


def test_the_sum_is_what_clients_were_told(gateway):
    usage = gateway.json("usage", "--tenant", "aurora", "--by", "model")
    (line,) = usage["data"]
    assert line["group"] == SIM and line["requests"] == REQUESTS and line["open"] == 0
    assert line["prompt_tokens"] == sum(u["prompt_tokens"] for _, u in gateway.ids)
    assert line["generated_tokens"] == sum(u["completion_tokens"] for _, u in gateway.ids)
    assert line["cost_micro"] == sum(cost_of(u) for _, u in gateway.ids)
    assert line["currency"] == "EUR" and line["unpriced"] == 0


def test_every_grouping_adds_up_to_the_same(gateway):
    total = gateway.json("usage", "--tenant", "aurora")["data"][0]["cost_micro"]
    for by in ("tenant", "project", "key", "user", "cost-centre", "model", "day", "month",
               "engine", "price"):
        lines = gateway.json("usage", "--tenant", "aurora", "--by", by)["data"]
        assert sum(line["cost_micro"] for line in lines) == total, by


def test_tables_files_and_bars(gateway):
    table = gateway.run("usage", "--tenant", "aurora", "--by", "day")
    assert "requests" in table and "EUR" in table
    rows = list(csv.DictReader(io.StringIO(
        gateway.run("usage", "--tenant", "aurora", "--by", "day", "--format", "csv"))))
    assert rows[0]["requests"] == str(REQUESTS)
    chart = gateway.run("usage", "--tenant", "aurora", "--by", "day", "--chart")
    assert "#" in chart and "\x1b" not in chart
    assert "Too little data" in gateway.run("usage", "--tenant", "aurora", "--forecast")
    gateway.run("usage", "--tenant", "nobody", code=1)


def test_a_request_is_explained_to_the_micro_unit(gateway):
    for request, usage in gateway.ids:
        told = gateway.json("explain", "request", request)
        assert told["state"] == "settled" and told["cost"]["adds_up"]
        assert told["cost"]["cost_micro"] == cost_of(usage)
        assert sum(line["amount_micro"] for line in told["cost"]["lines"]) == cost_of(usage)
    text = gateway.run("explain", "request", gateway.ids[0][0])
    assert "aurora" in text and "charged" in text


def test_a_statement_adds_up(gateway):
    statement = gateway.json("statement", "--tenant", "aurora", "--month", month())
    assert statement["preliminary"]
    total = sum(cost_of(u) for _, u in gateway.ids)
    assert sum(line["cost_micro"] for line in statement["lines"]) == total
    assert statement["totals"][0]["usage_micro"] == total
    assert statement["first_seq"] > 0 and len(statement["prices"]) == 1
    terms = statement["prices"][0]
    digest = hashlib.sha256(terms["terms"].encode()).hexdigest()
    assert terms["id"] == "p-" + digest[:12]
    page = gateway.run("statement", "--tenant", "aurora", "--month", month(), "--format", "html")
    assert page.startswith("<!DOCTYPE html>") and "http" not in page.replace("http-equiv", "")


def test_an_adjustment_is_booked_once(gateway):
    words = ("statement", "adjust", "--tenant", "borealis", "--amount", "-2.50", "--reason",
             "an outage", "--id", "outage-1")
    gateway.run(*words)
    gateway.run(*words)
    statement = gateway.json("statement", "--tenant", "borealis", "--month", month())
    assert [a["amount_micro"] for a in statement["adjustments"]] == [-2_500_000]


def test_the_ledger_adds_up_with_a_server_and_without(gateway):
    assert "adds up" in gateway.run("ledger", "verify")
    assert "adds up" in gateway.run("ledger", "verify", "--offline")


def test_a_tenant_reads_its_own_and_nothing_else(gateway):
    _, body = gateway.ask("/v1/usage?group_by=model")
    (own,) = json.loads(body)["data"]
    assert own["requests"] == REQUESTS and own["group"] == SIM
    headers, body = gateway.ask("/v1/usage/export?format=csv&limit=2")
    assert len(list(csv.DictReader(io.StringIO(body.decode())))) == 2
    _, rest = gateway.ask(f"/v1/usage/export?before={headers['x-sm-next']}")
    assert [row["id"] for row in json.loads(rest)["data"]] == [gateway.ids[0][0]]
    _, body = gateway.ask("/v1/usage?group_by=model", tenant="borealis")
    assert json.loads(body)["data"] == []
    for path in ("/v1/usage?tenant=aurora", "/v1/usage?group_by=tenant",
                 f"/v1/usage/export?before={gateway.ids[0][0]}"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            gateway.ask(path, tenant="borealis")
        assert refused.value.code == 400
        assert "aurora" not in json.loads(refused.value.read())["error"]["message"]
