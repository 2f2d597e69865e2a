"""What a careless proxy lets through, with raw sockets against the running binary."""

import contextlib
import json
import time

import pytest

import mesh as support
from mesh import body_of, chat, status_of

LONG = "[[sim:tokens=100000,rate=50]] go on"


def error_of(answer):
    return json.loads(body_of(answer))["error"]


def read_until(peer, wanted):
    data = b""
    while wanted not in data:
        piece = peer.recv(65536)
        assert piece, data
        data += piece
    return data


def test_two_framings_are_refused_and_the_connection_closed(sim_mesh):
    request = sim_mesh.request(chat("hello"), extra="Transfer-Encoding: chunked\r\n")
    answer = sim_mesh.exchange(request + b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status_of(answer) == 400
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("body, code", [
    (b'{"model":"sim","model":"sim","messages":[{"role":"user","content":"x"}]}', "duplicate_key"),
    (b'{"model":"sim","messages":[{"role":"user","content":"x"}],"metadata":'
     + b"[" * 64 + b"]" * 64 + b"}", "nesting_too_deep"),
    (b'{"model":"sim","messages":', None),
])
def test_json_that_two_parsers_read_differently_is_refused(sim_mesh, body, code):
    answer = sim_mesh.exchange(sim_mesh.request(body, extra="Connection: close\r\n"))
    assert status_of(answer) == 400
    error = error_of(answer)
    assert set(error) >= {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert code is None or error["code"] == code


@pytest.mark.parametrize("fault", ["die-after=3", "eof-after=3", "error-after=3"])
def test_an_engine_that_fails_amid_a_stream_shows_as_an_error(sim_mesh, fault):
    request = sim_mesh.request(chat(f"[[sim:{fault},rate=50]] hello", stream=True),
                               extra="Connection: close\r\n")
    answer = sim_mesh.exchange(request)
    assert status_of(answer) == 200
    assert b'"delta"' in answer
    assert b'data: {"error":{' in answer
    assert b"[DONE]" not in answer


@pytest.mark.parametrize("stream, fault", [(False, "error-body"), (True, "error-event")])
@pytest.mark.parametrize("status", [400, 503])
def test_an_error_inside_200_gets_its_status(sim_mesh, stream, fault, status):
    request = sim_mesh.request(chat(f"[[sim:{fault}={status}]] hello", stream=stream),
                               extra="Connection: close\r\n")
    answer = sim_mesh.exchange(request)
    assert status_of(answer) == status, answer
    assert error_of(answer)["message"]


def test_a_hang_up_on_a_silent_stream_reaches_the_engine(sim_mesh):
    before = sim_mesh.sim.counts()["cancelled"]
    peer = sim_mesh.connect()
    peer.sendall(sim_mesh.request(chat("[[sim:stall-after=1]] hello", stream=True)))
    read_until(peer, b'"content"')
    began = time.monotonic()
    peer.close()
    support.wait_for(lambda: sim_mesh.sim.counts()["cancelled"] > before, 5, 0.005)
    took = time.monotonic() - began
    print(f"hang-up to cancel: {took * 1000:.0f} ms (bar: 250 ms)")
    assert took < 1


def finishes(data, key_id):
    with contextlib.closing(support.open_ledger(data)) as ledger:
        closed = ledger.execute(
            "SELECT u.rid, u.finish, u.generated, u.delivered FROM usage u "
            "JOIN subject s ON s.no = u.subject WHERE s.key = ?", (key_id,)).fetchall()
        return closed, ledger.execute("SELECT rid FROM open_row").fetchall()


RECOVERED = 9  # metering's numbers never change their meaning


def test_a_killed_gateway_closes_its_rows_at_the_next_start(tmp_path):
    mesh = support.Mesh(tmp_path, managed=False)
    try:
        with mesh.connect() as peer:
            peer.sendall(mesh.request(chat(LONG, stream=True)))
            read_until(peer, b'"content"')
            mesh.server.kill()
        key_id = mesh.keys["aurora"].split("-")[1]
        closed, still_open = finishes(mesh.data, key_id)
        assert closed == [] and len(still_open) == 1  # durable before the first token
        mesh.start()
        closed, left = finishes(mesh.data, key_id)
        assert left == []
        assert [(row[0], row[1]) for row in closed] == [(still_open[0][0], RECOVERED)]
        answer = mesh.exchange(mesh.request(chat("again"), extra="Connection: close\r\n"))
        assert status_of(answer) == 200
    finally:
        mesh.stop()
