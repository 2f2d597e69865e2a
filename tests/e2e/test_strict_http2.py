"""The strict cases over HTTP/2 with prior knowledge in clear, against the running binary."""

import json
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest

import mesh as support
from mesh import chat


class Answer:
    def __init__(self):
        self.status = None
        self.headers = {}
        self.body = b""
        self.ended = False
        self.reset = None  # an error code

    def is_over(self):
        return self.ended or self.reset is not None

    def error(self):
        return json.loads(self.body)["error"]


class Client:
    """One connection. It checks nothing of what it sends: servers have to."""

    def __init__(self, mesh):
        self.mesh = mesh
        self.peer = mesh.connect()
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding="utf-8", validate_outbound_headers=False,
            normalize_outbound_headers=False))
        self.state.initiate_connection()
        self.answers = {}
        self.is_closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()

    def post(self, body, extra=(), end_stream=True):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        stream = self.state.get_next_available_stream_id()
        self.state.send_headers(stream, [
            (":method", "POST"), (":scheme", "http"), (":path", "/v1/chat/completions"),
            (":authority", self.mesh.server.address),
            ("authorization", f"Bearer {self.mesh.keys['aurora']}"),
            ("content-type", "application/json"), *extra])
        self.state.send_data(stream, body, end_stream=end_stream)
        self.answers[stream] = Answer()
        self.flush()
        return stream

    def reset(self, stream):
        self.state.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        self.flush()

    def flush(self):
        self.peer.sendall(self.state.data_to_send())

    def read_until(self, stream, reached):
        answer = self.answers[stream]
        while not reached(answer):
            data = self.peer.recv(65536)
            assert data, f"the connection ended: {answer.body}"
            for event in self.state.receive_data(data):
                self.take(event)
            self.flush()
        return answer

    def take(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        if answer is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            answer.headers = dict(event.headers)
            answer.status = int(answer.headers[":status"])
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = event.error_code

    def exchange(self, body, extra=()):
        return self.read_until(self.post(body, extra), Answer.is_over)


@pytest.fixture
def client(sim_mesh):
    with Client(sim_mesh) as made:
        yield made


@pytest.mark.parametrize("fields, size, words", [
    (130, 1, "too many headers"), (4, 16_500, "too large"), (8, 16_300, "too large")])
def test_a_head_over_its_limits_ends_its_own_stream_only(client, fields, size, words):
    streamed = client.post(chat("[[sim:tokens=20,rate=20]] hello", stream=True))
    client.read_until(streamed, lambda answer: answer.body)
    refused = client.exchange(chat("x"), [(f"x-{i}", "a" * size) for i in range(fields)])
    assert refused.status == 431 and words in refused.error()["message"]
    name = refused.headers["x-sm-request-id"]
    support.wait_for(lambda: name in client.mesh.server.log.read_text())
    answer = client.read_until(streamed, Answer.is_over)
    assert answer.status == 200 and answer.body.endswith(b"data: [DONE]\n\n")


def test_a_plain_and_a_streamed_answer_share_a_connection(client):
    streamed = client.post(chat("hello", stream=True))
    whole = client.post(chat("hello"))
    answer = client.read_until(whole, Answer.is_over)
    assert answer.status == 200 and json.loads(answer.body)["choices"]
    assert "date" in answer.headers and "connection" not in answer.headers
    answer = client.read_until(streamed, Answer.is_over)
    assert answer.ended and answer.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("name, value, framing", [
    ("transfer-encoding", "chunked", "field"), ("content-length", "4", "shorter"),
    ("content-length", "4096", "longer")])
def test_a_second_framing_is_an_error_of_its_stream(client, name, value, framing):
    before = client.mesh.sim.counts()
    answer = client.exchange(chat("hello"), extra=[(name, value)])
    assert answer.status == 400 or answer.reset == h2.errors.ErrorCodes.PROTOCOL_ERROR, framing
    assert client.mesh.sim.counts() == before
    assert client.exchange(chat("again")).status == 200


@pytest.mark.parametrize("body, code", [
    (b'{"model":"sim","model":"sim","messages":[{"role":"user","content":"x"}]}', "duplicate_key"),
    (b'{"model":"sim","messages":[{"role":"user","content":"x"}],"metadata":'
     + b"[" * 64 + b"]" * 64 + b"}", "nesting_too_deep"),
])
def test_json_that_two_parsers_read_differently_is_refused(client, body, code):
    answer = client.exchange(body)
    assert answer.status == 400
    assert answer.error()["type"] == "invalid_request_error"
    assert answer.error()["code"] == code


@pytest.mark.parametrize("fault", ["die-after=3", "eof-after=3", "error-after=3"])
def test_an_engine_that_fails_amid_a_stream_shows_as_an_error(client, fault):
    answer = client.exchange(chat(f"[[sim:{fault},rate=50]] hello", stream=True))
    assert answer.status == 200
    assert b'"delta"' in answer.body
    assert b'data: {"error":{' in answer.body
    assert b"[DONE]" not in answer.body


@pytest.mark.parametrize("stream, fault", [(False, "error-body"), (True, "error-event")])
@pytest.mark.parametrize("status", [400, 503])
def test_an_error_inside_200_gets_its_status(client, stream, fault, status):
    answer = client.exchange(chat(f"[[sim:{fault}={status}]] hello", stream=stream))
    assert answer.status == status
    assert answer.error()["message"]


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_hang_up_on_a_silent_stream_reaches_the_engine(client, how):
    silent = chat("[[sim:stall-after=1]] hello", stream=True)
    before = client.mesh.sim.counts()["cancelled"]
    other = client.post(silent)
    stream = client.post(silent)
    for each in (other, stream):
        client.read_until(each, lambda answer: b'"content"' in answer.body)

    def cancelled():
        return client.mesh.sim.counts()["cancelled"] - before

    began = time.monotonic()
    if how == "reset":
        client.reset(stream)
        support.wait_for(lambda: cancelled() >= 1, 5, 0.005)
    else:
        client.peer.close()
        support.wait_for(lambda: cancelled() >= 2, 5, 0.005)
    took = time.monotonic() - began
    print(f"{how} to cancel: {took * 1000:.0f} ms (bar: 250 ms)")
    assert took < 0.25
    assert cancelled() == (1 if how == "reset" else 2)  # the other stream goes on
    client.peer.close()
    support.wait_for(lambda: cancelled() == 2)
