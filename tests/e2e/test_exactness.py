"""Every token on the books once: mixed requests, hang-ups, failing engines, kills of the gateway
and repetitions, compared request by request with two counts that are not of the gateway: the
engine's own and the client's, from the bytes it got.

SM_EXACT_REQUESTS=100000 with a longer timeout is the long run: see CMakeLists.txt."""

import asyncio
import collections
import contextlib
import dataclasses
import json
import os
import random
import secrets
import shutil
import sqlite3
import time
import urllib.request

import pytest

import books
from books import Answer, Gateway, has_no_open_row, ledger_rows, read_all
from mesh import SIM, chat, wait_for

REQUESTS = int(os.environ.get("SM_EXACT_REQUESTS", "2000"))
SEED = int(os.environ.get("SM_EXACT_SEED", "1"))
AT_ONCE = 64
BUSY_TRIES = 300
BATCH = 1_000  # requests between two looks at the engine's records
RECORDS = 2 * BATCH
CLOSED_SECONDS = 30  # every intent is closed so long after a boot
LOST_MAX = 64  # tokens of a stream that was open at a kill, whatever its rate
# The simulated engine takes each of these for a token, a tokenizer may join them: they make up for
# the numbers and signs in a wish, which are one token to the engine.
SIGNS = " -" * 12
TENANTS = ("aurora", "borealis", "cassini")
HASTY = "hasty"  # a model that is given up soon
PRICES = [{"model": model, "input": 2, "cached_input": 1, "output": 5} for model in (SIM, HASTY)]


@dataclasses.dataclass
class Sent:
    """One request of a client, and what it saw of its answers; their tokens are added up."""
    trace: str
    tenant: str
    kind: str  # clean, abort, fault, kill
    idem: str = ""
    body: dict = None
    path: str = "/v1/chat/completions"
    rid: str = ""
    status: int = 0
    tokens: int = 0
    usage: dict = None
    is_complete: bool = False


def clean_body(dice):
    """(path, body) of one that ends as it should."""
    manner = dice.choice(["", ",utf8", ",split=7", ",crlf"])
    text = f"[[sim:tokens={dice.randrange(1, 60)}{manner}]]"
    text += " word" * dice.randrange(40)
    stream = {"stream": True} if dice.random() < 0.6 else {}
    if stream and dice.random() < 0.5:
        stream["stream_options"] = {"include_usage": True}
    more = {"max_tokens": dice.randrange(1, 60)} if dice.random() < 0.3 else {}
    if dice.random() < 0.1:
        more["n"] = dice.randrange(2, 4)
    shape = dice.random()
    if shape < 0.05:
        return "/v1/embeddings", {"model": SIM, "input": [text, "two words"]}
    if shape < 0.2:
        return "/v1/completions", {"model": SIM, "prompt": text, **stream, **more}
    return "/v1/chat/completions", chat(text, **stream, **more)


FAULTS = ("die-after=7", "eof-after=3", "end-after=5", "error-after=4", "garbage-after=6",
          "stall-after=2", "die-before", "status=500", "status=503", "error-event=500",
          "bad-chunk-after=9", "no-done", "no-usage", "never")


def make_sent(dice, kind):
    sent = Sent(trace=secrets.token_hex(16), tenant=dice.choice(TENANTS), kind=kind)
    if kind == "clean":
        sent.path, sent.body = clean_body(dice)
    elif kind == "fault":
        sent.body = chat(f"[[sim:tokens=20,{dice.choice(FAULTS)}]] x" + SIGNS, HASTY,
                         stream=dice.random() < 0.8)
    elif kind == "abort":
        rate = dice.choice([0, 200, 2000])
        sent.body = chat(f"[[sim:tokens={dice.randrange(20, 400)},rate={rate}]] x" + SIGNS,
                         stream=dice.random() < 0.8)
    else:
        rate = dice.choice([50, 200, 400, 2000, 0])
        most = 300 if 0 < rate < 1000 else 3000
        sent.body = chat(f"[[sim:tokens={dice.randrange(10, most)},rate={rate}]] x" + SIGNS,
                         stream=dice.random() < 0.8)
    if kind == "kill" or dice.random() < 0.2:
        sent.idem = secrets.token_hex(8)
    return sent


def bytes_of(gateway, sent):
    extra = [f"traceparent: 00-{sent.trace}-{secrets.token_hex(8)}-01"]
    if sent.idem:
        extra.append(f"Idempotency-Key: {sent.idem}")
    return gateway.request(sent.tenant, sent.body, sent.path, extra)


async def until_hang_up(reader, dice):
    """What comes until the client has had enough: of bytes, of events or of waiting."""
    how, data = dice.random(), b""
    if how < 0.4:
        events = dice.randrange(1, 40)
        return await read_all(reader, lambda data: data.count(b"data: ") > events)
    with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
        async with asyncio.timeout(dice.random() / 10):
            with contextlib.suppress(ConnectionError):
                while piece := await reader.read(4096):
                    data += piece
    return data


async def perform(gateway, sent, dice):
    """Sends it, and notes what came of it. On a busy machine an engine is late for its health probe
    and gets nothing for a moment (503): who wants an answer asks again, as SDKs do."""
    for _ in range(BUSY_TRIES):
        await perform_once(gateway, sent, dice)
        if sent.kind != "clean" or sent.status != 503:
            return
        await asyncio.sleep(0.1)


async def perform_once(gateway, sent, dice):
    with contextlib.suppress(ConnectionError):
        reader, writer = await asyncio.open_connection(*gateway.address)
        try:
            writer.write(bytes_of(gateway, sent))
            if sent.kind == "abort":
                data = await until_hang_up(reader, dice)
            else:
                data = await asyncio.wait_for(read_all(reader), books.READ_SECONDS)
        finally:
            writer.close()
        note(sent, Answer(data))


def note(sent, answer):
    sent.status, sent.rid = answer.status, answer.rid or ""
    sent.tokens += answer.tokens() if "embeddings" not in sent.path else 0
    sent.is_complete = answer.is_complete
    if answer.is_complete:
        objects = answer.events[:-1] if answer.is_stream else [answer.json]
        sent.usage = next((each["usage"] for each in reversed(objects) if each.get("usage")), None)


async def perform_all(gateway, wave, dice):
    left = iter(wave)

    async def worker():
        for sent in left:
            await perform(gateway, sent, dice)
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


class Engine:
    """What the simulated engine counted, by trace id: it keeps only its last requests, so it is
    asked after each wave."""

    def __init__(self, sim):
        self.sim, self.calls = sim, collections.defaultdict(list)

    def look(self):
        wait_for(lambda: self.sim.counts()["running"] + self.sim.counts()["waiting"] == 0,
                 seconds=30)
        with urllib.request.urlopen(f"http://{self.sim.address}/sim/requests") as page:
            for request in json.load(page):
                trace = dict(request["fields"])["traceparent"].split("-")[1]
                call = (request["prompt_tokens"], request["generated_tokens"], request["outcome"])
                known = self.calls[trace]
                span = dict(request["fields"])["traceparent"]
                if span not in [each[0] for each in known]:
                    known.append((span, *call))


@dataclasses.dataclass
class Report:
    """What the three counts say of each other. `faults`: what must not be."""
    requests: int = 0
    faults: list = dataclasses.field(default_factory=list)
    drift: int = 0  # tokens, on clean paths
    over: int = 0  # more than the engine made
    short: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    short_worst: int = 0  # against what the client got, of one request
    recovered: int = 0
    twice: int = 0  # engine calls of one request

    def fault(self, sent, text):
        self.faults.append(f"{sent.kind} {sent.rid} {json.dumps(sent.body)[:120]}: {text}")


def compare(all_sent, calls, rows):
    """The heart of it: `calls` of the engine by trace id, `rows` of the ledger by request id."""
    report = Report(requests=len(all_sent))
    for sent in all_sent:
        made = calls.get(sent.trace, [])
        row = rows.get(sent.rid)
        generated = sum(call[2] for call in made)
        prompt = sum(call[1] for call in made)
        if len(made) > 1:
            report.twice += 1
            report.fault(sent, f"{len(made)} engine calls")
        if (sent.status == 200 or sent.kind == "clean") and row is None:
            report.fault(sent, f"no row, status {sent.status}")
        if row is None:
            continue
        if row.is_open:
            report.fault(sent, "the row is open")
        report.recovered += row.finish == "recovered"
        over = max(0, row.generated - generated) + max(0, row.prompt - prompt)
        report.over += over
        if over:
            report.fault(sent, f"billed {row.prompt}+{row.generated}, made {prompt}+{generated}")
        compare_one(report, sent, row, prompt, generated)
    return report


def compare_one(report, sent, row, prompt, generated):
    if sent.kind == "clean":
        drift = abs(row.generated - generated) + abs(row.prompt - prompt)
        if "embeddings" not in sent.path:
            drift += abs(row.generated - sent.tokens)
        if sent.usage:
            drift += abs(row.prompt - sent.usage["prompt_tokens"])
            drift += abs(row.generated - sent.usage.get("completion_tokens", 0))
        report.drift += drift
        if drift or not sent.is_complete:
            report.fault(sent, f"row {row.prompt}+{row.generated}, engine {prompt}+{generated}, "
                               f"client {sent.tokens}, usage {sent.usage}, status {sent.status}")
        return
    report.short[sent.kind] += generated - row.generated
    lost = sent.tokens - row.generated
    report.short_worst = max(report.short_worst, lost)
    allowed = LOST_MAX if row.finish == "recovered" else 0
    if lost > allowed:
        report.fault(sent, f"the client got {sent.tokens}, billed {row.generated} ({row.finish})")


def check(report):
    assert not report.faults, "\n".join([f"{len(report.faults)} faults", *report.faults[:10]])


class Run:
    """A gateway, an engine, and everything that was sent."""

    def __init__(self, folder):
        self.gateway = Gateway(
            folder, [{"name": name} for name in TENANTS], prices=PRICES,
            sim_options=("--record", RECORDS),
            more_models=[{"name": HASTY, "engine": SIM, "engine_model": SIM,
                          "stall_timeout": "300ms", "first_token_timeout": "1s"}])
        self.engine = Engine(self.gateway.sim)
        self.sent = []

    def wave(self, kinds, count, seed):
        """`count` requests of these kinds; the engine's records of them are kept."""
        dice = random.Random(seed)
        for begin in range(0, count, BATCH):
            wave = [make_sent(dice, dice.choice(kinds))
                    for _ in range(min(BATCH, count - begin))]
            asyncio.run(perform_all(self.gateway, wave, dice))
            self.sent += wave
            self.engine.look()

    def report(self):
        self.gateway.flush()
        rows = {row.rid: row for row in self.gateway.rows()}
        return compare(self.sent, self.engine.calls, rows), rows


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path)
    yield made
    made.gateway.stop()


def show(report, began, what):
    print(f"{what}: {report.requests} requests in {time.monotonic() - began:.0f} s, drift "
          f"{report.drift}, over {report.over}, short of the engine {dict(report.short)}, short of "
          f"a client at most {report.short_worst}, recovered {report.recovered}, called twice "
          f"{report.twice}")


def test_clean_requests_are_exact(run, tmp_path):
    began = time.monotonic()
    run.wave(["clean"], REQUESTS // 2, SEED)
    report, rows = run.report()
    show(report, began, "clean")
    check(report)
    counts = run.gateway.sim.counts()
    # All three sums at once, too; nothing is on the books that nobody asked for.
    assert len(rows) == counts["requests"] == REQUESTS // 2
    assert sum(row.generated for row in rows.values()) == counts["generated_tokens"]
    assert sum(row.prompt for row in rows.values()) == counts["prompt_tokens"]
    assert sum(row.cached for row in rows.values()) == counts["cached_tokens"]
    assert all(row.cost == 2 * (row.prompt - row.cached) + row.cached + 5 * row.generated
               for row in rows.values())
    assert run.gateway.metrics().get("sm_usage_drift_alarms_total", 0) == 0
    check_that_a_dropped_token_is_seen(run, tmp_path)


def check_that_a_dropped_token_is_seen(run, folder):
    """The seeded defect: one token less in one row of the ledger's file."""
    run.gateway.flush()
    copy = folder / "doctored.db"
    with contextlib.closing(sqlite3.connect(run.gateway.data / "ledger.db")) as file, \
            contextlib.closing(sqlite3.connect(copy)) as to:
        file.backup(to)
        table, = to.execute("SELECT name FROM sqlite_master WHERE name GLOB 'usage_[0-9]*'"
                            " AND type = 'table'").fetchone()
        to.execute(f"UPDATE {table} SET generated = generated - 1 WHERE rowid ="
                   f" (SELECT max(rowid) FROM {table} WHERE generated > 0)")
        to.commit()
    report = compare(run.sent, run.engine.calls, {row.rid: row for row in ledger_rows(copy)})
    assert report.drift > 0 and len(report.faults) == 1
    with pytest.raises(AssertionError):
        check(report)


def test_hang_ups_and_failing_engines_are_never_billed_too_much(run):
    began = time.monotonic()
    run.wave(["clean", "clean", "abort", "fault"], REQUESTS * 3 // 8, SEED + 1)
    run.gateway.flush()
    calls = run.gateway.sim.counts()["requests"]
    repeated = [sent for sent in run.sent if sent.idem and sent.is_complete]
    assert repeated
    repeat(run.gateway, repeated)
    assert run.gateway.sim.counts()["requests"] == calls
    report, rows = run.report()
    show(report, began, f"hang-ups and faults, {len(repeated)} repeated")
    check(report)
    assert not any(row.is_open for row in rows.values())


async def kill_amid(gateway, wave, dice):
    asking = asyncio.create_task(perform_all(gateway, wave, dice))
    await asyncio.sleep(0.2 + dice.random())  # that is the moment of the kill, not a wait
    await asyncio.to_thread(gateway.kill)
    await asking


def closed_after_boot(gateway):
    """Seconds until no row of an earlier boot is open."""
    began = time.monotonic()
    gateway.start()
    wait_for(lambda: has_no_open_row(gateway.data / "ledger.db"), seconds=CLOSED_SECONDS)
    return time.monotonic() - began


def test_kills_of_the_gateway_lose_no_more_than_is_written(run):
    began, dice, slowest = time.monotonic(), random.Random(SEED + 2), 0
    for _ in range(max(3, min(REQUESTS // 8 // (2 * AT_ONCE), 100))):
        wave = [make_sent(dice, "kill") for _ in range(2 * AT_ONCE)]
        asyncio.run(kill_amid(run.gateway, wave, dice))
        slowest = max(slowest, closed_after_boot(run.gateway))
        run.engine.look()
        run.sent += wave
        calls = run.gateway.sim.counts()["requests"]
        repeat(run.gateway, [sent for sent in wave if not sent.is_complete])
        run.engine.look()
        made = run.gateway.sim.counts()["requests"] - calls
        assert made <= sum(sent.status == 200 for sent in wave)
    report, rows = run.report()
    show(report, began, f"kills, closed after {slowest:.1f} s at most")
    check(report)
    assert report.recovered > 0
    recovered = {row.rid for row in rows.values() if row.finish == "recovered"}
    assert recovered and slowest < CLOSED_SECONDS
    entries = collections.Counter(entry["rid"] for entry in request_entries(run.gateway))
    wrong = {rid: entries[rid] for rid, row in rows.items() if row.is_settled and entries[rid] != 1}
    assert not wrong, wrong


def request_entries(gateway):
    """Those of the audit log, newest first."""
    before = ""
    while before is not None:
        status, page = gateway.admin(f"/api/v1/audit/entries?action=request&limit=1000{before}")
        assert status == 200, page
        yield from (row["entry"] for row in page["data"])
        before = f"&after={page['next']}" if page["has_more"] else None


def repeat(gateway, wave):
    """Each is asked again with its Idempotency-Key, and either runs now, for the first time, or is
    over for good."""
    async def once(sent):
        answer = await books.exchange(gateway.address, bytes_of(gateway, sent))
        if answer.status == 200:
            assert sent.status == 0, "it was answered before, in part"
            assert answer.is_complete
            note(sent, answer)
        else:
            assert answer.status == 400, answer.raw
            assert answer.error["code"] == "idempotency_replay_unavailable"
            rid = answer.error["details"]["rid"]
            assert sent.rid in ("", rid)
            sent.rid = rid

    async def all_of_them():
        await asyncio.gather(*map(once, wave))
    asyncio.run(all_of_them())
