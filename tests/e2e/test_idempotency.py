"""A repeated Idempotency-Key never leads to a second engine call or a second charge: not at the
same time, not later, not after a kill. Where a tenant has its answers kept, it gets the answer."""

import asyncio
import collections
import json
import secrets
import threading

import openai
import pytest

import books
from books import Answer, Gateway, exchange, read_all
from mesh import SIM, chat, wait_for

PRICES = [{"model": SIM, "input": 2, "cached_input": 2, "output": 5}]
SLOW = "[[sim:tokens=30,rate=8]] go on"  # longer than a repetition waits
TENANTS = [{"name": "aurora", "keys": [{"name": "one"}, {"name": "two"}]}, {"name": "borealis"},
           {"name": "tight", "limits": [{"measure": "requests", "window": "minute", "amount": 1,
                                         "rolling": True}]},
           {"name": "keeper", "replay": {"ttl": "1h", "bytes_max": 1_000_000}}]
AT_ONCE = 50


@pytest.fixture
def gateway(tmp_path):
    running = Gateway(tmp_path, TENANTS, prices=PRICES)
    yield running
    running.stop()


def idem(value):
    return [f"Idempotency-Key: {value}"]


def ask(gateway, tenant, key, body, **more):
    """Once the books are closed: until then a repetition is told to come back (409)."""
    def over():
        answer = gateway.ask(tenant, body, extra=idem(key), **more)
        return answer if answer.status != 409 else None
    return wait_for(over)


def check_over(answer, rid, usage):
    """400, with what the first request came to."""
    assert answer.status == 400, answer.raw
    assert answer.error["code"] == "idempotency_replay_unavailable"
    details = answer.error["details"]
    assert details["rid"] == rid
    assert {name: details["usage"][name] for name in usage} == usage


def usage_of(answer):
    shown = answer.json["usage"]
    return {name: shown[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}


def charges(gateway):
    """(rid, cost) of each settled row."""
    gateway.flush()
    return [(row.rid, row.cost) for row in gateway.rows() if row.is_settled]


@pytest.mark.parametrize("stream", [False, True])
def test_duplicates_at_the_same_time_are_one_call_and_one_charge(gateway, stream):
    key, answers = secrets.token_hex(8), []
    body = chat(SLOW, stream=stream)
    gate = threading.Barrier(AT_ONCE)

    def one():
        gate.wait()
        answers.append(gateway.ask("aurora", body, extra=idem(key)))
    threads = [threading.Thread(target=one) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = [answer for answer in answers if answer.status == 200]
    assert len(answers) == AT_ONCE and len(good) == 1
    assert gateway.sim.counts()["requests"] == 1
    rows = charges(gateway)
    assert [rid for rid, _ in rows] == [good[0].rid]
    assert rows[0][1] == 2 * books_prompt(gateway) + 5 * 30
    for answer in answers:
        if answer.status == 409:
            assert answer.error["code"] == "idempotency_in_progress"
            assert int(answer.headers["retry-after-ms"]) > 0
        elif answer is not good[0]:
            check_over(answer, good[0].rid, {"completion_tokens": 30})
    assert collections.Counter(answer.status for answer in answers)[409] > AT_ONCE / 2
    check_over(ask(gateway, "aurora", key, body), good[0].rid, {"completion_tokens": 30})
    assert gateway.sim.counts()["requests"] == 1


def books_prompt(gateway):
    return gateway.sim.counts()["prompt_tokens"]


def test_the_answer_to_a_repetition_says_what_was_used(gateway):
    first = ask(gateway, "aurora", "k-1", chat("hello"))
    assert first.status == 200
    for key in ("aurora/one", "aurora/two"):  # a tenant's keys share them
        check_over(ask(gateway, key, "k-1", chat("hello")), first.rid, usage_of(first))
    assert len(charges(gateway)) == gateway.sim.counts()["requests"] == 1


def test_another_body_or_path_is_an_error_of_its_own(gateway):
    assert ask(gateway, "aurora", "k-2", chat("hello")).status == 200
    others = [ask(gateway, "aurora", "k-2", chat("hello!")),
              ask(gateway, "aurora", "k-2", {"model": SIM, "prompt": "hello"},
                  path="/v1/completions")]
    for answer in others:
        assert answer.status == 400 and answer.error["code"] == "idempotency_key_reused"
    assert gateway.sim.counts()["requests"] == 1


def test_another_tenant_is_independent(gateway):
    answers = [ask(gateway, tenant, "k-3", chat("hello")) for tenant in ("aurora", "borealis")]
    assert [answer.status for answer in answers] == [200, 200]
    assert gateway.sim.counts()["requests"] == len(charges(gateway)) == 2
    check_over(ask(gateway, "borealis", "k-3", chat("hello")), answers[1].rid,
               usage_of(answers[1]))


def test_what_never_ran_frees_its_key(gateway):
    assert ask(gateway, "aurora", "k-4", chat("x", "absent")).status == 404
    assert ask(gateway, "aurora", "k-4", b"{").status == 400
    assert ask(gateway, "aurora", "k-4", chat("hello")).status == 200
    assert ask(gateway, "tight", "k-5", chat("hello")).status == 200
    assert ask(gateway, "tight", "k-6", chat("hello")).status == 429
    gateway.tenant("tight")["limits"] = []
    gateway.reload()
    assert ask(gateway, "tight", "k-6", chat("hello")).status == 200


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\u00e9"])
def test_a_key_that_is_none_is_refused(gateway, key):
    answer = gateway.ask("aurora", chat("hello"), extra=[f"Idempotency-Key: {key}"])
    assert answer.status == 400 and gateway.sim.counts()["requests"] == 0


def test_sdks_do_not_repeat_what_is_over(gateway):
    with openai.OpenAI(base_url=gateway.base_url, api_key=gateway.keys["aurora"], max_retries=3,
                       timeout=30) as sdk:
        def create():
            return sdk.chat.completions.create(**chat("hello"),
                                               extra_headers={"Idempotency-Key": "k-7"})
        create()
        with pytest.raises(openai.BadRequestError) as caught:
            create()
        assert caught.value.code == "idempotency_replay_unavailable"
    assert gateway.sim.counts()["requests"] == 1


def test_what_failed_at_the_engine_is_not_tried_again(gateway):
    body = chat("[[sim:die-after=3]] x", stream=True)
    first = ask(gateway, "aurora", "k-8", body)
    assert first.status == 200 and not first.is_complete
    assert ask(gateway, "aurora", "k-8", body).status == 400
    assert gateway.sim.counts()["requests"] == 1


def test_after_a_kill_there_is_no_second_call(gateway):
    done = ask(gateway, "aurora", "k-9", chat("hello"))
    gateway.flush()
    body = chat("[[sim:tokens=9,stall-after=3]] x", stream=True)

    async def open_and_kill():
        reader, writer = await asyncio.open_connection(*gateway.address)
        writer.write(gateway.request("aurora", body, extra=idem("k-10")))
        came = await read_all(reader, lambda data: data.count(b"data: ") > 2)
        gateway.kill()
        writer.close()
        return Answer(came)
    cut = asyncio.run(open_and_kill())
    before = gateway.sim.counts()["requests"]
    gateway.start()
    check_over(ask(gateway, "aurora", "k-9", chat("hello")), done.rid, usage_of(done))
    check_over(ask(gateway, "aurora", "k-10", body), cut.rid, {})
    assert gateway.sim.counts()["requests"] == before == 2
    rows = {row.rid: row.finish for row in gateway.rows()}
    assert rows == {done.rid: "stop", cut.rid: "recovered"}


def is_replay(answer):
    return answer.status == 200 and answer.headers.get("x-sm-idempotent-replay") == "true"


def text_of(answer):
    return "".join(choice["delta"].get("content") or "" for event in answer.events[:-1]
                   for choice in event["choices"])


def test_kept_answers_are_given_again_also_after_a_kill(gateway):
    text = "[[sim:tokens=40]] a canary in a prompt"
    first = ask(gateway, "keeper", "k-11", chat(text))
    cut = ask(gateway, "keeper", "k-12", chat("[[sim:die-after=3]] x", stream=True))
    streamed = ask(gateway, "keeper", "k-13", chat(text, stream=True))
    assert first.status == streamed.status == 200 and not cut.is_complete
    said = first.json["choices"][0]["message"]["content"]
    assert text_of(streamed) == said
    gateway.flush()
    before, rows = gateway.sim.counts()["requests"], len(charges(gateway))
    for boots in range(2):
        for key in ("k-11", "k-13"):
            plain = ask(gateway, "keeper", key, chat(text))
            stream = ask(gateway, "keeper", key, chat(text, stream=True))
            assert is_replay(plain) and is_replay(stream)
            assert plain.json["choices"][0]["message"]["content"] == said
            assert text_of(stream) == said and stream.is_complete
            assert plain.json["usage"]["completion_tokens"] == 40
            earlier = first.rid if key == "k-11" else streamed.rid
            status, explained = gateway.admin(f"/api/v1/requests/{stream.rid}")
            assert status == 200 and explained["state"] == "replayed"
            assert explained["replay_of"] == earlier
            entry = json.loads(explained["audit"]["entry"])
            assert (entry["finish"], entry["outcome"]) == ("replayed", "ok")
            assert entry["ledger_ref"] == f"settle/{earlier}"
        assert ask(gateway, "keeper", "k-12", chat("[[sim:die-after=3]] x", stream=True)
                   ).error["code"] == "idempotency_replay_unavailable"
        if boots == 0:
            gateway.kill()
            gateway.start()
    assert gateway.sim.counts()["requests"] == before and len(charges(gateway)) == rows
    kept = [path for path in (gateway.data / "replay").rglob("*") if path.is_file()]
    assert len(kept) == 2
    assert not [path for path in kept if said[:20].encode() in path.read_bytes()]


def test_kept_answers_leave_with_their_tenant(gateway):
    assert ask(gateway, "keeper", "k-14", chat("hello")).status == 200
    gateway.flush()
    assert is_replay(ask(gateway, "keeper", "k-14", chat("hello")))
    del gateway.tenant("keeper")["replay"]
    gateway.reload()
    assert not [path for path in (gateway.data / "replay").rglob("*") if path.is_file()]
    check_over(ask(gateway, "keeper", "k-14", chat("hello")),
               ask(gateway, "keeper", "k-14", chat("hello")).error["details"]["rid"], {})


def test_sdks_read_replayed_streams(gateway):
    with openai.OpenAI(base_url=gateway.base_url, api_key=gateway.keys["keeper"],
                       timeout=30) as sdk:
        def stream():
            chunks = list(sdk.chat.completions.create(
                **chat("hello", stream=True), stream_options={"include_usage": True},
                extra_headers={"Idempotency-Key": "k-15"}))
            return ("".join(chunk.choices[0].delta.content or "" for chunk in chunks
                            if chunk.choices), chunks[-1].usage.completion_tokens)
        first = stream()
        gateway.flush()
        assert stream() == first
    assert gateway.sim.counts()["requests"] == 1


def test_a_kill_at_any_moment_leaves_one_call_at_most(gateway):
    """Some of 200 requests are answered, some on their way and some not sent yet when the gateway
    dies; all are repeated."""
    bodies = {secrets.token_hex(8): chat(f"[[sim:tokens=10,rate={100 + i}]] x", stream=i % 2 == 0)
              for i in range(200)}

    async def send_all():
        answers, left = {}, iter(bodies)

        async def worker():
            for key in left:
                request = gateway.request("aurora", bodies[key], extra=idem(key))
                answers[key] = await exchange(gateway.address, request)
        await asyncio.gather(*(worker() for _ in range(30)))
        return answers

    async def kill_amid():
        asking = asyncio.create_task(send_all())
        while (await asyncio.to_thread(gateway.sim.counts))["requests"] < 100:
            await asyncio.sleep(0)
        await asyncio.to_thread(gateway.kill)
        return await asking
    first = asyncio.run(kill_amid())
    gateway.start()
    again = asyncio.run(send_all())
    statuses = collections.Counter(answer.status for answer in again.values())
    print(f"killed amid 200: {sum(a.is_complete for a in first.values())} were answered; "
          f"afterwards {dict(statuses)}")
    assert set(statuses) == {200, 400}
    for key, answer in again.items():
        if first[key].status == 200:
            assert answer.status == 400, "answered before, in part at least"
        if answer.status == 400:
            assert answer.error["code"] == "idempotency_replay_unavailable"
    gateway.flush()
    # Each key is one row, and no more calls than rows were made.
    rows = [row for row in gateway.rows() if row.is_settled]
    assert len(rows) == len(bodies)
    assert gateway.sim.counts()["requests"] <= len(bodies)
