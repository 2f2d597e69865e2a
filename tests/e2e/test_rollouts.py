"""A route of the file over two engines, and a rollout from the command line to its end."""

import json
import subprocess
import time
import urllib.error
import urllib.request

import pytest

import mesh as support
from mesh import EngineSim, chat, make_key, wait_for

CONFIG = """\
server:
  workers: 2
  listen: ["127.0.0.1:0"]
  admin_listen: []
  metrics_listen: []
  accept_after_term: 0s
engines:
  - {{name: good, kind: remote, dialect: vllm, url: "http://{good}/v1"}}
  - {{name: other, kind: remote, dialect: vllm, url: "http://{other}/v1"}}
models:
  - {{name: model-v1, engine: good, engine_model: sim}}
  - {{name: model-v2, engine: other, engine_model: sim}}
routes:
  - name: model
    versions:
      - {{model: model-v1, weight: 1}}
      - {{model: model-v2, stage: canary}}
{more}tenants:
  - name: aurora
    keys: [{{name: app, secret: "file:{secret}"}}]
"""


class Gateway:
    def __init__(self, folder, good, other, more):
        self.key = make_key()
        secret = folder / "key"
        secret.write_text(self.key)
        secret.chmod(0o600)
        self.data = folder / "data"
        config = folder / "sovmesh.yaml"
        config.write_text(CONFIG.format(good=good.address, other=other.address, secret=secret,
                                        more=more))
        self.process = support.Process(["serve", "--config", config, "--data-dir", self.data],
                                       folder / "serve.log")

    def run(self, *words, code=0):
        done = subprocess.run([support.BINARY, *words, "--data-dir", str(self.data)],
                              capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def rollout(self):
        return json.loads(self.run("rollout", "status", "model", "--json"))

    def ask(self, session):
        """Who answered, or the status of an error."""
        request = urllib.request.Request(
            f"http://{self.process.address}/v1/chat/completions",
            json.dumps(chat("hello", model="model")).encode(),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json",
             "x-sm-session": str(session)})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert json.load(answer)["model"] == "model"
                return answer.headers["x-sm-model"]
        except urllib.error.HTTPError as refused:
            return refused.code


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(*arguments, more=""):
        good = EngineSim(tmp_path / "good")
        other = EngineSim(tmp_path / "other", *arguments)
        gateway = Gateway(tmp_path, good, other, more)
        started.extend([gateway.process, good, other])
        return gateway

    for name in ("good", "other"):
        (tmp_path / name).mkdir()
    yield begin
    for process in started:
        process.stop()


def test_a_bad_candidate_is_rolled_back_by_itself(start):
    gateway = start("--fault", "status:500")
    assert gateway.ask(1) == "model-v1"
    gateway.run("rollout", "start", "model", "--candidate", "model-v2", "--step", "50%:10m",
                "--gate", "error_rate:1%", "--sample-min", "20")
    assert wait_for(lambda: gateway.rollout()["state"] == "holding")
    session = 0
    while gateway.rollout()["state"] == "holding" and session < 2000:
        for session in range(session, session + 20):
            gateway.ask(session)
    assert gateway.rollout()["state"] == "rolled_back"
    assert {gateway.ask(session) for session in range(60)} == {"model-v1"}
    shown = gateway.run("rollout", "status", "model")
    assert "rolled back: " in shown and "errors" in shown
    assert "rollout.rolled_back" in gateway.run("audit", "list")


def test_by_hand_it_is_taken_back_within_a_second(start):
    gateway = start()
    gateway.run("rollout", "start", "model", "--candidate", "model-v2", "--step", "99%:10m")
    assert wait_for(lambda: "model-v2" in {gateway.ask(session) for session in range(10)})
    began = time.monotonic()
    gateway.run("rollout", "abort", "model", "--reason", "users complain")
    assert {gateway.ask(session) for session in range(10)} == {"model-v1"}
    assert time.monotonic() - began < 1
    assert "users complain" in gateway.run("rollout", "status", "model")
    assert "rolled_back" in gateway.run("rollout", "list")
    assert '"share":"0%"' in gateway.run("route", "show", "model", "--json")


def test_copies_go_to_the_mirror_and_are_compared_and_not_charged(start):
    gateway = start(more="    mirror: {version: model-v2, share: 100}\n")
    for session in range(20):
        assert gateway.ask(session) == "model-v1"

    def copies():
        return json.loads(gateway.run("route", "compare", "model", "--json")).get("copies", {})

    assert wait_for(lambda: sum(copies().values()) == 20 and copies().get("answered", 0) > 0)
    shown = gateway.run("route", "compare", "model")
    assert "100% of the requests go to model-v2" in shown
    assert "errors" in shown and "whole answer, median" in shown
    usage = gateway.run("usage", "--tenant", "aurora", "--by", "engine", "--json")
    assert '"good"' in usage and '"other"' not in usage
    entries = json.loads(gateway.run("audit", "list", "--action", "request", "--json"))["data"]
    assert {row["entry"]["engine"] for row in entries} == {"good"}
    assert "other@local" in {row["entry"].get("mirror") for row in entries}


def test_a_route_without_a_mirror_has_nothing_to_compare(start):
    gateway = start()
    assert "has no mirror" in gateway.run("route", "compare", "model", code=1)
