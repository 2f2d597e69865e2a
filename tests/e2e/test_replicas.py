"""One model on two engines, shared by tenants: the real program with two simulated engines."""

import concurrent.futures
import json
import re
import sqlite3
import subprocess
import urllib.error
import urllib.request

import pytest

import mesh as support
from mesh import SIM, make_key

CONFIG = """\
server:
  workers: 2
  listen: ["127.0.0.1:0"]
  admin_listen: []
  metrics_listen: ["127.0.0.1:0"]
  accept_after_term: 0s
engines:
  - {{name: one, kind: remote, dialect: vllm, url: "http://{one}/v1", slots: 8}}
  - {{name: two, kind: remote, dialect: vllm, url: "http://{two}/v1", slots: 8}}
models:
  - {{name: sim, engines: [one, two]}}
pools:
  - name: gpu
    engines: [{engines}]
    members:
      - {{tenant: aurora, weight: {weight}}}
tenants:
  - name: aurora
    keys: [{{name: app, secret: "file:{folder}/aurora.key"}}]
  - name: borealis
    keys: [{{name: app, secret: "file:{folder}/borealis.key"}}]
"""


class Replicas:
    def __init__(self, folder):
        self.folder, self.keys = folder, {}
        for tenant in ("aurora", "borealis"):
            self.keys[tenant] = make_key()
            (folder / f"{tenant}.key").write_text(self.keys[tenant])
        self.sims = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            self.sims.append(support.EngineSim(folder / name))
        self.config = folder / "sovmesh.yaml"
        self.config.write_text(self.text())
        self.start()

    def start(self):
        self.process = support.Process(
            ["serve", "--config", self.config, "--data-dir", self.folder / "data"],
            self.folder / "serve.log")

    def text(self, engines="one, two", weight=1):
        return CONFIG.format(one=self.sims[0].address, two=self.sims[1].address,
                             folder=self.folder, engines=engines, weight=weight)

    def open(self, tenant, path, body=None, **fields):
        request = urllib.request.Request(
            f"http://{self.process.address}/v1/{path}", body and json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.keys[tenant]}", "Content-Type": "application/json",
             **fields})
        return urllib.request.urlopen(request, timeout=60)

    def ask(self, tenant, text, model=SIM, **fields):
        with self.open(tenant, "chat/completions", support.chat(text, model), **fields) as answer:
            self.last = answer.headers
            return answer.status

    def explain(self, *arguments):
        return subprocess.run(
            [support.BINARY, "explain", "request", *arguments, "--data-dir", self.folder / "data"],
            capture_output=True, text=True, timeout=30, check=True).stdout

    def metrics(self):
        address = self.process.ready["metrics_listen"][0]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def run(self, *arguments, code=0):
        done = subprocess.run([support.BINARY, *arguments, "--data-dir", self.folder / "data"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def part(self, name):
        pool = json.loads(self.run("pool", "show", "gpu", "--json"))
        return next(part for part in pool["parts"] if part["part"] == name)

    def stop(self):
        for each in (self.process, *self.sims):
            each.stop()


@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    running = Replicas(tmp_path_factory.mktemp("replicas"))
    yield running
    running.stop()


def test_a_herd_of_two_tenants_is_served_by_both(replicas):
    with concurrent.futures.ThreadPoolExecutor(64) as threads:
        answers = [threads.submit(replicas.ask, tenant, "[[sim:tokens=20,rate=100]] go")
                   for _ in range(32) for tenant in ("aurora", "borealis")]
        assert {each.result() for each in answers} == {200}
    counts = [sim.counts()["requests"] for sim in replicas.sims]
    assert sum(counts) == 64
    assert min(counts) >= 24, counts


def test_metrics_have_the_bound_and_the_queues(replicas):
    text = replicas.metrics()
    assert 'sm_queue_depth{tenant_class="interactive"} 0' in text
    assert 'sm_pool_bound_gse{pool="gpu",level="tenant"}' in text
    assert 'sm_pool_gse_rate{pool="gpu",kind="borrowed"}' in text


def test_members_change_live(replicas):
    replicas.config.write_text(replicas.text(weight=4))
    support.wait_for(lambda: "tenants, keys, models" in replicas.process.log.read_text())
    assert "config_restart_pending 0" in replicas.metrics()
    assert replicas.ask("aurora", "hello") == 200


def test_explain_says_which_rule_chose_what(replicas):
    assert replicas.ask("borealis", "why", **{"x-sm-priority": "agent"}) == 200
    request = replicas.last["x-sm-request-id"]
    told = json.loads(replicas.explain(request, "--format", "json"))["scheduling"]
    assert told["class"] == "agent"
    attempt, = told["attempts"]
    assert (attempt["outcome"], attempt["rule"], attempt["pool"]) == ("ok", "at_once", "gpu")
    taken = {engine["engine"]: engine["verdict"] for engine in attempt["engines"]}
    assert sorted(taken) == ["one", "two"]
    assert sorted(taken.values()) == ["dearer", "taken"]
    assert taken[attempt["engine"]] == "taken"
    assert all(engine["cost_us"] > 0 for engine in attempt["engines"])
    text = replicas.explain(request)
    assert "its turn: nobody had to wait for it" in text and "docs/waiting.md" in text
    with replicas.open("borealis", f"requests/{request}") as own:
        assert json.load(own)["rule"] == "at_once"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        replicas.open("aurora", f"requests/{request}")


def test_a_model_made_by_the_api_has_replicas(replicas):
    replicas.run("model", "create", "twins", "--engine", "one", "--engine", "two",
                 "--engine-model", SIM)
    before = [sim.counts()["requests"] for sim in replicas.sims]
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        answers = [threads.submit(replicas.ask, "aurora", "[[sim:tokens=20,rate=100]] go", "twins")
                   for _ in range(16)]
        assert {each.result() for each in answers} == {200}
    assert all(sim.counts()["requests"] - one >= 4 for sim, one in zip(replicas.sims, before))
    replicas.run("model", "update", "twins", "--engine", "two")
    shown = json.loads(replicas.run("model", "show", "twins", "--json"))
    assert (shown["engine"], shown["engines"]) == ("two", ["two"])
    assert "stands twice" in replicas.run("model", "update", "twins", "--engine", "one",
                                          "--engine", "one", code=1)
    replicas.run("model", "delete", "twins")


def test_shares_are_set_live_and_kept_when_the_process_is_killed(replicas):
    replicas.run("pool", "set", "gpu", "--tenant", "borealis", "--weight", "3",
                 "--guaranteed", "0.5", "--lending-limit", "0.25")
    shown = replicas.part("borealis")
    assert (shown["weight"], shown["guaranteed"], shown["lending_limit"], shown["managed_by"]) == (
        "3", "0.5", "0.25", "api")
    assert "0.001..1000" in replicas.run("pool", "set", "gpu", "--tenant", "borealis",
                                         "--weight", "0", code=1)
    assert "sovmesh.yaml" in replicas.run("pool", "set", "gpu", "--tenant", "aurora",
                                          "--weight", "2", code=1)
    assert "borealis" in replicas.run("pool", "show", "gpu")
    assert replicas.ask("aurora", "[[sim:tokens=20,rate=1000]] go") == 200
    borrowed = float(replicas.part("aurora")["history"])
    assert borrowed > 0

    def saved():
        with sqlite3.connect(f"file:{replicas.folder}/data/control.db?mode=ro", uri=True) as books:
            row = books.execute("SELECT value FROM value WHERE name = 'pool_history'").fetchone()
        rows = [each for pool in json.loads(row[0])["pools"] for each in pool["rows"]] if row else []
        return any(each["borrowed"] >= 0.99e6 * borrowed for each in rows
                   if each["path"] == "aurora")
    support.wait_for(saved, seconds=30, step=0.2)
    replicas.process.kill()
    replicas.start()
    assert replicas.part("borealis")["weight"] == "3"
    assert float(replicas.part("aurora")["history"]) == pytest.approx(borrowed, rel=0.01)
    replicas.run("pool", "remove", "gpu", "--tenant", "borealis")
    assert replicas.part("borealis")["weight"] == "1"


def test_proposed_shares_are_tried_on_what_was_recorded(replicas):
    told = replicas.run("pool", "simulate", "gpu", "--quiet", "--share", "borealis=5:1")
    for word in ("present", "proposed", "aurora", "borealis", "wait p95"):
        assert word in told
    assert "what would change" in replicas.run("pool", "simulate", "gpu", code=2)


@pytest.mark.parametrize("engines, weight, message", [
    ("one", 1, "sovmesh.yaml:11:17: error: the engines of model 'sim' are not in one pool"),
    ("one, two", 0, "sovmesh.yaml:16:9: error: pool 'gpu': weight"),
])
def test_what_is_wrong_is_named_by_its_line(replicas, engines, weight, message):
    wrong = replicas.folder / "wrong"
    wrong.mkdir(exist_ok=True)
    (wrong / "sovmesh.yaml").write_text(replicas.text(engines, weight))
    checked = subprocess.run([support.BINARY, "config", "validate", wrong / "sovmesh.yaml"],
                             capture_output=True, text=True, timeout=30, check=False)
    assert checked.returncode != 0
    assert message in checked.stdout + checked.stderr, SIM


def test_what_engines_say_of_their_load_is_shown(replicas):
    def load(name):
        return json.loads(replicas.run("engine", "show", name, "--json"))["load"]
    support.wait_for(lambda: load("one") is not None)
    assert load("one")["running"] == 0
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        slow = [threads.submit(replicas.ask, "aurora", "[[sim:tokens=60,rate=30]] go")
                for _ in range(8)]
        support.wait_for(lambda: load("one")["running"] + load("two")["running"] == 8)
        page = replicas.metrics()
        assert all(each.result() == 200 for each in slow)
    on = {name: int(re.search(
        rf'sm_backend_requests{{engine="{name}",state="running"}} (-?\d+)', page)[1])
        for name in ("one", "two")}
    assert sum(on.values()) == 8
    assert 'sm_backend_kv_used_ratio{engine="one"} -1' in page
