"""A tenant cannot see, guess or use what is another's: by header, path, host or cache."""

import http.client
import json
import random
import re
import subprocess

import openai
import pytest

import mesh as support
from conftest import client
from mesh import BINARY, SIM, TINY, make_key

FOREIGN = "sim-borealis"  # aurora may not use it
ABSENT = "sim-nobodyis"  # as long
PLANTED = {name: "borealis" for name in (
    "X-Tenant", "X-Tenant-Id", "X-Sm-Tenant", "X-Sm-Project", "X-Gateway-Inference-Fairness-Id",
    "X-Gateway-Model-Name", "X-LLM-D-Tenant", "X-Forwarded-User", "X-Forwarded-Host", "X-User",
    "X-Original-Url", "X-Rewrite-Url", "Forwarded", "Cookie")}


@pytest.fixture(scope="module")
def hosted(tmp_path_factory):
    """borealis has a host of its own. Nothing but the simulated engine."""
    running = support.Mesh(tmp_path_factory.mktemp("hosted"), managed=False,
                           tenants="    hosts: [borealis.example]\n")
    yield running
    running.stop()


def call(mesh, method, path, tenant="aurora", body=None, key=None, **headers):
    """(status, headers, text) of one request; ids and times are masked."""
    headers.setdefault("Authorization", f"Bearer {key or mesh.keys[tenant]}")
    if body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body)
    connection = http.client.HTTPConnection(*mesh.address, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = re.sub(r"req_[0-9a-f]{32}", "REQUEST", answer.read().decode())
        shown = sorted((name.lower(), re.sub(r"req_[0-9a-f]{32}", "REQUEST", value))
                       for name, value in answer.getheaders()
                       if name.lower() not in ("date", "openai-processing-ms", "x-sm-overhead-ms"))
        return answer.status, shown, text
    finally:
        connection.close()


def ask(mesh, model, tenant="aurora", path="/v1/chat/completions", **headers):
    return call(mesh, "POST", path, tenant, support.chat("hello", model), **headers)


def models(mesh, tenant, path="/v1/models", **headers):
    status, _, text = call(mesh, "GET", path, tenant, **headers)
    assert status == 200, text
    return {model["id"] for model in json.loads(text)["data"]}


@pytest.mark.parametrize("prefix", ["", "/t/aurora"])
def test_only_what_the_caller_may_use_is_listed(hosted, prefix):
    assert models(hosted, "aurora", prefix + "/v1/models") == {SIM}
    assert models(hosted, "borealis") == {SIM, FOREIGN}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"])
def test_a_foreign_model_is_refused_as_an_unknown_one(hosted, path):
    before = hosted.sim.counts()
    foreign = ask(hosted, FOREIGN, path=path)
    absent = ask(hosted, ABSENT, path=path)
    assert foreign[0] == 404
    assert foreign == (absent[0], absent[1], absent[2].replace(ABSENT, FOREIGN))
    assert hosted.sim.counts() == before


def test_a_foreign_model_cannot_be_looked_at(hosted):
    foreign = call(hosted, "GET", f"/v1/models/{FOREIGN}")
    absent = call(hosted, "GET", f"/v1/models/{ABSENT}")
    assert foreign[0] == 404
    assert foreign == (absent[0], absent[1], absent[2].replace(ABSENT, FOREIGN))
    assert call(hosted, "GET", f"/v1/models/{FOREIGN}", "borealis")[0] == 200


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_what_a_client_says_about_its_tenant_counts_for_nothing(hosted, name):
    for value in ("borealis", FOREIGN):
        assert ask(hosted, FOREIGN, **{name: value})[0] == 404
        assert models(hosted, "aurora", **{name: value}) == {SIM}


def test_planted_headers_change_nobodys_account(hosted):
    before = {tenant: usage(hosted, tenant) for tenant in hosted.keys}
    assert ask(hosted, SIM, **PLANTED)[0] == 200
    support.wait_for(lambda: usage(hosted, "aurora")["requests"] > before["aurora"]["requests"])
    assert usage(hosted, "borealis") == before["borealis"]


@pytest.mark.parametrize("path, headers", [
    ("/t/borealis/v1/models", {}),
    ("/t/nobody/v1/models", {}),
    ("/t/BOREALIS/v1/models", {}),
    ("/t/%62orealis/v1/models", {}),
    ("/v1/models", {"Host": "borealis.example"}),
    ("/v1/models", {"Host": "BOREALIS.example:80"}),
    ("/v1/models", {"OpenAI-Organization": "borealis"}),
    ("/v1/models", {"OpenAI-Organization": "nobody"}),
    ("/v1/models", {"OpenAI-Project": "another"}),
])
def test_a_key_that_does_not_fit_is_refused_like_a_wrong_one(hosted, path, headers):
    refused = call(hosted, "GET", path, **headers)
    key = hosted.keys["aurora"]
    wrong = make_key()
    expected = call(hosted, "GET", "/v1/models", key=wrong)
    assert refused[0] == 401
    assert refused == (expected[0], expected[1], expected[2].replace(wrong[-4:], key[-4:]))


def test_the_tenants_own_path_and_host_fit(hosted):
    assert FOREIGN in models(hosted, "borealis", "/t/borealis/v1/models", Host="borealis.example")


def test_a_wrong_secret_is_refused_like_an_unknown_key(hosted):
    parts = hosted.keys["borealis"].split("-")
    head = "-".join(["sm", parts[1], make_key().split("-")[2]])
    wrong = head + "-" + support.base62(support.zlib.crc32(head.encode()), 6)
    unknown = make_key()
    refused = call(hosted, "GET", "/v1/models", key=wrong)
    expected = call(hosted, "GET", "/v1/models", key=unknown)
    assert refused[0] == 401
    assert refused == (expected[0], expected[1], expected[2].replace(unknown[-4:], wrong[-4:]))


def usage(mesh, tenant):
    done = subprocess.run([BINARY, "usage", "--tenant", tenant, "--json", "--data-dir", mesh.data],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return totals(json.loads(done.stdout))


def totals(shown):
    rows = shown if isinstance(shown, list) else shown.get("data", [shown])
    return {"requests": sum(row["requests"] for row in rows)}


def test_usage_is_kept_apart(hosted):
    before = usage(hosted, "borealis")
    assert ask(hosted, SIM, "borealis")[0] == 200
    support.wait_for(lambda: usage(hosted, "borealis")["requests"] == before["requests"] + 1)


@pytest.mark.parametrize("path", ["/api/v1/usage", "/api/v1/keys", "/v1/limits", "/metrics"])
def test_the_data_listener_has_no_way_to_anybodys_usage(hosted, path):
    assert call(hosted, "GET", path)[0] == 404


# The prefix cache of the real engine. Two slots, three tenants.

@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    running = support.Mesh(tmp_path_factory.mktemp("cached"), managed=True, engine="    slots: 2\n",
                           more_tenants=("corona",))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def sdks(cached):
    made = {tenant: client(cached, tenant) for tenant in cached.keys}
    yield made
    for each in made.values():
        each.close()


def prompt(words):
    """A text that shares no more than a few tokens of its beginning with any other."""
    return random.randbytes(8).hex() + " " + " ".join(random.choice(("river", "stone", "cloud", "lamp", "seven", "green", "horse",
                                   "paper")) for _ in range(words))


def complete(sdk, text):
    """How many of the prompt's tokens came from the cache."""
    answer = sdk.completions.create(model=TINY, prompt=text, max_tokens=1, temperature=0)
    details = answer.usage.prompt_tokens_details
    assert answer.usage.prompt_tokens > 20
    return details.cached_tokens if details else 0


def test_the_same_tenant_hits_and_the_other_does_not(sdks):
    text = prompt(60)
    assert complete(sdks["aurora"], text) == 0
    assert complete(sdks["aurora"], text) > 20
    for other in ("borealis", "corona"):
        assert complete(sdks[other], text) == 0
    hit = [complete(sdks["borealis"], text), complete(sdks["borealis"], text)]
    assert max(hit) > 20  # it has its own by now


@pytest.mark.parametrize("seed", range(5))
def test_no_interleaving_shows_a_foreign_prefix(sdks, seed):
    chooser = random.Random(seed)
    knows = {}  # text: the tenants that sent it
    texts = [prompt(40 + seed) for _ in range(3)]
    hits = 0
    for _ in range(30):
        tenant, text = chooser.choice(sorted(sdks)), chooser.choice(texts)
        found = complete(sdks[tenant], text)
        senders = knows.setdefault(text, set())
        if tenant not in senders:
            # A few tokens in common with what it said before are no hit.
            assert found < 10, (tenant, text)
        hits += found > 20
        senders.add(tenant)
    assert hits > 0


def test_no_text_of_a_request_is_in_the_log_or_a_file(cached, sdks):
    # The engine itself quotes the pattern.
    marker = "zq" + random.randbytes(8).hex()
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {
        "type": "string", "pattern": f"^{marker}\\p{{L}}(?=x)$"}}}
    for _ in range(2):
        sdks["aurora"].chat.completions.create(
            model=TINY, messages=[{"role": "user", "content": marker}], max_tokens=4,
            response_format=form, user=marker, stop=[marker])
    with pytest.raises(openai.BadRequestError):
        sdks["aurora"].completions.create(model=TINY, prompt=marker + " word" * 4000, max_tokens=1)
    sent = call(cached, "GET", "/v1/models", **{"X-Request-Id": "last" + marker[2:8]})
    assert sent[0] == 200
    support.wait_for(lambda: "last" + marker[2:8] in cached.server.log.read_text())
    assert marker not in cached.server.log.read_text()
    for path in cached.data.rglob("*"):
        assert not path.is_file() or marker.encode() not in path.read_bytes(), path


def refuse(sdk):
    with pytest.raises(openai.BadRequestError):
        sdk.completions.create(model=TINY, prompt="word " * 4000, max_tokens=1)


def embed(sdk):
    sdk.embeddings.create(model=TINY, input="a gateway")


@pytest.mark.parametrize("first", [refuse, embed])
def test_a_request_that_leaves_the_slot_as_it_is_does_not_open_it(sdks, first):
    for _ in range(3):
        text = prompt(60)
        for owner in ("aurora", "corona"):  # both slots hold it
            complete(sdks[owner], text)
        first(sdks["borealis"])
        assert complete(sdks["borealis"], text) == 0


def test_an_embedded_text_is_in_nobody_elses_cache(sdks):
    for _ in range(3):
        for tenant in ("aurora", "borealis"):  # a slot each
            complete(sdks[tenant], f"{tenant} has a slot. " + prompt(30))
        text = prompt(60)
        sdks["borealis"].embeddings.create(model=TINY, input=text)
        assert complete(sdks["aurora"], text) == 0
