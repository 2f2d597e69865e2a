"""A server that has something of everything, and a client that checks each answer."""

import http.client
import json
import os
import urllib.parse

import document
import mesh as support

CONFIG = """\
server:
  workers: 1
  listen: ["127.0.0.1:0"]
  admin_listen: ["127.0.0.1:0"]
  admin_rate: 0
  metrics_listen: []
  accept_after_term: 0s
  drain_time: 1s
engines:
  - {{name: near, kind: remote, dialect: vllm, url: "http://{sim}/v1"}}
  - {{name: far, kind: remote, dialect: vllm, url: "http://{sim}/v1"}}
models:
  - {{name: small-v1, engine: near, engine_model: sim}}
  - {{name: small-v2, engine: far, engine_model: sim}}
  - {{name: small-v3, engine: far, engine_model: sim}}
routes:
  - name: small
    versions:
      - {{model: small-v1, weight: 1}}
      - {{model: small-v2, stage: canary}}
      - {{model: small-v3, stage: experiment}}
    mirror: {{version: small-v3, share: 100}}
    conditions: [{{name: beta, version: small-v2, headers: [{{name: x-beta, value: "1"}}]}}]
    fallbacks: [{{model: small-v2}}]
    timeouts: {{total: 60s}}
webhooks:
  allowed: ["http://127.0.0.1:9/hooks"]  # where nobody listens
pools:
  - name: gpu
    engines: [near, far]
    capacity: 2
    cohorts: [{{name: east, guaranteed: 1}}]
    members: [{{tenant: aurora, cohort: east, guaranteed: 0.5, weight: 3}}]
prices:
  - model: small-v1
    currency: DKK
    label: standard
    input: 0.15
    output: 0.60
    gse: {{prompt_us: 12.5, cached_us: 0.5, output_us: 900}}
    energy: {{watts: 300, pue: 1.25, g_co2e_per_kwh: 90}}
tenants:
  - name: aurora
    currency: DKK
    time_zone: Europe/Copenhagen
    keys: [{{name: app, secret: env:OPENAPI_KEY}}]
    limits:
      - {{measure: money, window: month, amount: 250.5}}
      - {{measure: concurrency, amount: 100}}
"""


class Answer:
    def __init__(self, status, headers, text):
        self.status = status
        self.headers = headers
        is_json = headers.get("content-type", "").startswith("application/json")
        self.body = json.loads(text) if is_json and text else text.decode(errors="replace")

    def __getitem__(self, name):
        return self.body[name]


class World:
    def __init__(self, folder):
        self.key = support.make_key()
        self.data = folder / "data"
        self.sim = support.EngineSim(folder)
        config = folder / "sovmesh.yaml"
        config.write_text(CONFIG.format(sim=self.sim.address))
        env = {**os.environ, "OPENAPI_KEY": self.key}
        try:
            self.server = support.Process(["serve", "--config", config, "--data-dir", self.data],
                                          folder / "serve.log", env)
        except BaseException:
            self.sim.stop()
            raise
        self.admin = self.server.ready["admin_listen"][0]
        self.token = (self.data / "admin.token").read_text().strip()
        self.met = {}  # statuses that each operation answered

    def stop(self):
        code = self.server.stop()
        self.sim.stop()
        assert code == 0, self.server.log_tail()

    def send(self, method, target, body=None, **headers):
        """The bare exchange. `body`: bytes, or what becomes JSON."""
        fields = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            fields["Content-Type"] = "application/json"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        connection = http.client.HTTPConnection(self.admin, timeout=30)
        try:
            connection.request(method, target, body,
                               {name: value for name, value in fields.items() if value is not None})
            got = connection.getresponse()
            named = {name.lower(): value for name, value in got.getheaders()}
            return Answer(got.status, named, got.read())
        finally:
            connection.close()

    def call(self, method, path, body=None, status=200, **headers):
        """A request below /api/v1/ that the document describes, and its answer."""
        target = "/api/v1/" + path
        _, operation = document.find(method, target)
        if status < 400:
            document.check_request(operation, target, body)
        answer = self.send(method, target, body, **headers)
        assert answer.status == status, (method, target, answer.status, answer.body)
        document.check_answer(operation, status, answer.headers, answer.body)
        self.met.setdefault(operation["operationId"], set()).add(status)
        return answer

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def ask(self, model="small", **headers):
        """A request of the data path; its id."""
        host, port = self.server.address.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        try:
            connection.request("POST", "/v1/chat/completions",
                               json.dumps(support.chat("hello", model=model)),
                               {"Authorization": f"Bearer {self.key}",
                                "Content-Type": "application/json", **headers})
            got = connection.getresponse()
            assert got.status == 200, got.read()
            got.read()
            return got.getheader("x-sm-request-id")
        finally:
            connection.close()


def quoted(name):
    return urllib.parse.quote(name, safe="")
