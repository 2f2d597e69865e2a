import asyncio

import httpx2
import openai
import pytest

import fake
from fake import OWN, Answer, refusal
from sovmesh import AsyncRetryTransport, Mesh, RetryPolicy, RetryTransport

KEY = {"idempotency-key": "i-1"}
URL = "http://mesh/v1/chat/completions"


class World:
    """Time that passes only while somebody sleeps, and a server of a list of answers."""

    def __init__(self, *answers, chance=0.0):
        self.now, self.waits, self.requests, self.chance = 100.0, [], [], chance
        self.answers = list(answers)

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds):
        self.sleep(seconds)

    def answer(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, headers = answer
        return httpx2.Response(status, headers=headers, json={})

    def client(self, policy=None):
        transport = RetryTransport(httpx2.MockTransport(self.answer), policy, sleep=self.sleep,
                                   clock=lambda: self.now, random=lambda: self.chance)
        return httpx2.Client(transport=transport)

    def post(self, policy=None, method="POST", **headers):
        with self.client(policy) as client:
            return client.request(method, URL, json={}, headers=headers)


def put_off(status=429, **headers):
    return status, {**OWN, **headers}


OK = (200, {})


@pytest.mark.parametrize("status", [408, 429, 502, 503])
def test_what_the_gateway_puts_off_is_tried_again_without_a_key(status):
    world = World(put_off(status), OK)
    assert world.post().status_code == 200 and len(world.requests) == 2


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_have_run_is_not_tried_again_without_a_key(status):
    """Somebody on the way has answered; the gateway may still be at work."""
    world = World((status, {}), OK)
    assert world.post().status_code == status and world.waits == []
    world = World((status, {}), OK)
    assert world.post(**KEY).status_code == 200


@pytest.mark.parametrize("status", [500, 504])
def test_what_may_have_been_charged_is_not_tried_again_without_a_key(status):
    assert World(put_off(status), OK).post().status_code == status
    assert World(put_off(status), OK).post(**KEY).status_code == 200


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_what_would_be_refused_again_is_not_tried_again(status):
    assert World(put_off(status), OK).post(**KEY).status_code == status


def test_no_is_obeyed_and_yes_does_not_go_beyond_what_is_safe():
    assert World(put_off(503, **{"x-should-retry": "false"}), OK).post(**KEY).status_code == 503
    yes = {"x-should-retry": "true"}
    assert World(put_off(520, **yes), OK).post().status_code == 520
    assert World(put_off(520, **yes), OK).post(**KEY).status_code == 200


def test_a_conflict_of_a_key_is_waited_for_other_conflicts_are_not():
    later = {"retry-after-ms": "1000"}
    assert World(put_off(409, **later), OK).post(**KEY).status_code == 200
    assert World(put_off(409, **later), OK).post().status_code == 409
    assert World(put_off(409), OK).post(**KEY).status_code == 409


def test_never_sooner_than_told_and_not_all_at_once():
    for chance, wait in ((0.0, 2.0), (0.999, 2.4995)):
        world = World(put_off(**{"retry-after-ms": "2000", "retry-after": "3"}), OK, chance=chance)
        world.post()
        assert world.waits == [pytest.approx(wait)]
    world = World(put_off(**{"retry-after": "40"}), OK, chance=0.999)
    world.post()
    assert world.waits == [pytest.approx(40.999)]  # at most a second is added


def test_without_advice_waits_grow_and_are_spread():
    world = World(put_off(), chance=1.0)
    assert world.post(RetryPolicy(attempts_max=4, budget=10)).status_code == 429
    assert world.waits == [0.5, 1.0, 2.0] and len(world.requests) == 4
    world = World(put_off(), OK, chance=0.0)
    world.post()
    assert world.waits == [0.0]


def test_a_wait_that_is_too_long_is_the_callers_to_decide():
    world = World(put_off(**{"retry-after": "61"}), OK)
    assert world.post().status_code == 429 and world.waits == []
    world = World(put_off(**{"retry-after": "61"}), OK)
    assert world.post(RetryPolicy(wait_max=61)).status_code == 200


def test_a_call_ends_when_its_time_is_up():
    world = World(put_off(**{"retry-after": "40"}))
    assert world.post(RetryPolicy(attempts_max=10, elapsed_max=100, budget=10)).status_code == 429
    assert world.waits == [40, 40]


def test_when_everything_fails_a_server_sees_a_fifth_more_and_the_budget():
    world = World(put_off(503))
    with world.client(RetryPolicy(attempts_max=3, budget=3)) as client:
        for _ in range(100):
            assert client.post(URL, json={}).status_code == 503
    # The first call's fifth has no room above the budget.
    assert 100 + 3 + 18 <= len(world.requests) <= 100 + 3 + 20


def test_what_was_never_sent_is_sent_again():
    for error in (httpx2.ConnectError("x"), httpx2.ConnectTimeout("x"), httpx2.PoolTimeout("x")):
        world = World(error, OK)
        assert world.post().status_code == 200 and len(world.waits) == 1


@pytest.mark.parametrize("error", [
    httpx2.ReadError("x"), httpx2.ReadTimeout("x"), httpx2.WriteError("x"),
    httpx2.RemoteProtocolError("x")])
def test_a_lost_answer_is_asked_for_again_only_with_a_key(error):
    world = World(error, OK)
    with pytest.raises(type(error)):
        world.post()
    assert len(world.requests) == 1
    assert World(error, OK).post(**KEY).status_code == 200
    assert World(error, OK).post(method="GET").status_code == 200
    assert World(error, OK).post(method="PUT").status_code == 200
    for method, headers in (("PUT", {"if-match": '"1"'}), ("DELETE", {}), ("PATCH", {})):
        with pytest.raises(type(error)):
            World(error, OK).post(method=method, **headers)


def test_the_same_bytes_are_sent_each_time():
    world = World(put_off(), put_off(), OK)
    with world.client() as client:
        client.post(URL, json={"a": 1}, headers=KEY)
    assert [request.content for request in world.requests] == [b'{"a":1}'] * 3
    assert {request.headers["idempotency-key"] for request in world.requests} == {"i-1"}


def test_a_body_that_can_be_read_once_is_sent_once():
    world = World(put_off(), OK)
    with world.client() as client:
        assert client.post(URL, content=iter([b"part"])).status_code == 429


def test_the_same_for_asyncio():
    world = World(put_off(**{"retry-after": "2"}), httpx2.ConnectError("x"), OK, chance=0.0)

    async def ask():
        transport = AsyncRetryTransport(httpx2.MockTransport(world.answer), sleep=world.sleep_async,
                                        clock=lambda: world.now, random=lambda: world.chance)
        async with httpx2.AsyncClient(transport=transport) as client:
            return await client.post(URL, json={})
    assert asyncio.run(ask()).status_code == 200
    assert world.waits == [2, 0] and len(world.requests) == 3


def ask(client, **more):
    return client.chat.completions.create(model="m", messages=[], **more)


def test_the_sdk_does_not_try_again_on_top():
    """A plain client over our transport, with the SDK's two retries: the last word is the transport's."""
    world = World(put_off(503, **{"retry-after-ms": "1"}))
    with openai.OpenAI(base_url="http://mesh/v1", api_key="k", max_retries=2,
                       http_client=world.client(RetryPolicy(attempts_max=2))) as client:
        with pytest.raises(openai.InternalServerError):
            ask(client)
    assert len(world.requests) == 2


def test_two_policies_at_once_are_an_error_before_anything_is_sent_twice(serve):
    server = serve(Answer(drop=True))
    http_client = httpx2.Client(transport=RetryTransport(httpx2.HTTPTransport()))
    with openai.OpenAI(base_url=server.url, api_key="k", max_retries=1, http_client=http_client) as client:
        with pytest.raises(openai.OpenAIError, match="leave max_retries at 0"):
            ask(client)
    assert len(server.asked) == 1


def test_calls_and_streams_over_a_socket(serve):
    later = refusal(429, "queue_full", {"retry-after-ms": "1"})
    server = serve(later, Answer(body=fake.chat("plain")), later,
                   Answer(events=[fake.chunk("streamed"), fake.chunk(finish="stop"), "[DONE]"]))
    with Mesh(base_url=server.url, api_key="k") as client:
        assert ask(client).choices[0].message.content == "plain"
        texts = [chunk.choices[0].delta.content for chunk in ask(client, stream=True)]
    assert texts[0] == "streamed" and len(server.asked) == 4


def test_what_has_begun_to_stream_is_never_asked_for_again(serve):
    error = {"error": {"message": "gone", "type": "server_error", "param": None, "code": "upstream_error"}}
    server = serve(Answer(events=[fake.chunk("one"), error]))
    with Mesh(base_url=server.url, api_key="k") as client:
        with pytest.raises(openai.APIError, match="gone"):
            list(ask(client, stream=True, extra_headers=KEY))
    assert len(server.asked) == 1


def test_a_dropped_connection_is_not_a_second_charge(serve):
    server = serve(Answer(drop=True), Answer(body=fake.chat()))
    with Mesh(base_url=server.url, api_key="k") as client:
        with pytest.raises(openai.APIConnectionError):
            ask(client)
        assert len(server.asked) == 1
    server = serve(Answer(drop=True), Answer(body=fake.chat()))
    with Mesh(base_url=server.url, api_key="k", retry=RetryPolicy(backoff_first=0)) as client:
        assert ask(client, extra_headers=KEY).choices
        assert len(server.asked) == 2


@pytest.mark.parametrize("wrong", [{"attempts_max": 0}, {"attempts_max": 11}, {"wait_max": -1},
                                   {"budget": -1}, {"backoff_first": 9.0}])
def test_a_policy_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError):
        RetryPolicy(**wrong)


@pytest.mark.parametrize("told, waits", [("2", [2.0, 2.0]), ("120", [120.0, 120.0]), ("121", [])])
def test_what_the_sdk_does_by_itself(monkeypatch, told, waits):
    """What docs/sdk.md says of it: without us it obeys up to 120 s."""
    seen = []
    monkeypatch.setattr("time.sleep", seen.append)
    world = World((429, {"retry-after": told}))
    http_client = httpx2.Client(transport=httpx2.MockTransport(world.answer))
    with openai.OpenAI(base_url="http://mesh/v1", api_key="k", http_client=http_client) as client:
        with pytest.raises(openai.RateLimitError):
            ask(client)
    assert seen == waits and len(world.requests) == 1 + len(waits)


def test_the_sdk_by_itself_asks_again_for_a_lost_answer(monkeypatch):
    """The reason for rules of our own: no key, and the first request may have been charged."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    world = World(httpx2.ReadError("x"))
    http_client = httpx2.Client(transport=httpx2.MockTransport(world.answer))
    with openai.OpenAI(base_url="http://mesh/v1", api_key="k", http_client=http_client) as client:
        with pytest.raises(openai.APIConnectionError):
            ask(client)
    assert len(world.requests) == 3 and "idempotency-key" not in world.requests[0].headers
