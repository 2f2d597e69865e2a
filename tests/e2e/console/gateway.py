"""A gateway with all that the console shows: engines, the real one among them, a route, a pool, prices,
limits, people, traffic."""

import json
import os
import pathlib
import subprocess
import urllib.error
import urllib.request

import mesh as support

from mesh import EngineSim, chat, make_key, wait_for

CONFIG = """\
server:
  workers: 1
  listen: ["127.0.0.1:0"]
  admin_listen: ["127.0.0.1:0"]
  metrics_listen: []
  accept_after_term: 0s
engines:
  - {{name: gpu-1, kind: remote, dialect: vllm, url: "http://{first}/v1"}}
  - {{name: gpu-2, kind: remote, dialect: vllm, url: "http://{second}/v1"}}
  - name: tiny
    kind: managed
    model_file: {model}
    start_at_boot: true
models:
  - {{name: sovmesh-tiny, engine: tiny}}
  - {{name: llama-v1, engine: gpu-1, engine_model: sim}}
  - {{name: llama-v2, engine: gpu-2, engine_model: sim}}
routes:
  - name: llama
    versions:
      - {{model: llama-v1, weight: 1}}
      - {{model: llama-v2, stage: canary}}
pools:
  - name: gpu
    engines: [gpu-1, gpu-2]
    capacity: 2
    cohorts: [{{name: east, guaranteed: 1}}]
    members:
      - {{tenant: aurora, cohort: east, guaranteed: 0.5, weight: 3}}
prices:
  - {{model: llama, currency: DKK, label: standard 2026, input: 150, output: 600}}
  - {{model: llama-v2, currency: DKK, label: standard 2026, input: 150, output: 600}}
  - {{model: sovmesh-tiny, currency: DKK, label: standard 2026, input: 30, output: 120}}
tenants:
  - name: borealis
  - name: aurora
    currency: DKK
    time_zone: Europe/Copenhagen
    keys: [{{name: app, secret: env:E2E_AURORA, owner: ada}}]
    limits:
      - {{measure: requests, window: minute, amount: 1000}}
      - {{measure: money, window: month, amount: 250}}
"""


# Who signs in with a password: role and tenant by login.
PEOPLE = {
    "olga@platform": ("platform-operator", None),
    "audrey@platform": ("auditor", None),
    "finn@platform": ("finance", None),
    "ann@aurora": ("tenant-admin", "aurora"),
    "dave@aurora": ("tenant-developer", "aurora"),
}
PASSWORD = "blue kettle 47 north"
TINY = support.TINY


class SignedIn:
    """Somebody at the API with a session, as a browser has it."""

    def __init__(self, gateway, login, password):
        status, head, body = gateway.fetch("/api/v1/sessions", "POST", {"login": login, "password": password})
        assert status == 201, body
        self.gateway = gateway
        self.head = {"cookie": head["set-cookie"].split(";")[0], "x-sm-csrf": json.loads(body)["csrf_token"]}

    def fetch(self, method, path, body=None):
        return self.gateway.fetch(f"/api/v1/{path}", method, body, **self.head)

    def status(self, method, path, body=None):
        return self.fetch(method, path, body)[0]

    def api(self, method, path, body=None):
        status, _, answer = self.fetch(method, path, body)
        assert 200 <= status < 300, answer
        return json.loads(answer or b"null")


class Gateway:
    """`more`: what else the configuration file says."""

    def __init__(self, folder, more=""):
        folder = pathlib.Path(folder)
        self.engines = []
        for name in ("first", "second"):
            (folder / name).mkdir()
            self.engines.append(EngineSim(folder / name))
        self.key = make_key()
        config = folder / "sovmesh.yaml"
        config.write_text(CONFIG.format(first=self.engines[0].address, second=self.engines[1].address,
                                        model=support.ROOT / "models/tiny/sovmesh-tiny.gguf") + more)
        self.data = folder / "data"
        self.process = support.Process(["serve", "--config", config.name, "--data-dir", self.data],
                                       folder / "serve.log", {**os.environ, "E2E_AURORA": self.key},
                                       cwd=folder)
        self.admin = self.process.ready["admin_listen"][0]
        self.url = f"http://{self.admin}"
        self.token = (self.data / "admin.token").read_text().strip()

    def make_people(self):
        for login, (role, tenant) in PEOPLE.items():
            self.make_user(login, role, tenant)

    def make_user(self, login, role, tenant=None, **more):
        where = {} if tenant is None else {"tenant": tenant}
        return self.api("POST", "users", {"login": login, "password": PASSWORD, "role": role, **where, **more})

    def ready(self, engine):
        wait_for(lambda: self.api("GET", f"engines/{engine}")["state"] == "ready", 60)

    def import_model(self, artifact, *words):
        """As somebody does on the server's machine."""
        name, version = artifact.split("@")
        done = subprocess.run(
            [support.BINARY, "model", "import", support.ROOT / "models/tiny/sovmesh-tiny.gguf", "--name", name, "--version", version,
             *words, "--data-dir", self.data], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr

    def stop(self):
        try:
            assert self.process.stop() == 0
        finally:
            for engine in self.engines:
                engine.stop()

    def api(self, method, path, body=None):
        request = urllib.request.Request(
            f"{self.url}/api/v1/{path}", None if body is None else json.dumps(body).encode(),
            {"authorization": f"Bearer {self.token}", "content-type": "application/json"},
            method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{method} {path}: {refused.read().decode()}") from None

    def chat(self, key=None, session="", model="llama", text="hello", **more):
        """The status of a request, and its id."""
        request = urllib.request.Request(
            f"http://{self.process.address}/v1/chat/completions",
            json.dumps(chat(text, model=model, **more)).encode(),
            {"authorization": f"Bearer {key or self.key}", "content-type": "application/json",
             "x-sm-session": session})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer.read()
                return answer.status, answer.headers["x-sm-request-id"]
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers["x-sm-request-id"]

    def sign_in(self, login, password=PASSWORD):
        return SignedIn(self, login, password)

    def fetch(self, path, method="GET", body=None, **fields):
        """Status, headers and bytes of what the console's address answers."""
        if body is not None:
            fields["content-type"] = "application/json"
        request = urllib.request.Request(self.url + path, None if body is None else json.dumps(body).encode(), fields,
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as other:
            return other.code, other.headers, other.read()
