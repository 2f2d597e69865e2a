"""A start without a configuration file: OPENAI_BASE_URL names the engine."""

import json
import os
import re
import subprocess
import urllib.error
import urllib.request

import mesh as support
from mesh import SIM, chat

KEY = re.compile(r"^ +(sm-\w+-\w+-\w+)$", re.M)
LISTENERS = [part for name in ("listen", "admin-listen", "metrics-listen")
             for part in (f"--{name}", "127.0.0.1:0")]


def serve(folder, **variables):
    env = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return support.Process(["serve", "--data-dir", folder / "data", *LISTENERS],
                           folder / "serve.log", dict(env, SM_SERVER_ACCEPT_AFTER_TERM="0s", **variables))


def ask(server, key, path, body=None):
    request = urllib.request.Request(
        f"http://{server.address}/v1/{path}", body and json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_an_engine_in_the_environment_is_enough(tmp_path):
    sim = support.EngineSim(tmp_path)
    url = f"http://{sim.address}/v1"
    try:
        server = serve(tmp_path, OPENAI_BASE_URL=url)
        keys = KEY.findall(server.log_tail())
        assert len(keys) == 1
        models = support.wait_for(lambda: ask(server, keys[0], "models")["data"])
        assert [model["id"] for model in models] == [SIM]
        assert ask(server, keys[0], "chat/completions", chat("hello"))["usage"]["total_tokens"] > 0
        assert server.stop() == 0

        sim_address = sim.address
        sim.stop()  # its models stay known: a client is told 503, not that there is no such model
        server = serve(tmp_path, OPENAI_BASE_URL=url)
        assert KEY.findall(server.log.read_text()) == keys
        assert [model["id"] for model in ask(server, keys[0], "models")["data"]] == [SIM]
        try:
            ask(server, keys[0], "chat/completions", chat("hello"))
            raise AssertionError(f"nobody is at {sim_address}")
        except urllib.error.HTTPError as refused:
            assert refused.code == 503
        assert server.stop() == 0
        kept = b"".join(file.read_bytes() for file in (tmp_path / "data").rglob("*")
                        if file.is_file())
        assert keys[0].encode() not in kept and keys[0].split("-")[2].encode() not in kept
    finally:
        sim.stop()


def test_pages_of_listed_origins_may_call_and_no_others(tmp_path):
    def call(server, method, origin, **fields):
        request = urllib.request.Request(f"http://{server.address}/v1/models", method=method,
                                         headers=dict(fields, Origin=origin))
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers

    ours, asks = "https://app.example", {"Access-Control-Request-Method": "GET",
                                         "Access-Control-Request-Headers": "authorization"}
    allowed = "access-control-allow-origin"
    sim = support.EngineSim(tmp_path)
    url = f"http://{sim.address}/v1"
    try:
        server = serve(tmp_path, OPENAI_BASE_URL=url, SM_SERVER_CORS_ORIGINS=ours)
        status, head = call(server, "OPTIONS", ours, **asks)
        assert (status, head[allowed]) == (204, ours)
        assert head["access-control-allow-headers"] == "authorization"
        status, head = call(server, "GET", ours)  # a page may read an error as well
        assert (status, head[allowed], head["vary"]) == (401, ours, "Origin")
        status, head = call(server, "OPTIONS", "https://other.example", **asks)
        assert (status, head[allowed]) == (405, None)
        assert server.stop() == 0
        server = serve(tmp_path, OPENAI_BASE_URL=url)
        status, head = call(server, "OPTIONS", ours, **asks)
        assert (status, head[allowed], head["vary"]) == (405, None, None)
        assert server.stop() == 0
    finally:
        sim.stop()


def test_nothing_to_serve_is_an_error(tmp_path):
    try:
        serve(tmp_path)
        raise AssertionError("it started")
    except (AssertionError, json.JSONDecodeError) as failed:
        assert "OPENAI_BASE_URL is not set" in str(failed)


def test_a_data_folder_may_be_named_relatively_and_must_be_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").write_text("tenants: [{name: aurora}]\n")
    server = support.Process(["serve", "--data-dir", "data", "--config", "gateway.yaml", *LISTENERS],
                             tmp_path / "serve.log", dict(os.environ))
    made = subprocess.run([support.BINARY, "key", "create", "--tenant", "aurora", "--data-dir", "data"],
                          capture_output=True, text=True, timeout=30)
    assert made.returncode == 0 and "sm-" in made.stdout, made.stderr
    assert server.stop() == 0

    # Without the secret that keys were made with, all of them would be refused without a word.
    (tmp_path / "data/secrets/pepper.1").unlink()
    lost = subprocess.run([support.BINARY, "serve", "--data-dir", "data", "--config", "gateway.yaml",
                           *LISTENERS], capture_output=True, text=True, timeout=30)
    assert lost.returncode == 5 and "pepper.1' is missing" in lost.stderr

    (tmp_path / "home").mkdir(mode=0o755)
    (tmp_path / "home/letter").write_text("dear")
    slip = subprocess.run([support.BINARY, "serve", "--data-dir", "home", "--config", "gateway.yaml",
                           *LISTENERS], capture_output=True, text=True, timeout=30)
    assert slip.returncode == 5 and "holds other files" in slip.stderr
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o755


def test_a_damaged_ledger_stops_the_start_and_stays_as_it_is(tmp_path):
    (tmp_path / "gateway.yaml").write_text("tenants: [{name: aurora}]\n")
    arguments = ["serve", "--data-dir", tmp_path / "data", "--config", tmp_path / "gateway.yaml",
                 *LISTENERS]
    assert support.Process(arguments, tmp_path / "serve.log", dict(os.environ)).stop() == 0
    ledger = tmp_path / "data/ledger.db"
    whole = ledger.read_bytes()
    for bad in (whole[: len(whole) // 2], whole[:5000], b"\xff" * 100 + whole[100:]):
        ledger.write_bytes(bad)
        refused = subprocess.run([support.BINARY, *map(str, arguments)], capture_output=True, text=True,
                                 timeout=30)
        assert refused.returncode == 5, refused.stderr
        assert f"{ledger} is damaged: " in refused.stderr and "put a backup" in refused.stderr
        assert ledger.read_bytes() == bad
    ledger.write_bytes(whole)
    assert support.Process(arguments, tmp_path / "serve.log", dict(os.environ)).stop() == 0


def test_what_a_remote_engine_does_not_offer_is_refused_by_its_line(tmp_path):
    config = tmp_path / "gateway.yaml"

    def validate(dialect, more=""):
        config.write_text("engines:\n"
                          f"  - {{name: far, kind: remote, dialect: {dialect}, url: 'http://e/v1'{more}}}\n"
                          "models:\n"
                          "  - name: m\n"
                          "    engine: far\n"
                          "    embeddings: true\n"
                          "tenants:\n"
                          "  - name: aurora\n"
                          "    keys:\n"
                          "      - {name: app, secret: env:KEY, expires_at: '2020-01-01T00:00:00Z'}\n")
        return subprocess.run([support.BINARY, "config", "validate", str(config)], timeout=30,
                              capture_output=True, text=True, env=dict(os.environ, KEY=support.make_key()))

    for dialect in ("vllm", "sglang"):
        refused = validate(dialect)
        assert refused.returncode == 4
        assert f"{config}:6:5: error: 'embeddings' has no effect" in refused.stderr
    for fine in (validate("openai"), validate("vllm", ", capabilities: {embeddings: true}")):
        assert fine.returncode == 0, fine.stderr
        assert f"{config}:10:38: warning: key 'app' of 'aurora' has expired" in fine.stderr
    assert validate("openai", ", capabilities: {embeddings: false}").returncode == 4
