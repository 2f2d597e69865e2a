"""Routes of the file and of the command line over two engines, and rollouts to their end."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request

import pytest

import mesh as support
from mesh import EngineSim, chat, make_key, wait_for
from receiver import Receiver, check_signed

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


SECRET = "a secret of the receiver and of ours"


class Gateway:
    def __init__(self, folder, good, other, webhook="", more=""):
        self.key = make_key()
        secret = folder / "key"
        secret.write_text(self.key)
        secret.chmod(0o600)
        self.data = folder / "data"
        config = folder / "sovmesh.yaml"
        text = CONFIG.format(good=good.address, other=other.address, secret=secret,
                             more=more)
        if webhook:
            text += f"webhooks:\n  rollout_events: {{url: \"{webhook}\", secret: env:E2E_HOOK}}\n"
        config.write_text(text)
        self.start_words = (["serve", "--config", config, "--data-dir", self.data],
                            folder / "serve.log", {**os.environ, "E2E_HOOK": SECRET})
        self.process = support.Process(*self.start_words)

    def restart(self):
        assert self.process.stop() == 0
        self.process = support.Process(*self.start_words)

    def run(self, *words, code=0, text=None):
        done = subprocess.run([support.BINARY, *words, "--data-dir", str(self.data)], input=text,
                              capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def rollout(self):
        return json.loads(self.run("rollout", "status", "model", "--json"))

    def ask(self, session, model="model", **fields):
        """Who answered, or the status of an error."""
        request = urllib.request.Request(
            f"http://{self.process.address}/v1/chat/completions",
            json.dumps(chat("hello", model=model)).encode(),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json",
             "x-sm-session": str(session), **fields})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert json.load(answer)["model"] == model
                return answer.headers["x-sm-model"]
        except urllib.error.HTTPError as refused:
            return refused.code


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(*arguments, webhook="", more=""):
        good = EngineSim(tmp_path / "good")
        other = EngineSim(tmp_path / "other", *arguments)
        started.extend([good, other])
        gateway = Gateway(tmp_path, good, other, webhook, more)
        gateways.append(gateway)
        return gateway

    for name in ("good", "other"):
        (tmp_path / name).mkdir()
    gateways = []
    yield begin
    for process in [gateway.process for gateway in gateways] + started:
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


def test_the_next_one_leaves_what_was_promoted_where_it_is(start):
    gateway = start()
    gateway.run("rollout", "start", "model", "--candidate", "model-v2")
    assert wait_for(lambda: gateway.rollout()["state"] == "holding")
    gateway.run("rollout", "promote", "model")
    assert answers(gateway, "model") == {"model-v2"}
    assert "since it was promoted" in gateway.run("rollout", "start", "model", "--candidate",
                                                  "model-v2", code=1)
    gateway.run("rollout", "start", "model", "--candidate", "model-v1", "--step", "1%:10m")
    assert gateway.rollout()["stable"] == "model-v2"
    gateway.restart()
    assert "model-v2" in answers(gateway, "model")
    gateway.run("rollout", "abort", "model")
    assert answers(gateway, "model") == {"model-v2"}


def answers(gateway, model, **fields):
    return {gateway.ask(session, model, **fields) for session in range(30)}


def test_routes_come_change_and_go_while_it_runs(start):
    gateway = start()
    assert gateway.ask(1, "chat") == 404
    made = gateway.run("route", "create", "chat", "--version", "model-v1=1", "--version",
                       "model-v2=0", "--header", "x-app:beta=model-v2", "--fallback", "model-v1")
    assert "  - {model: model-v1, stage: stable, weight: 1}  # 100% now\n" in made
    assert answers(gateway, "chat") == {"model-v1"}
    assert answers(gateway, "chat", **{"x-app": "beta"}) == {"model-v2"}
    gateway.run("route", "update", "--header", "none", "--version", "model-v1=1", "--version",
                "model-v2=1", "chat")
    assert answers(gateway, "chat") == {"model-v1", "model-v2"}
    gateway.restart()
    assert answers(gateway, "chat") == {"model-v1", "model-v2"}

    shown = gateway.run("route", "show", "chat")
    gateway.run("route", "delete", "chat")
    assert gateway.ask(1, "chat") == 404
    assert "# of the admin API, revision 2\n" in shown
    again = gateway.run("route", "create", "--from", "-", text=shown)
    assert again == shown.replace("revision 2", "revision 1")
    assert gateway.run("route", "update", "--from", "-", text=shown) == again  # nothing changed
    listed = gateway.run("route", "list").splitlines()
    assert [line.split()[0] for line in listed] == ["name", "chat", "model"]
    actions = gateway.run("audit", "list")
    for action in ("route.create", "route.update", "route.delete"):
        assert action in actions


def test_a_keys_label_leads_to_a_version(start):
    gateway = start()
    gateway.run("route", "create", "chat", "--version", "model-v1=1", "--version", "model-v2=0",
                "--key-label", "tier:gold=model-v2")
    assert "key_labels: [{name: tier, value: gold}]" in gateway.run("route", "show", "chat")
    made = json.loads(gateway.run("key", "create", "--tenant", "aurora", "--label", "tier=gold",
                                  "--label", "team=a b", "--json"))
    assert made["labels"] == {"team": "a b", "tier": "gold"}
    assert answers(gateway, "chat") == {"model-v1"}
    gateway.key = made["key"]
    assert answers(gateway, "chat") == {"model-v2"}
    gateway.restart()
    assert answers(gateway, "chat") == {"model-v2"}
    changed = gateway.run("key", "update", made["id"], "--label", "none", "--json")
    assert json.loads(changed)["labels"] == {}
    assert answers(gateway, "chat") == {"model-v1"}
    assert "want NAME=VALUE, not 'gold'" in gateway.run("key", "update", made["id"], "--label",
                                                        "gold", code=2)


def test_what_a_route_cannot_be_is_said(start):
    gateway = start()
    refused = gateway.run("route", "create", "chat", "--version", "nobody=1", code=1)
    assert "there is no model nobody (versions[0].model)" in refused
    assert "would hide the model" in gateway.run("route", "create", "model-v1", "--version",
                                                 "model-v2=1", code=1)
    assert "sovmesh.yaml" in gateway.run("route", "delete", "model", code=1)
    wrong = "name: chat\nversions:\n  - {model: model-v1, wieght: 1}\n"
    refused = gateway.run("route", "create", "--from", "-", text=wrong, code=2)
    assert "standard input:3:23: error: unknown setting 'wieght' in version" in refused
    gateway.run("route", "create", "chat", "--version", "model-v1=1", "--version", "model-v2=0")
    gateway.run("rollout", "start", "chat", "--candidate", "model-v2")
    assert "sovmesh rollout abort chat" in gateway.run("route", "delete", "chat", code=1)
    assert "there are: chat, model" in gateway.run("route", "show", "caht", code=1)


def test_what_happens_to_a_rollout_reaches_the_webhook(start):
    with Receiver(refusals=1) as receiver:
        gateway = start(webhook=receiver.url)
        gateway.run("rollout", "start", "model", "--candidate", "model-v2", "--step", "5%:10m")
        assert wait_for(lambda: gateway.rollout()["state"] == "holding")
        for act in ("pause", "resume", "abort"):
            gateway.run("rollout", act, "model")
        wait_for(lambda: len(receiver.taken) >= 5, seconds=20)
    for headers, body in receiver.attempts:
        check_signed(SECRET.encode(), headers, body)
    events = [json.loads(body) for _, body in receiver.taken]
    assert [event["type"] for event in events] == [
        f"rollout.{what}" for what in ("started", "step", "paused", "resumed", "aborted")]
    assert {event["data"]["route"] for event in events} == {"model"}
    assert [event["data"]["share"] for event in events] == ["0%", "5%", "5%", "5%", "0%"]
    entries = gateway.run("audit", "list")
    for act in ("create", "pause", "resume", "abort"):
        assert f"rollout.{act}" in entries


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
