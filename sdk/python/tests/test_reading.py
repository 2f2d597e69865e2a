import asyncio

import openai
import pytest

from fake import OWN, Answer, chunk
from sovmesh import AsyncMesh, AsyncReading, Mesh, Reading, TruncatedStream, problem

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
LIMIT = {"message": "used up", "type": "tokens", "param": None, "code": "rate_limit_exceeded",
         "details": {"scope": "key:e2e", "limit": 100}}
WHOLE = [chunk("a"), chunk("b"), chunk(finish="stop"),
         {**chunk(), "choices": [], "usage": USAGE}, "[DONE]"]


def stream(server, client):
    return client.chat.completions.create(model="m", messages=[], stream=True)


def text_of(reading):
    return "".join(c.choices[0].delta.content or "" for c in reading if c.choices)


def read(serve, events):
    server = serve(Answer(events=events, headers={**OWN, "x-sm-model": "m-2"}))
    with Mesh(base_url=server.url, api_key="k") as client:
        with Reading(stream(server, client)) as reading:
            text = text_of(reading)
    return text, reading


def test_a_whole_stream(serve):
    text, reading = read(serve, WHOLE)
    assert text == "ab" and reading.finish_reasons == {0: "stop"}
    assert reading.usage.total_tokens == 5 and reading.cut is None
    assert reading.meta.model == "m-2" and reading.meta.cost_micro is None


def test_a_stream_that_a_limit_ended(serve):
    text, reading = read(serve, [chunk("a"), chunk(finish="length", sm_limit=LIMIT), "[DONE]"])
    assert text == "a" and reading.finish_reasons == {0: "length"}
    assert reading.cut.code == "rate_limit_exceeded" and reading.cut.scope == "key:e2e"


@pytest.mark.parametrize("events", [
    [], [chunk("a")], [chunk("a"), chunk("b", index=1), chunk(finish="stop")]])
def test_a_stream_that_only_stops_is_not_an_answer(serve, events):
    with pytest.raises(TruncatedStream):
        read(serve, events)


def test_an_error_within_says_its_code(serve):
    with pytest.raises(openai.APIError) as caught:
        read(serve, [chunk("a"), {"error": {**LIMIT, "details": {"request_id": "req_7"}}}])
    assert problem(caught.value).code == "rate_limit_exceeded"
    assert problem(caught.value).request_id == "req_7"


def test_the_same_for_asyncio(serve):
    server = serve(Answer(events=WHOLE), Answer(events=[chunk("a")]))

    async def both():
        async with AsyncMesh(base_url=server.url, api_key="k") as client:
            async with AsyncReading(await stream(server, client)) as reading:
                text = [c.choices[0].delta.content async for c in reading if c.choices]
            assert text[:2] == ["a", "b"] and reading.usage.total_tokens == 5
            with pytest.raises(TruncatedStream):
                async for _ in AsyncReading(await stream(server, client)):
                    pass
    asyncio.run(both())
