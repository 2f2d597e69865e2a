"""A tenant floods, others are polite: the real program with a simulated engine. Prints its figures;
run it with `python -m pytest -s tests/e2e/test_flood.py`."""

import asyncio
import contextlib
import json
import os
import random
import time

import pytest

import mesh as support
from mesh import SIM, chat, make_key

FLOOD = int(os.environ.get("SM_FLOOD_REQUESTS", "10000"))
SECONDS = float(os.environ.get("SM_FLOOD_SECONDS", "30"))
SEED = int(os.environ.get("SM_FLOOD_SEED", "7"))
CONNECTIONS = 200  # of the flood
BUSY = 24  # as many keep the engine busy
SLOTS = 16
POLITE = ("birch", "cedar", "elm")
RATE = 3  # requests a second of each polite tenant
CHUNK = 0.0512  # s: a prefill chunk of 512 tokens at 10,000 a second
GOODPUT_LOST_MAX = 0.05

CONFIG = """\
server:
  workers: 2
  listen: ["127.0.0.1:0"]
  admin_listen: []
  metrics_listen: []
engines:
  - {{name: one, kind: remote, dialect: vllm, url: "http://{sim}/v1", slots: {slots}}}
models:
  - {{name: sim, engine: one, engine_model: {model}}}
tenants:
"""


class Mesh:
    def __init__(self, folder):
        self.sim = support.EngineSim(folder)
        text = CONFIG.format(sim=self.sim.address, slots=SLOTS, model=SIM)
        self.keys = {}
        for tenant in ("flood", *POLITE):
            self.keys[tenant] = make_key()
            (folder / f"{tenant}.key").write_text(self.keys[tenant])
            text += f'  - name: {tenant}\n    keys: [{{name: app, secret: "file:{folder}/{tenant}.key"}}]\n'
        (folder / "sovmesh.yaml").write_text(text)
        self.process = support.Process(
            ["serve", "--config", folder / "sovmesh.yaml", "--data-dir", folder / "data"],
            folder / "serve.log")

    def stop(self):
        self.process.stop()
        self.sim.stop()


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    running = Mesh(tmp_path_factory.mktemp("flood"))
    yield running
    running.stop()


def message(mesh, tenant, text):
    body = json.dumps(chat(text, model="sim", stream=True)).encode()
    return (f"POST /v1/chat/completions HTTP/1.1\r\nHost: mesh\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {mesh.keys[tenant]}\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode() + body


async def answer(reader):
    """Status and the time of the first event, of one answer on a connection that stays."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    first = None
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
            return status, first
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        await reader.readexactly(size + 2)
        first = first or time.monotonic()
        if size == 0:
            return status, first


class Flood:
    """So many connections, each with a request under way all the time."""

    def __init__(self, mesh, connections):
        self.connections = connections
        self.request = message(mesh, "flood", "[[sim:rate=100,tokens=10]] go")
        self.host, port = mesh.process.address.rsplit(":", 1)
        self.port, self.asked, self.served, self.refused = int(port), 0, 0, 0

    async def one(self):
        reader, writer = await asyncio.open_connection(self.host, self.port)
        with contextlib.closing(writer):
            while True:
                self.asked += 1
                writer.write(self.request)
                status, _ = await answer(reader)
                self.served += status == 200
                self.refused += status == 429
                if status != 200:
                    await asyncio.sleep(0.2)

    async def __aenter__(self):
        self.tasks = [asyncio.create_task(self.one()) for _ in range(self.connections)]
        await asyncio.sleep(2)
        return self

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def polite_one(mesh, tenant, times):
    host, port = mesh.process.address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    with contextlib.closing(writer):
        asked = time.monotonic()
        writer.write(message(mesh, tenant, "[[sim:prefill=300,rate=100,tokens=10]] please"))
        status, first = await answer(reader)
        times.append(first - asked if status == 200 else None)


async def polite(mesh, seconds):
    """Times to the first event; None for what was not served."""
    dice, times, tasks = random.Random(SEED), [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tasks.append(asyncio.create_task(polite_one(mesh, dice.choice(POLITE), times)))
        await asyncio.sleep(dice.expovariate(RATE * len(POLITE)))
    await asyncio.gather(*tasks)
    return times


def percentile(times, part):
    served = sorted(time for time in times if time is not None)
    return served[min(int(part * len(served)), len(served) - 1)]


async def beside(mesh, connections, asked):
    """Polite tenants beside a crowd that has asked so often at least: their times to the first
    event, the crowd, and answers a second of all together."""
    async with Flood(mesh, connections) as crowd:
        before, began, times = crowd.served, time.monotonic(), []
        while not times or crowd.asked < asked:
            times += await polite(mesh, SECONDS)
        answers = crowd.served - before + sum(each is not None for each in times)
        return times, crowd, answers / (time.monotonic() - began)


async def measure(mesh):
    alone = await polite(mesh, SECONDS)
    _, _, busy = await beside(mesh, BUSY, 0)
    return alone, busy, *await beside(mesh, CONNECTIONS, FLOOD)


def test_polite_tenants_hardly_notice_a_flood(mesh):
    alone, busy, flooded, flood, together = asyncio.run(measure(mesh))
    bar = 1.3 * percentile(alone, 0.99) + CHUNK
    good = sum(time is not None and time <= bar for time in flooded) / len(flooded)
    print(f"\nflood: {flood.asked} requests, {flood.served} served, {flood.refused} refused")
    for name, times in (("alone", alone), ("flooded", flooded)):
        print(f"{name}: {len(times)} requests, time to first token "
              f"p50 {percentile(times, 0.5) * 1000:.0f} ms p90 {percentile(times, 0.9) * 1000:.0f} ms "
              f"p99 {percentile(times, 0.99) * 1000:.0f} ms")
    print(f"bar for p99: {bar * 1000:.0f} ms; within it {good:.1%} of the polite tenants' requests")
    print(f"answers a second to all together: {busy:.1f} beside {BUSY} connections, "
          f"{together:.1f} beside the flood")
    assert flood.asked >= FLOOD
    assert None not in flooded
    assert percentile(flooded, 0.99) <= bar
    assert good >= 1 - GOODPUT_LOST_MAX
    assert together >= (1 - GOODPUT_LOST_MAX) * busy
