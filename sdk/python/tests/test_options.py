from datetime import timedelta

import pytest

from fake import Answer, chat
from sovmesh import ConfigurationError, Mesh, options


def test_options_are_headers_of_the_call(serve):
    server = serve(Answer(body=chat()))
    with Mesh(base_url=server.url, api_key="k") as client:
        client.chat.completions.create(
            model="m", messages=[], extra_headers=options(
                timeout=1.5, priority="batch", session="s-1", channel="preview", idempotency_key="i-1",
                request_id="r_1", client_request_id="c-1",
                traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
    headers = server.asked[0].headers
    assert headers["x-sm-timeout-ms"] == "1500" and headers["x-sm-priority"] == "batch"
    assert headers["x-sm-session"] == "s-1" and headers["x-sm-channel"] == "preview"
    assert headers["idempotency-key"] == "i-1" and headers["x-request-id"] == "r_1"
    assert headers["x-client-request-id"] == "c-1" and headers["traceparent"].startswith("00-0af")
    assert headers["authorization"] == "Bearer k"


def test_nothing_said_is_no_header():
    assert options() == {}
    assert options(timeout=timedelta(minutes=2)) == {"x-sm-timeout-ms": "120000"}


@pytest.mark.parametrize("said", [
    {"timeout": 0}, {"timeout": -1}, {"timeout": float("nan")}, {"priority": "urgent"},
    {"session": ""}, {"session": "a b"}, {"channel": "Preview"}, {"idempotency_key": "x" * 256},
    {"idempotency_key": "a\nb"}, {"request_id": "a.b"}, {"request_id": "x" * 65},
    {"client_request_id": ""}, {"traceparent": "00-1-2-3"}])
def test_what_the_gateway_would_ignore_or_refuse_is_an_error(said):
    with pytest.raises(ConfigurationError, match=next(iter(said))):
        options(**said)
