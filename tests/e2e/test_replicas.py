"""One model on two engines, shared by tenants: the real program with two simulated engines."""

import concurrent.futures
import json
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
        self.process = support.Process(
            ["serve", "--config", self.config, "--data-dir", folder / "data"], folder / "serve.log")

    def text(self, engines="one, two", weight=1):
        return CONFIG.format(one=self.sims[0].address, two=self.sims[1].address,
                             folder=self.folder, engines=engines, weight=weight)

    def open(self, tenant, path, body=None, **fields):
        request = urllib.request.Request(
            f"http://{self.process.address}/v1/{path}", body and json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.keys[tenant]}", "Content-Type": "application/json",
             **fields})
        return urllib.request.urlopen(request, timeout=60)

    def ask(self, tenant, text, **fields):
        with self.open(tenant, "chat/completions", support.chat(text), **fields) as answer:
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
