"""A load through a real gateway to engine-sims that run the engine model, against the same load simulated.

A larger one: SM_LIVE_RATE=12 SM_LIVE_SECONDS=120 python -m pytest -s tests/e2e/test_live_sim.py
"""

import csv
import io
import os
import subprocess

import pytest

import mesh as support

ENGINES = 2
RATE = os.environ.get("SM_LIVE_RATE", "4")
SECONDS = os.environ.get("SM_LIVE_SECONDS", "10")
LOAD = ["--generate", "shared-prefix", "--scale", RATE, "--seconds", SECONDS]
# Steps long enough for clocks and a busy machine; half a second of prefill for a new prefix.
ENGINE_MODEL = os.environ.get("SM_LIVE_ENGINE_MODEL", "base-us=30000,prefill-us=100,kv-tokens=60000")

CONFIG = """\
server:
  workers: 1
  listen: ["127.0.0.1:0"]
  admin_listen: ["127.0.0.1:0"]
  metrics_listen: ["127.0.0.1:0"]
engines:
{engines}
models:
{models}
tenants:
  - name: aurora
    keys:
      - {{name: e2e, secret: env:E2E_AURORA}}
"""


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    key = support.make_key()
    sims = []
    try:
        for number in range(ENGINES):
            home = folder / f"engine-{number}"
            home.mkdir()
            sims.append(support.EngineSim(home, "--engine-model", ENGINE_MODEL, "--tokens", "100000",
                                          "--record", "0"))
        config = folder / "sovmesh.yaml"
        config.write_text(CONFIG.format(
            engines="\n".join(f"  - {{name: e{i}, kind: remote, dialect: vllm, slots: 1024, "
                              f"url: 'http://{sim.address}/v1'}}" for i, sim in enumerate(sims)),
            models="\n".join(f"  - {{name: m{i}, engine: e{i}, engine_model: {support.SIM}}}"
                             for i in range(ENGINES))))
        server = support.Process(["serve", "--config", config, "--data-dir", folder / "data"],
                                 folder / "serve.log", dict(os.environ, E2E_AURORA=key))
        yield server, sims, key
        assert server.stop() == 0
    finally:
        for sim in sims:
            sim.stop()


def compare(pool, *words):
    server, _, key = pool
    models = ",".join(f"m{i}" for i in range(ENGINES))
    done = subprocess.run(
        [support.BINARY, "sim", "compare-live", *LOAD, "--url", f"http://{server.address}",
         "--api-key-env", "LIVE_KEY", "--model", models, "--engine-model", ENGINE_MODEL, *words],
        env=dict(os.environ, LIVE_KEY=key), capture_output=True, text=True,
        timeout=120 + 2 * float(SECONDS))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_live_pool_does_what_the_simulated_one_says(pool):
    text = compare(pool, "--csv")
    print(text)
    rows = {row["measure"]: (float(row["simulated"]), float(row["live"]))
            for row in csv.DictReader(io.StringIO(text))}
    sent = rows["requests"][0]
    assert sent > 10 and rows["completed"] == (sent, sent)
    assert sum(sim.counts()["finished"] for sim in pool[1]) == sent
    # The live pool has a gateway and a network more, and no time less. Above, a busy machine.
    for measure in ("ttft_p50_ms", "tpot_p50_ms", "e2e_p50_ms"):
        simulated, live = rows[measure]
        assert 0.9 * simulated <= live <= 2 * simulated + 100, (measure, rows)


def test_its_table_names_the_engines(pool):
    text = compare(pool, "--seed", "2")
    assert "2 of\n  engine-sim --engine-model base-us=30000" in text
    assert "ttft_p99_ms" in text


def test_what_it_cannot_play_is_told(pool):
    server, _, key = pool

    def fails(*words):
        done = subprocess.run(
            [support.BINARY, "sim", "compare-live", "--url", f"http://{server.address}",
             "--api-key-env", "LIVE_KEY", "--model", "m0", *words],
            env=dict(os.environ, LIVE_KEY=key), capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, done.stdout + done.stderr
        return done.stderr

    assert "want one of --trace" in fails()
    assert "unknown setting" in fails(*LOAD, "--engine-model", "base=1")
    assert "block-tokens=64" in fails(*LOAD, "--engine-model", "block-tokens=16")
