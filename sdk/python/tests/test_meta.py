from datetime import timedelta
from types import SimpleNamespace

import pytest

from fake import OWN, Answer, chat
from sovmesh import Limit, Mesh, cut_of, meta
from sovmesh._meta import parse_go_duration

HEADERS = {
    **OWN, "x-request-id": "mine", "x-sm-model": "m-2", "openai-organization": "aurora",
    "openai-project": "default", "x-sm-queue-ms": "12", "x-sm-overhead-ms": "0.345",
    "openai-processing-ms": "90", "x-sm-attempts": "2", "x-sm-cost-micro": "1234",
    "x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-reset-requests": "1m0.5s", "x-ratelimit-limit-tokens": "1000",
    "x-ratelimit-remaining-tokens": "0"}


@pytest.mark.parametrize("text, seconds", [
    ("120ms", 0.12), ("6m0s", 360), ("1h2m3.5s", 3723.5), ("0s", 0), ("2us", 2e-6)])
def test_durations(text, seconds):
    assert parse_go_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "1m5", "-1s", "1 s"])
def test_what_is_no_duration(text):
    assert parse_go_duration(text) is None


def test_headers_of_a_raw_response(serve):
    server = serve(Answer(body=chat(), headers=HEADERS))
    with Mesh(base_url=server.url, api_key="k") as client:
        raw = client.chat.completions.with_raw_response.create(model="m", messages=[])
    seen = meta(raw)
    assert seen.request_id == OWN["x-sm-request-id"] and seen.client_request_id == "mine"
    assert (seen.model, seen.tenant, seen.project) == ("m-2", "aurora", "default")
    assert (seen.queue_ms, seen.overhead_ms, seen.processing_ms) == (12, 0.345, 90)
    assert (seen.attempts, seen.cost_micro, seen.limited_by) == (2, 1234, None)
    assert seen.replayed is False
    assert seen.requests == Limit(60, 59, timedelta(seconds=60.5))
    assert seen.tokens == Limit(1000, 0, None)


def test_what_is_not_there_or_no_number_is_none():
    seen = meta(SimpleNamespace(headers={"X-SM-Request-Id": "req_1", "x-request-id": "req_1",
                                         "x-sm-queue-ms": "soon", "x-ratelimit-limit-requests": "5"}))
    assert seen.request_id == "req_1" and seen.client_request_id is None
    assert seen.queue_ms is None and seen.requests is None and seen.cost_micro is None


def test_an_answer_that_a_limit_ended(serve):
    why = {"message": "You exceeded...", "type": "insufficient_quota", "param": None,
           "code": "insufficient_quota",
           "details": {"scope": "tenant:aurora", "limit": 10, "reset_at": "2026-03-29T22:00:00.000000Z"}}
    server = serve(Answer(body=chat(sm_limit=why)), Answer(body=chat()))
    with Mesh(base_url=server.url, api_key="k") as client:
        cut = cut_of(client.chat.completions.create(model="m", messages=[]))
        whole = client.chat.completions.create(model="m", messages=[])
    assert cut.code == "insufficient_quota" and cut.scope == "tenant:aurora" and cut.limit == 10
    assert cut.reset_at.isoformat() == "2026-03-29T22:00:00+00:00"
    assert cut_of(whole) is None
