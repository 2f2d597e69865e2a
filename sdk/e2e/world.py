"""The gateway that the SDKs are tried on: the real tiny engine and the simulated one, with prices, limits, a
route with a grey channel, and a tenant whose answers are kept."""

import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

import mesh as support  # noqa: E402
from mesh import DEPS, SIM, TINY, make_key  # noqa: E402

CONFIG = """\
server:
  workers: 1
  listen: ["127.0.0.1:0"]
  admin_listen: ["127.0.0.1:0"]
  metrics_listen: []
  accept_after_term: 0s
  drain_time: 1s
engines:
{managed}
  - name: sim
    kind: remote
    dialect: vllm
    url: http://{sim}/v1
models:
  - {{name: {tiny}, engine: tiny, embeddings: true}}
  - {{name: sim, engine: sim}}
  - {{name: sim-next, engine: sim, engine_model: sim}}
routes:
  - name: assistant
    versions: [{{model: sim, weight: 1}}, {{model: sim-next, stage: canary}}]
    sticky: session
    grey: {{name: preview, version: sim-next, tenants: [aurora]}}
prices:
  - {{model: {tiny}, currency: EUR, input: 2, cached_input: 2, output: 5}}
tenants:
  - name: aurora
    currency: EUR
    keys:
      - {{name: app, secret: env:SDK_AURORA}}
      - {{name: low, secret: env:SDK_LOW, max_priority: batch}}
  - name: keeper
    replay: {{ttl: 1h, bytes_max: 1000000}}
    keys: [{{name: app, secret: env:SDK_KEEPER}}]
  - name: spent
    keys: [{{name: app, secret: env:SDK_SPENT}}]
    limits: [{{measure: requests, window: day, amount: 1}}]
  - name: brisk
    keys: [{{name: app, secret: env:SDK_BRISK}}]
    limits: [{{measure: requests, window: second, amount: 1, rolling: true}}]
  - name: capped
    keys: [{{name: app, secret: env:SDK_CAPPED}}]
    limits: [{{measure: output_tokens, window: minute, amount: 300}}]
"""


class World:
    def __init__(self, folder):
        self.data = folder / "data"
        self.keys = {name: make_key() for name in ("aurora", "low", "keeper", "spent", "brisk", "capped")}
        self.sim = support.EngineSim(folder)
        (folder / "sovmesh.yaml").write_text(CONFIG.format(
            sim=self.sim.address, tiny=TINY, managed=support.MANAGED.format(engine="")))
        env = {**os.environ, **{f"SDK_{name.upper()}": key for name, key in self.keys.items()}}
        for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
            env.pop(name, None)
        try:
            self.server = support.Process(
                ["serve", "--config", folder / "sovmesh.yaml", "--data-dir", self.data], folder / "serve.log", env)
        except BaseException:
            self.sim.stop()
            raise
        self.base_url = f"http://{self.server.address}/v1"
        self.admin_url = "http://" + self.server.ready["admin_listen"][0]
        self.token = (self.data / "admin.token").read_text().strip()
        self.socket = self.data / "admin.sock"

    def environment(self, tenant="aurora"):
        """As the READMEs' examples want it."""
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith(("OPENAI_", "SOVMESH_")) and name != "SM_DATA_DIR"}
        return {**clean, "SOVMESH_BASE_URL": self.base_url, "SOVMESH_API_KEY": self.keys[tenant],
                "SOVMESH_ADMIN_URL": self.admin_url, "SOVMESH_ADMIN_TOKEN": self.token}

    def stop(self):
        try:
            code = self.server.stop()
        finally:
            self.sim.stop()
        assert code == 0, f"exit {code}; its log ends with:\n{self.server.log_tail()}"


__all__ = ["DEPS", "ROOT", "SIM", "TINY", "World", "make_key"]
