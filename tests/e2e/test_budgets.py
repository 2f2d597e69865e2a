"""Limits of every kind and on everything that can have one, with 1,000 parallel requests at the
edge: never past the bound that docs/limits.md states, each refusal as an SDK needs it, nothing
reserved afterwards; counters that survive changes, restarts and kills; thresholds at a webhook."""

import asyncio
import datetime
import json
import os
import sqlite3
import time
import zoneinfo

import openai
import pytest

import books
from books import Gateway, all_at_once, far_from_the_end_of, rfc3339
from mesh import SIM, chat, wait_for
from receiver import Receiver, check_signed

AT_ONCE = int(os.environ.get("SM_EDGE_REQUESTS", "1000"))
SLICE = 512  # output tokens that a stream without a maximum takes at a time
OUTPUT = 20  # tokens of an answer here
# Long enough for bytes / 4, which is reserved, to be no less than its three tokens.
TEXT = f"[[sim:tokens={OUTPUT}]] abcdefghijklmnop"
PRICES = {"input": 2, "cached_input": 1, "output": 5}  # micro-units per token, as millions
GSE = {"prompt_us": 20, "cached_us": 10, "output_us": 100}
SCOPES = ("key", "user", "project", "tenant", "pool")
MICRO = 1_000_000


class Kind:
    """A limit, and what a settled row takes of it."""

    def __init__(self, measure, window, amount, of_row, code, unit="tokens"):
        self.measure, self.window, self.amount = measure, window, amount
        self.of_row, self.code, self.unit = of_row, code, unit

    @property
    def limit(self):
        window = {"window": self.window} if self.window else {}
        return {"measure": self.measure, "amount": self.amount, **window}

    @property
    def units(self):
        """As they are counted: of money and GPU time millionths."""
        return round(self.amount * (MICRO if self.measure in ("money", "gpu_seconds") else 1))


KINDS = {
    "requests": Kind("requests", "minute", 300, lambda row: 1, "rate_limit_exceeded", "requests"),
    "output": Kind("output_tokens", "day", 4_000, lambda row: row.generated, "insufficient_quota"),
    "total": Kind("total_tokens", "day", 6_000, lambda row: row.prompt + row.generated,
                  "insufficient_quota"),
    "money": Kind("money", "month", 0.025, lambda row: row.cost, "insufficient_quota"),
    "gpu": Kind("gpu_seconds", "day", 0.5, lambda row: row.gse, "insufficient_quota"),
}
CONCURRENCY = Kind("concurrency", None, 25, None, "concurrency_limit_exceeded", "requests")
EDGES = [(kind, scope) for kind in (*KINDS, "concurrency") for scope in SCOPES
         if (kind, scope) != ("money", "pool")]  # pools have no currency


def kind_of(name):
    return KINDS.get(name, CONCURRENCY)


def tenant_of(kind, scope):
    """A tenant of its own for each edge, so that none disturbs another."""
    name, limits = f"{kind}-{scope}", [kind_of(kind).limit]
    key, tenant = {"name": "e2e"}, {"name": name}
    if scope == "key":
        key["limits"] = limits
    elif scope == "user":
        key["owner"] = "ada"
        tenant["users"] = [{"name": "ada", "limits": limits}]
    elif scope == "project":
        key["project"] = "web"
        tenant["projects"] = [{"name": "web", "limits": limits}]
    elif scope == "tenant":
        tenant["limits"] = limits
    return {**tenant, "keys": [key]}


def model_of(kind, scope):
    return f"pool-{kind}" if scope == "pool" else SIM


@pytest.fixture(scope="module")
def edges(tmp_path_factory):
    pooled = [kind for kind, scope in EDGES if scope == "pool"]
    models = [SIM, *(f"pool-{kind}" for kind in pooled)]
    running = Gateway(
        tmp_path_factory.mktemp("edges"), [tenant_of(*edge) for edge in EDGES], engines=models,
        pools=[{"name": f"pool-{kind}", "engines": [f"pool-{kind}"],
                "limits": [kind_of(kind).limit]} for kind in pooled],
        prices=[{"model": model, **PRICES, "gse": GSE} for model in models])
    yield running
    running.stop()


def name_of(gateway, kind, scope):
    """Whose limit it is."""
    tenant = f"{kind}-{scope}"
    return {"key": gateway.keys[tenant].split("-")[1], "user": "ada", "project": "web",
            "tenant": tenant, "pool": f"pool-{kind}"}[scope]


def limits_of(gateway, kind, scope):
    """What the admin API says of the one limit that applies there."""
    tenant = None if scope == "pool" else f"{kind}-{scope}"
    found = [each for each in gateway.limits() if each["scope"] == scope
             and each["tenant"] == tenant and each[scope] == name_of(gateway, kind, scope)]
    assert len(found) == 1 and found[0]["measure"] == kind_of(kind).measure, found
    return found[0]


def rows_of(gateway, tenant):
    gateway.flush()
    key_id = gateway.keys[tenant].split("-")[1]
    return [row for row in gateway.rows() if row.key_id == key_id]


def check_bound(used, amount, beyond=0):
    assert used <= amount + beyond, f"{used} used of {amount}, {beyond} beyond are allowed"


def end_of_window(window, now, zone=datetime.timezone.utc):
    """By other code than the gateway's."""
    local = now.astimezone(zone)
    midnight = datetime.time()
    if window == "minute":
        return (local + datetime.timedelta(minutes=1)).replace(second=0, microsecond=0)
    if window == "day":
        return datetime.datetime.combine(local.date() + datetime.timedelta(days=1), midnight, zone)
    month = (local.year, local.month + 1) if local.month < 12 else (local.year + 1, 1)
    return datetime.datetime(*month, 1, tzinfo=zone)


def check_refusal(answer, kind, scope, name, now):
    """A 429 as http.md and the SDKs want it."""
    assert answer.status == 429, answer.raw
    error, headers = answer.error, answer.headers
    assert set(error) >= {"message", "type", "param", "code", "details"}
    assert error["code"] == kind.code and error["param"] is None
    quota = kind.code == "insufficient_quota"
    assert error["type"] == ("insufficient_quota" if quota else kind.unit)
    assert headers.get("x-should-retry") == ("false" if quota else None)
    details = error["details"]
    assert details["scope"] == f"{scope}:{name}"
    assert details["request_id"] == answer.rid
    # What a pool has is not for its members to see.
    assert details.get("limit") == (None if scope == "pool" else kind.units)
    seconds, milliseconds = int(headers["retry-after"]), int(headers["retry-after-ms"])
    assert milliseconds > 0 and seconds == -(-milliseconds // 1000)
    if kind.window:
        ends = end_of_window(kind.window, now)
        assert rfc3339(details["reset_at"]) == ends
        assert abs((ends - now).total_seconds() - milliseconds / 1000) < 30
    check_rate_headers(answer, kind, scope)


def check_rate_headers(answer, kind, scope):
    """x-ratelimit-* are about requests and tokens, and a pool's are nobody's."""
    unit = {"requests": "requests", "output_tokens": "tokens", "total_tokens": "tokens"}.get(
        kind.measure)
    names = [f"x-ratelimit-{what}-{unit}" for what in ("limit", "remaining", "reset")]
    if unit is None or scope == "pool":
        return
    assert set(names) <= set(answer.headers), answer.headers
    limit, remaining = (int(answer.headers[name]) for name in names[:2])
    assert limit == kind.units and 0 <= remaining <= limit
    assert answer.headers[names[2]].endswith("s")


def spend(gateway, kind, scope):
    """1,000 parallel requests, half of them streams: (accepted, refused)."""
    tenant, model = f"{kind}-{scope}", model_of(kind, scope)
    requests = [gateway.request(tenant, chat(TEXT, model, max_tokens=OUTPUT, stream=i % 2 == 0))
                for i in range(AT_ONCE)]
    answers = asyncio.run(all_at_once(gateway.address, requests))
    accepted = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status != 200]
    for answer in accepted:
        assert answer.is_complete and answer.tokens() == OUTPUT, answer.raw
    return accepted, refused


@pytest.mark.parametrize("kind, scope", [edge for edge in EDGES if edge[0] != "concurrency"])
def test_no_crowd_passes_a_limit(edges, kind, scope):
    what, tenant = KINDS[kind], f"{kind}-{scope}"
    far_from_the_end_of(60 if kind == "requests" else 86_400, 12)
    now = datetime.datetime.now(datetime.timezone.utc)
    before = edges.sim.counts()
    accepted, refused = spend(edges, kind, scope)
    for answer in refused:
        check_refusal(answer, what, scope, name_of(edges, kind, scope), now)
    for answer in accepted:
        check_rate_headers(answer, what, scope)
    assert refused and accepted

    together = len(accepted)
    if kind not in ("requests", "output"):  # more was reserved than used
        accepted += spend_the_rest(edges, kind, scope)
    rows = rows_of(edges, tenant)
    used = sum(what.of_row(row) for row in rows)
    shown = limits_of(edges, kind, scope)
    print(f"{kind} on {scope}: {together} accepted, {len(refused)} refused, then "
          f"{len(accepted) - together} one by one: {used} used of {what.units}")
    check_bound(used, what.units)
    assert len(rows) == len(accepted) and all(row.is_settled for row in rows)
    assert sum(row.generated for row in rows) == OUTPUT * len(accepted)
    after = edges.sim.counts()
    assert after["generated_tokens"] - before["generated_tokens"] == OUTPUT * len(accepted)
    assert (shown["used"], shown["reserved"], shown["amount"]) == (used, 0, what.units)
    if kind in ("requests", "output"):  # reserved as used: the last one fits exactly
        assert used == what.units
    else:  # what is left is less than one request reserves
        assert what.units - used < 2 * used / len(accepted)


def spend_the_rest(gateway, kind, scope):
    """One after the other, until one is refused."""
    body, answers = chat(TEXT, model_of(kind, scope), max_tokens=OUTPUT), []
    while (answer := gateway.ask(f"{kind}-{scope}", body)).status == 200:
        answers.append(answer)
        assert len(answers) < AT_ONCE
    assert answer.error["code"] == KINDS[kind].code
    return answers


def test_the_check_of_the_bound_can_fail():
    with pytest.raises(AssertionError):
        check_bound(301, 300)


async def hold_and_let_go(gateway, tenant, model):
    """1,000 streams that stay open: how many there are when all others were refused."""
    body = chat("[[sim:tokens=9,stall-after=1]] abcdefghijklmnop", model, stream=True)
    ends = await asyncio.gather(*(asyncio.open_connection(*gateway.address)
                                  for _ in range(AT_ONCE)))
    for _, writer in ends:
        writer.write(gateway.request(tenant, body))
    heads = await asyncio.wait_for(asyncio.gather(*(reader.readline() for reader, _ in ends)), 60)
    held = [end for head, end in zip(heads, ends) if b" 200 " in head]
    rest = [head + await books.read_all(end[0]) for head, end in zip(heads, ends)
            if end not in held]
    running = gateway.sim.counts()["running"]
    for _, writer in ends:
        writer.close()
    return len(held), running, [books.Answer(data) for data in rest]


@pytest.mark.parametrize("scope", SCOPES)
def test_no_crowd_passes_a_concurrency_limit(edges, scope):
    tenant, model = f"concurrency-{scope}", model_of("concurrency", scope)
    amount, now = CONCURRENCY.amount, datetime.datetime.now(datetime.timezone.utc)
    name = name_of(edges, "concurrency", scope)
    for _ in range(2):  # the places are free again
        held, running, refused = asyncio.run(hold_and_let_go(edges, tenant, model))
        print(f"concurrency on {scope}: {held} held, {len(refused)} refused")
        assert held == running == amount and len(refused) == AT_ONCE - amount
        for answer in refused:
            check_refusal(answer, CONCURRENCY, scope, name, now)
        wait_for(lambda: limits_of(edges, "concurrency", scope)["reserved"] == 0)


@pytest.mark.parametrize("kind", [*KINDS, "concurrency"])
def test_the_sdk_raises_its_rate_limit_error(edges, kind):
    """After the crowd nothing is left; where SDKs would sleep until the reset, they do not."""
    tenant, what = f"{kind}-tenant", kind_of(kind)
    with openai.OpenAI(base_url=edges.base_url, api_key=edges.keys[tenant], timeout=30,
                       max_retries=2 if what.code == "insufficient_quota" else 0) as sdk:

        def ask(text=TEXT, **more):
            return sdk.chat.completions.create(**chat(text, **more))
        streams = [ask("[[sim:tokens=9,stall-after=1]] x", stream=True)
                   for _ in range(CONCURRENCY.amount if kind == "concurrency" else 0)]
        if kind == "requests":  # its minute may be over
            far_from_the_end_of(60, 12)
            spend(edges, kind, "tenant")
        began = time.monotonic()
        with pytest.raises(openai.RateLimitError) as caught:
            ask(max_tokens=OUTPUT)
        assert time.monotonic() - began < 5
        assert caught.value.code == what.code
        for stream in streams:
            stream.close()


# One server for what needs no crowd; each test has a tenant of its own.
DRY = 3_000
TENANTS = [
    {"name": "dry", "limits": [{"measure": "output_tokens", "window": "day", "amount": DRY}]},
    {"name": "dry-plain", "limits": [{"measure": "output_tokens", "window": "day",
                                      "amount": DRY}]},
    {"name": "dry-crowd", "limits": [{"measure": "output_tokens", "window": "day",
                                      "amount": 5 * DRY}]},
    {"name": "dry-sdk", "limits": [{"measure": "output_tokens", "window": "day", "amount": 600}]},
    {"name": "dense", "limits": [{"measure": "total_tokens", "window": "day", "amount": 5_000}]},
    {"name": "changed", "limits": [{"measure": "output_tokens", "window": "day",
                                    "amount": 5 * OUTPUT}]},
    {"name": "free"},
    {"name": "lasting", "limits": [{"measure": "output_tokens", "window": "day", "amount": 9_000},
                                   {"measure": "requests", "window": "lifetime", "amount": 9_000},
                                   {"measure": "money", "window": "month", "amount": 9}]},
    {"name": "shadow", "limits": [{"name": "shy", "measure": "requests", "window": "day",
                                   "amount": 5, "shadow": True}]},
    {"name": "named", "users": [{"name": "ada.l", "limits": [{"measure": "requests",
                                                              "window": "day", "amount": 50}]}],
     "keys": [{"name": "named", "owner": "ada.l", "limits": [
         {"name": "her very own", "measure": "output_tokens", "window": "minute",
          "amount": 9_000}]}]},
    {"name": "zoned", "time_zone": "Pacific/Auckland",
     "limits": [{"measure": "output_tokens", "window": "day", "amount": OUTPUT}]},
    {"name": "monthly", "time_zone": "America/New_York",
     "limits": [{"measure": "output_tokens", "window": "month", "amount": OUTPUT}]},
    {"name": "waiting", "limits": [{"measure": "requests", "window": "minute", "amount": 10,
                                    "rolling": True}]},
    {"name": "each", "users": [{"name": "*", "limits": [
        {"measure": "requests", "window": "day", "amount": 3}]}],
     "keys": [{"name": "one", "owner": "ada"}, {"name": "two", "owner": "ada"},
              {"name": "three", "owner": "bo"}]},
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("budgets"), TENANTS,
                      prices=[{"model": SIM, **PRICES, "gse": GSE}])
    yield running
    running.stop()


def one_limit(gateway, tenant, measure=None):
    found = [each for each in gateway.limits() if each["scope"] == "tenant"
             and each["tenant"] == tenant and measure in (None, each["measure"])]
    assert len(found) == 1, gateway.limits()
    return found[0]


def check_dry_stream(answer, scope):
    """It ended well, early, and says why."""
    assert answer.is_complete, answer.raw[-500:]
    events = answer.events
    last = [each for each in events[:-1] if each.get("choices")][-1]
    assert last["choices"][0]["finish_reason"] == "length"
    assert scope in json.dumps(last["sm_limit"]), last
    assert not any("sm_limit" in each for each in events[:-2] if each is not last)


def test_a_stream_that_runs_dry_ends_well(gateway):
    answer = gateway.ask("dry", chat("[[sim:tokens=20000]] go on", stream=True))
    check_dry_stream(answer, "tenant:dry")
    rows, shown = rows_of(gateway, "dry"), one_limit(gateway, "dry")
    assert [row.finish for row in rows] == ["length"]
    used = rows[0].generated
    print(f"a stream that runs dry: {answer.tokens()} delivered, {used} used of {DRY}")
    check_bound(used, DRY, SLICE)
    assert DRY - SLICE <= answer.tokens() <= used
    assert (shown["used"], shown["reserved"]) == (used, 0)
    assert gateway.ask("dry", chat("again", stream=True)).status == 429


def test_a_plain_answer_that_runs_dry_is_cut(gateway):
    answer = gateway.ask("dry-plain", chat("[[sim:tokens=20000]] go on"))
    assert answer.is_complete and answer.headers["x-sm-limit"] == "tenant:dry-plain"
    assert answer.json["choices"][0]["finish_reason"] == "length"
    assert "tenant:dry-plain" in json.dumps(answer.json["sm_limit"])
    rows = rows_of(gateway, "dry-plain")
    print(f"a plain answer that runs dry: {rows[0].generated} used of {DRY}")
    check_bound(rows[0].generated, DRY, SLICE)
    assert rows[0].generated == answer.tokens() == answer.json["usage"]["completion_tokens"]
    assert one_limit(gateway, "dry-plain")["reserved"] == 0


def test_a_crowd_of_streams_stays_within_one_slice_each(gateway):
    body = chat("[[sim:tokens=5000]] go on", stream=True)
    requests = [gateway.request("dry-crowd", body)] * AT_ONCE
    answers = asyncio.run(all_at_once(gateway.address, requests))
    accepted = [answer for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers} == {200, 429}
    for answer in accepted:
        check_dry_stream(answer, "tenant:dry-crowd")
    rows = rows_of(gateway, "dry-crowd")
    used = sum(row.generated for row in rows)
    print(f"{len(accepted)} streams at once: {sum(map(books.Answer.tokens, accepted))} delivered, "
          f"{used} used of {5 * DRY}")
    check_bound(used, 5 * DRY, SLICE * len(accepted))
    assert sum(map(books.Answer.tokens, accepted)) <= used
    shown = one_limit(gateway, "dry-crowd")
    assert (shown["used"], shown["reserved"]) == (used, 0)


def test_sdks_read_a_stream_that_runs_dry(gateway):
    with openai.OpenAI(base_url=gateway.base_url, api_key=gateway.keys["dry-sdk"], max_retries=0,
                       timeout=30) as sdk:
        stream = sdk.chat.completions.create(**chat("[[sim:tokens=20000]] go on", stream=True))
        chunks = [chunk for chunk in stream if chunk.choices]
        assert chunks[-1].choices[0].finish_reason == "length"
        words = "".join(chunk.choices[0].delta.content or "" for chunk in chunks).split()
        assert 0 < len(words) <= 600 + SLICE
        with pytest.raises(openai.RateLimitError) as caught:
            sdk.chat.completions.create(**chat("x"))
        assert caught.value.code == "insufficient_quota"


def test_prompts_that_are_longer_than_estimated_count_in_full(gateway):
    """The estimate takes this sign for a space, a quarter of a token: it is no bill."""
    body = chat("[[sim:tokens=5]] " + "\\ " * 400, max_tokens=5)
    requests = [gateway.request("dense", body)] * 100
    answers = asyncio.run(all_at_once(gateway.address, requests))
    accepted = [answer for answer in answers if answer.status == 200]
    rows = rows_of(gateway, "dense")
    used = sum(row.prompt + row.generated for row in rows)
    usages = [answer.json["usage"] for answer in accepted]
    prompts = [usage["prompt_tokens"] for usage in usages]
    assert used == sum(usage["total_tokens"] for usage in usages)
    estimate = min(prompts) // 2  # two bytes a word
    print(f"dense prompts: {len(accepted)} accepted, {used} used of 5000")
    check_bound(used, 5_000, len(accepted) * (max(prompts) - estimate + 1))
    assert one_limit(gateway, "dense")["used"] == used
    assert gateway.ask("dense", body).status == 429


def ask_until_refused(gateway, tenant, at_most=50):
    count = 0
    while gateway.ask(tenant, chat(TEXT, max_tokens=OUTPUT)).status == 200:
        count += 1
        assert count <= at_most
    return count


def test_changing_a_limit_keeps_its_usage(gateway):
    far_from_the_end_of(86_400, 30)
    assert ask_until_refused(gateway, "changed") == 5
    limit = gateway.tenant("changed")["limits"][0]
    limit["amount"] = 8 * OUTPUT
    gateway.reload()
    assert ask_until_refused(gateway, "changed") == 3
    limit["amount"] = 2 * OUTPUT  # less than what is used
    gateway.reload()
    assert ask_until_refused(gateway, "changed") == 0
    assert one_limit(gateway, "changed")["used"] == 8 * OUTPUT
    gateway.tenant("changed")["limits"] = []
    gateway.reload()
    assert gateway.ask("changed", chat(TEXT, max_tokens=OUTPUT)).status == 200
    gateway.tenant("changed")["limits"] = [{**limit, "amount": 11 * OUTPUT}]
    gateway.reload()  # it is back, and knows all
    assert ask_until_refused(gateway, "changed") == 2
    assert one_limit(gateway, "changed")["used"] == 11 * OUTPUT


def test_a_limit_of_the_api_knows_what_was_used_before(gateway):
    """At once, after each change, and after a restart."""
    far_from_the_end_of(86_400, 30)

    def put(amount):
        return gateway.admin("/api/v1/limits", "PUT", {
            "tenant": "free", "measure": "output_tokens", "window": "day",
            "amount": amount * OUTPUT})
    for _ in range(2):
        assert gateway.ask("free", chat(TEXT, max_tokens=OUTPUT)).status == 200
    status, made = put(5)
    assert status == 201, made
    assert ask_until_refused(gateway, "free") == 3
    assert put(7)[0] == 200
    assert ask_until_refused(gateway, "free") == 2
    gateway.restart()
    assert ask_until_refused(gateway, "free") == 0
    assert one_limit(gateway, "free")["used"] == 7 * OUTPUT
    assert gateway.admin(f"/api/v1/limits/{made['id']}", "DELETE")[0] == 204
    assert gateway.ask("free", chat(TEXT, max_tokens=OUTPUT)).status == 200


def counters(gateway, tenant):
    gateway.flush()
    return {each["measure"]: (each["used"], each["reserved"]) for each in gateway.limits()
            if each["scope"] == "tenant" and each["tenant"] == tenant}


def test_counters_survive_restart_and_kill(gateway):
    for _ in range(7):
        assert gateway.ask("lasting", chat(TEXT, max_tokens=OUTPUT)).status == 200
    before = counters(gateway, "lasting")
    assert {used for used, _ in before.values()} >= {7, 7 * OUTPUT}
    gateway.restart()
    assert counters(gateway, "lasting") == before
    gateway.kill()
    gateway.start()
    assert counters(gateway, "lasting") == before


def test_a_kill_amid_streams_leaves_nothing_reserved(gateway):
    before = counters(gateway, "lasting")

    async def open_and_kill():
        body = chat("[[sim:tokens=500,rate=500]] go on", stream=True)
        ends = [await asyncio.open_connection(*gateway.address) for _ in range(20)]
        for _, writer in ends:
            writer.write(gateway.request("lasting", body))
        came = await asyncio.gather(
            *(books.read_all(reader, lambda data: data.count(b"data: ") > 100)
              for reader, _ in ends))
        gateway.kill()
        rest = await asyncio.gather(*(books.read_all(reader) for reader, _ in ends))
        for _, writer in ends:
            writer.close()
        return [books.Answer(a + b).tokens() for a, b in zip(came, rest)]
    seen = asyncio.run(open_and_kill())
    gateway.start()
    after = counters(gateway, "lasting")
    assert {reserved for _, reserved in after.values()} == {0}
    assert all(after[name][0] > before[name][0] for name in before)
    generated = sum(row.generated for row in rows_of(gateway, "lasting") if
                    row.finish == "recovered")
    assert after["output_tokens"][0] - before["output_tokens"][0] == generated
    print(f"killed amid {len(seen)} streams: {sum(seen)} tokens delivered, {generated} kept")
    assert generated >= sum(seen) - len(seen) * 64


def test_a_shadow_limit_refuses_nothing_and_counts(gateway):
    for _ in range(12):
        assert gateway.ask("shadow", chat(TEXT, max_tokens=OUTPUT)).status == 200
    metrics = gateway.metrics()
    decided = {what: metrics[f'sm_limit_decisions_total{{limit="shy",decision="{what}"}}']
               for what in ("allow", "deny", "shadow_deny")}
    assert decided == {"allow": 5, "deny": 0, "shadow_deny": 7}


def test_metrics_name_no_keys_and_users(gateway):
    assert gateway.ask("named", chat(TEXT, max_tokens=OUTPUT)).status == 200
    series = [name for name in gateway.metrics() if "sm_limit_decisions_total" in name]
    assert not [name for name in series if "ada.l" in name or "her very own" in name]
    metrics = gateway.metrics()
    for what in ("user requests/day", "key output_tokens/minute"):
        assert metrics[f'sm_limit_decisions_total{{limit="{what}",decision="allow"}}'] >= 1
    wait_for(lambda: gateway.metrics()['sm_reserved_tokens{kind="output"}'] == 0)


@pytest.mark.parametrize("tenant, window", [("zoned", "day"), ("monthly", "month")])
def test_a_budget_is_renewed_in_the_tenants_time_zone(gateway, tenant, window):
    zone = zoneinfo.ZoneInfo(gateway.tenant(tenant)["time_zone"])
    assert ask_until_refused(gateway, tenant) == 1
    ends = end_of_window(window, datetime.datetime.now(datetime.timezone.utc), zone)
    refused = gateway.ask(tenant, chat(TEXT, max_tokens=OUTPUT))
    assert rfc3339(refused.error["details"]["reset_at"]) == ends


def test_a_rolling_window_says_when_to_come_back(gateway):
    assert ask_until_refused(gateway, "waiting") == 10
    refused = gateway.ask("waiting", chat("x"))
    assert refused.error["code"] == "rate_limit_exceeded" and refused.error["type"] == "requests"
    assert 0 < int(refused.headers["retry-after-ms"]) <= 61_000  # a part of a window later
    assert "x-should-retry" not in refused.headers


def test_each_user_has_a_balance_of_its_own(gateway):
    statuses = [gateway.ask(f"each/{key}", chat("x")).status
                for key in ("one", "two", "one", "two", "three", "three", "three", "three")]
    assert statuses == [200, 200, 200, 429, 200, 200, 200, 429]  # ada has two keys


def test_thresholds_reach_the_webhook(tmp_path):
    secret = b"a secret of the receiver and of ours"
    tenant = {"name": "told", "limits": [{"name": "told-day", "measure": "requests",
                                          "window": "day", "amount": 20}]}
    with Receiver(refusals=1) as receiver:
        gateway = Gateway(tmp_path, [tenant], env={"E2E_HOOK": secret.decode()}, webhooks={
            "budget_events": {"url": receiver.url, "secret": "env:E2E_HOOK"}})
        try:
            assert ask_until_refused(gateway, "told") == 20
            wait_for(lambda: len(receiver.taken) >= 4, seconds=20)
        finally:
            gateway.stop()
    for headers, body in receiver.attempts:
        check_signed(secret, headers, body)
        with pytest.raises(AssertionError):  # the check can fail
            check_signed(secret, headers, body + b" ")
    ids = [headers["webhook-id"] for headers, _ in receiver.attempts]
    assert ids[0] == ids[1] and len(set(ids)) == 4  # the refused one came again
    events = [json.loads(body) for _, body in receiver.taken]
    assert [each["data"]["percent"] for each in events] == [50, 80, 95, 100]
    assert {each["type"] for each in events} == {"budget.threshold"}
    assert {each["data"]["scope"] for each in events} == {"tenant:told"}
    assert [each["data"]["used"] for each in events] == [10, 16, 19, 20]


def test_a_model_without_a_price_is_no_way_around_a_limit_of_money(gateway):
    """The model is the priced one under another name."""
    gateway.config["models"].append({"name": "unpriced", "engine": SIM, "engine_model": SIM})
    gateway.reload()
    key = gateway.keys["lasting"]
    refused = gateway.ask(key, chat("hello", "unpriced"))
    assert refused.status == 429
    error = json.loads(refused.body)["error"]
    assert error["code"] == "insufficient_quota" and "has no price" in error["message"]
    assert refused.headers["x-should-retry"] == "false"
    assert gateway.ask(key, chat("hello")).status == 200
    before = gateway.metrics()["sm_unpriced_total"]
    assert gateway.ask(gateway.keys["free"], chat("hello", "unpriced")).status == 200
    gateway.flush()
    assert gateway.metrics()["sm_unpriced_total"] == before + 1


def test_the_ledger_is_verified_while_it_works(tmp_path):
    gateway = Gateway(tmp_path, [{"name": "busy"}], ledger={"verify_every": "10s"})
    a_round = 40
    try:
        assert gateway.ask(gateway.keys["busy"], chat("hello")).status == 200
        wait_for(lambda: gateway.metrics()["sm_ledger_verified_total"] > 0, a_round)
        assert gateway.metrics()["sm_ledger_drift_tokens"] == 0
        gateway.flush()
        gateway.kill()
        with sqlite3.connect(gateway.data / "ledger.db") as ledger:
            ledger.execute("UPDATE balance SET generated = generated + 7")
        gateway.start()
        wait_for(lambda: gateway.metrics()["sm_ledger_drift_tokens"] == 7, a_round)
        wait_for(lambda: "the ledger does not add up: drift of 7 tokens"
                 in gateway.server.log.read_text())
        wait_for(lambda: "drift of 7 tokens" in json.dumps(
            gateway.admin("/api/v1/audit/entries?action=ledger.drift")))
    finally:
        gateway.stop()
