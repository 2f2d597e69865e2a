"""The commands that change a running server, and what the data path makes of it."""

import json
import subprocess
import urllib.error
import urllib.request

import pytest

import mesh as support
from mesh import SIM, chat, wait_for

CONFIG = """\
server:
  workers: 1
  listen: ["127.0.0.1:0"]
  admin_listen: ["127.0.0.1:0"]
  metrics_listen: []
  accept_after_term: 0s
tenants:
  - name: boreal
"""


class Gateway:
    """Started with a tenant of the file and nothing else."""

    def __init__(self, folder):
        self.data = folder / "data"
        config = folder / "sovmesh.yaml"
        config.write_text(CONFIG)
        self.process = support.Process(["serve", "--config", config, "--data-dir", self.data],
                                       folder / "serve.log")

    def run(self, *words, where=None, code=0):
        where = where or ["--data-dir", str(self.data)]
        done = subprocess.run([support.BINARY, *words, *where], capture_output=True, text=True,
                              timeout=30, check=False)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def made(self, *words, **more):
        return json.loads(self.run(*words, "--json", **more))

    def status(self, key, body, **fields):
        request = urllib.request.Request(
            f"http://{self.process.address}/v1/chat/completions", json.dumps(body).encode(),
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **fields})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code


@pytest.fixture
def gateway(tmp_path):
    one = Gateway(tmp_path)
    yield one
    assert one.process.stop() == 0


def test_from_nothing_to_an_answer_and_back(tmp_path, gateway):
    sim = support.EngineSim(tmp_path)
    try:
        gateway.run("engine", "create", "far", "--url", f"http://{sim.address}/v1", "--dialect", "vllm")
        wait_for(lambda: gateway.made("engine", "show", "far")["state"] == "ready")
        gateway.run("model", "create", "m", "--engine", "far", "--engine-model", SIM)
        gateway.run("tenant", "create", "aurora")
        made = gateway.made("key", "create", "--tenant", "aurora")
        old, ident = made["key"], made["id"]
        body = chat("hello", model="m")
        assert gateway.status(old, body) == 200

        new = gateway.made("key", "rotate", ident, "--overlap", "1h")["key"]
        assert new.split("-")[1] == old.split("-")[1] == ident
        assert [gateway.status(key, body) for key in (old, new)] == [200, 200]
        third = gateway.made("key", "rotate", ident)["key"]
        assert [gateway.status(key, body) for key in (old, new, third)] == [401, 401, 200]

        gateway.run("model", "update", "m", "--tenant", "boreal", "--context-tokens", "100")
        assert gateway.status(third, body) == 404
        gateway.run("model", "update", "m", "--tenant", "aurora")
        assert gateway.status(third, dict(body, max_tokens=100)) == 400
        assert gateway.status(third, dict(body, max_tokens=99)) == 200
        usage = gateway.made("usage", "--tenant", "aurora")["data"]  # at once: nothing is open
        assert [(row["requests"], row["open"]) for row in usage] == [(5, 0)]

        assert "needs the engine" in gateway.run("engine", "delete", "far", code=1)
        gateway.run("model", "delete", "m")
        gateway.run("engine", "delete", "far")
        assert gateway.made("engine", "list")["data"] == []
        usage = gateway.made("usage", "--tenant", "aurora", "--by", "key")["data"]
        assert [(row["group"], row["requests"]) for row in usage] == [(ident, 5)]
    finally:
        sim.stop()


def test_a_key_is_bound_to_a_class(tmp_path, gateway):
    sim = support.EngineSim(tmp_path)
    try:
        gateway.run("engine", "create", "far", "--url", f"http://{sim.address}/v1")
        gateway.run("model", "create", "m", "--engine", "far", "--engine-model", SIM)
        made = gateway.made("key", "create", "--tenant", "boreal", "--max-priority", "batch")
        assert made["max_priority"] == "batch"
        high = {"x-sm-priority": "interactive"}
        assert gateway.status(made["key"], chat("hello", model="m"), **high) == 403
        assert gateway.status(made["key"], chat("hello", model="m")) == 200
        gateway.run("key", "update", made["id"], "--max-priority", "interactive")
        assert gateway.status(made["key"], chat("hello", model="m"), **high) == 200
    finally:
        sim.stop()


def test_what_the_api_made_is_there_after_a_restart(tmp_path, gateway):
    sim = support.EngineSim(tmp_path)
    try:
        gateway.run("engine", "create", "far", "--url", f"http://{sim.address}/v1")
        gateway.run("model", "create", "m", "--engine", "far", "--engine-model", SIM)
        key = gateway.made("key", "create", "--tenant", "boreal")["key"]
        assert gateway.process.stop() == 0
        gateway.process = Gateway(tmp_path).process
        assert gateway.status(key, chat("hello", model="m")) == 200
    finally:
        sim.stop()


def test_limits_are_set_shown_and_removed(gateway):
    gateway.run("tenant", "create", "aurora", "--time-zone", "Europe/Copenhagen", "--currency", "DKK")
    tenants = gateway.run("tenant", "list").splitlines()
    assert any("Europe/Copenhagen" in line and "DKK" in line for line in tenants)
    words = ["limit", "set", "--tenant", "aurora", "--measure", "money", "--window", "month"]
    first = gateway.made(*words, "--amount", "250.00")
    second = gateway.made(*words, "--amount", "300.000001", "--shadow")
    assert second["id"] == first["id"]
    assert (second["amount"], second["currency"], second["shadow"]) == ("300.000001", "DKK", True)
    assert gateway.made(*words, "--amount", "300")["shadow"] is True
    assert gateway.made(*words, "--amount", "300", "--no-shadow")["shadow"] is False
    gateway.run("limit", "set", "--tenant", "aurora", "--user", "*", "--measure", "concurrency",
                "--amount", "4")
    table = gateway.run("limit", "list", "--tenant", "aurora")
    assert table.splitlines()[0].split()[:3] == ["name", "amount", "currency"]
    assert "tenant:aurora money/month" in table and "user:aurora/* concurrency" in table
    assert "amount: 300.00" in gateway.run("limit", "show", first["id"])
    project = gateway.made("project", "create", "web", "--tenant", "aurora", "--cost-centre", "4711")
    assert project["cost_centre"] == "4711"
    changed = gateway.made("project", "update", project["id"], "--cost-centre", "4712")
    assert changed["cost_centre"] == "4712"
    gateway.run("limit", "remove", first["id"])
    assert len(gateway.made("limit", "list")["data"]) == 1


def test_a_wrong_limit_says_why(gateway):
    words = ["limit", "set", "--tenant", "boreal", "--measure"]
    why = gateway.run(*words, "requests", "--window", "day", "--amount", "1.5", code=1)
    assert "requests come as whole numbers, not 1.5 (amount)" in why
    assert "(window)" in gateway.run(*words, "requests", "--amount", "1", code=1)
    assert "(window)" in gateway.run(*words, "concurrency", "--window", "day", "--amount", "1",
                                     code=1)
    gateway.run(*words, "words", "--amount", "1", code=2)
    gateway.run(*words, "requests", "--window", "day", code=2)
    gateway.run(*words, "requests", "--project", "a-b", "--user", "ann", "--amount", "1", code=2)
    assert "zone" in gateway.run("tenant", "create", "cirrus", "--time-zone", "Copenhagen", code=1)
    assert "3 capitals" in gateway.run("tenant", "create", "cirrus", "--currency", "euro", code=1)


def test_prices_of_the_file_are_listed(tmp_path):
    config = tmp_path / "sovmesh.yaml"
    config.write_text(CONFIG + """\
engines: [{name: one, kind: remote, url: "http://127.0.0.1:1/v1"}]
models: [{name: small, engine: one}]
prices:
  - {model: small, input: 0.15, output: 0.60, gse: {prompt_us: 12.5, output_us: 900}}
  - {model: small, from: 2099-01-01, input: 0.30, output: 0.60}
""")
    process = support.Process(["serve", "--config", config, "--data-dir", tmp_path / "data"],
                              tmp_path / "serve.log")
    try:
        def price(*words):
            return subprocess.run([support.BINARY, "price", *words, "--data-dir",
                                   tmp_path / "data"], capture_output=True, text=True, timeout=30,
                                  check=True).stdout
        rows = json.loads(price("list", "--model", "small", "--json"))["data"]
        assert [(row["input"], row["in_force"]) for row in rows] == [("0.15", True), ("0.30", False)]
        assert rows[0]["gse"]["prompt_us"] == "12.5"
        assert rows[0]["id"] in price("list")
        assert "output: 0.60" in price("show", rows[0]["id"])
    finally:
        assert process.stop() == 0


def test_objects_of_the_file_say_where_they_stand(gateway):
    why = gateway.run("tenant", "update", "boreal", "--display-name", "B", code=1)
    assert "declared in the configuration file" in why and "sovmesh.yaml:8:5" in why


def test_the_same_over_tcp_with_the_token(tmp_path, gateway):
    there = ["--admin", gateway.process.ready["admin_listen"][0]]
    token = ["--token-file", str(gateway.data / "admin.token")]
    assert "boreal" in gateway.run("tenant", "list", where=there + token)
    wrong = tmp_path / "wrong"
    wrong.write_text("no-such-token\n")
    gateway.run("tenant", "list", where=there + ["--token-file", str(wrong)], code=1)
    # 1 would say that the ledger does not add up.
    gateway.run("ledger", "verify", where=there + ["--token-file", str(wrong)], code=6)
    assert "no token in" in gateway.run("tenant", "list", where=there + ["--token-file", "/nowhere"],
                                        code=2)
    gateway.run("tenant", "list", where=["--admin", "127.0.0.1:1", *token], code=3)


def test_a_list_is_printed_to_its_last_page(tmp_path):
    names = [f"model-{i:04}" for i in range(1001)]  # a page has 1,000
    config = tmp_path / "sovmesh.yaml"
    engines = [{"name": "one", "kind": "remote", "url": "http://127.0.0.1:1"}]
    models = [{"name": name, "engine": "one"} for name in names]
    config.write_text(CONFIG + f"engines: {json.dumps(engines)}\nmodels: {json.dumps(models)}\n")
    process = support.Process(["serve", "--config", config, "--data-dir", tmp_path / "data"],
                              tmp_path / "serve.log")
    try:
        def listed(*more):
            return subprocess.run([support.BINARY, "model", "list", "--data-dir",
                                   tmp_path / "data", *more], capture_output=True, text=True,
                                  timeout=30, check=True).stdout
        assert [line.split()[0] for line in listed().splitlines()[1:]] == names
        answer = json.loads(listed("--json"))
        assert [model["name"] for model in answer["data"]] == names
        assert answer["has_more"] is False
    finally:
        assert process.stop() == 0
