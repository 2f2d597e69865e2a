"""A gateway with all that the console shows: two engines, a route, a pool, prices, limits, traffic."""

import json
import os
import pathlib
import urllib.error
import urllib.request

import mesh as support
from mesh import EngineSim, chat, make_key

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
models:
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
tenants:
  - name: aurora
    currency: DKK
    time_zone: Europe/Copenhagen
    keys: [{{name: app, secret: env:E2E_AURORA, owner: ada}}]
    limits:
      - {{measure: requests, window: minute, amount: 1000}}
      - {{measure: money, window: month, amount: 250}}
"""


class Gateway:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.engines = []
        for name in ("first", "second"):
            (folder / name).mkdir()
            self.engines.append(EngineSim(folder / name))
        self.key = make_key()
        config = folder / "sovmesh.yaml"
        config.write_text(CONFIG.format(first=self.engines[0].address, second=self.engines[1].address))
        self.data = folder / "data"
        self.process = support.Process(["serve", "--config", config.name, "--data-dir", self.data],
                                       folder / "serve.log", {**os.environ, "E2E_AURORA": self.key},
                                       cwd=folder)
        self.admin = self.process.ready["admin_listen"][0]
        self.url = f"http://{self.admin}"
        self.token = (self.data / "admin.token").read_text().strip()

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
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def chat(self, key=None, session="", model="llama"):
        """The status of a request, and its id."""
        request = urllib.request.Request(
            f"http://{self.process.address}/v1/chat/completions",
            json.dumps(chat("hello", model=model)).encode(),
            {"authorization": f"Bearer {key or self.key}", "content-type": "application/json",
             "x-sm-session": session})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
                return answer.status, answer.headers["x-sm-request-id"]
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers["x-sm-request-id"]

    def fetch(self, path, method="GET", **fields):
        """Status, headers and bytes of what the console's address answers."""
        request = urllib.request.Request(self.url + path, headers=fields, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as other:
            return other.code, other.headers, other.read()
