"""Restarts under load: no connection is refused and no request fails, by a hand-over of the sockets
and by sockets that a service manager keeps."""

import os
import signal
import socket
import threading

import pytest

import mesh as support
from mesh import chat, read_to_end

RESTARTS = int(os.environ.get("SM_RESTARTS", "3"))
REQUESTS = int(os.environ.get("SM_RESTART_REQUESTS", "2000"))
PATIENCE = 60  # of a client, seconds


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_answer(peer):
    """Head and body of one answer of known length."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = peer.recv(65536)
        if not piece:
            raise ConnectionError(f"ended after {len(data)} bytes")
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                  if line.startswith(b"content-length:"))
    while len(body) < length:
        piece = peer.recv(65536)
        if not piece:
            raise ConnectionError("ended amid an answer")
        body += piece
    return head, body


class Load:
    """Clients that go on until told to stop; whatever goes wrong is kept."""

    def __init__(self, mesh, address):
        self.mesh, self.address = mesh, address
        self.failures, self.answered, self.streams = [], 0, 0
        self.enough = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.guard, args=(what,))
                        for what in (self.ask_anew, self.ask_again, self.ask_again, self.stream,
                                     self.stream)]
        for thread in self.threads:
            thread.start()

    def guard(self, what):
        while not self.enough.is_set():
            try:
                what()
            except (OSError, AssertionError, StopIteration) as failure:
                with self.lock:
                    self.failures.append(f"{what.__name__}: {failure!r}")

    def connect(self):
        return socket.create_connection(self.address, timeout=PATIENCE)

    def note(self, head):
        assert head.startswith(b"HTTP/1.1 200 "), head
        with self.lock:
            self.answered += 1

    def ask_anew(self):
        request = self.mesh.request(chat("short"), extra="Connection: close\r\n")
        with self.connect() as peer:
            peer.sendall(request)
            self.note(read_answer(peer)[0])

    def ask_again(self):
        """One connection for many requests, until the server says that this was the last."""
        request = self.mesh.request(chat("short"))
        with self.connect() as peer:
            while not self.enough.is_set():
                peer.sendall(request)
                head, _ = read_answer(peer)
                self.note(head)
                if b"\r\nconnection: close" in head.lower():
                    return

    def stream(self):
        with self.connect() as peer:
            peer.sendall(self.mesh.request(chat("[[sim:tokens=40,rate=25]] long", stream=True),
                                           extra="Connection: close\r\n"))
            data = read_to_end(peer)
        assert b"data: [DONE]" in data, data[-300:]
        with self.lock:
            self.streams += 1

    def stop(self):
        self.enough.set()
        for thread in self.threads:
            thread.join(PATIENCE)


@pytest.fixture
def mesh(tmp_path):
    mesh = support.Mesh(tmp_path, managed=False, listen=(f"127.0.0.1:{free_port()}",))
    mesh.config.write_text(mesh.config.read_text().replace("drain_time: 1s", "drain_time: 30s")
                           .replace("workers: 1", "workers: 2"))
    assert mesh.server.stop() == 0
    yield mesh
    mesh.stop()


def wait_for_answers(load, count):
    """A busy machine may take long, as long as answers keep coming."""
    while load.answered < count and not load.failures:
        before = load.answered
        support.wait_for(lambda: load.failures or load.answered > before, seconds=PATIENCE)


def run_restarts(mesh, restart):
    load = Load(mesh, mesh.address)
    try:
        for done in range(1, RESTARTS + 1):
            wait_for_answers(load, done * REQUESTS // RESTARTS)
            assert not load.failures
            restart()
        wait_for_answers(load, load.answered + 20)
    finally:
        load.stop()
    assert load.failures == []
    assert load.answered >= REQUESTS and load.streams >= 2


def test_a_successor_takes_the_sockets_over(mesh):
    mesh.start()

    def restart():
        old = mesh.server
        mesh.start("--take-over")
        assert old.child.wait(60) == 0

    run_restarts(mesh, restart)


def test_a_service_manager_keeps_the_sockets(mesh):
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(mesh.address)
        kept.listen(1024)
        activated = {
            "program": ("bash", "-c",
                        f'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$@" 3<&{kept.fileno()}',
                        support.BINARY),
            "pass_fds": (kept.fileno(),)}
        mesh.start(**activated)

        def restart():
            mesh.server.child.send_signal(signal.SIGTERM)
            assert mesh.server.child.wait(60) == 0
            mesh.start(**activated)

        run_restarts(mesh, restart)


def test_without_a_predecessor_it_just_starts(mesh):
    mesh.start("--take-over")
    answer = mesh.exchange(mesh.request(chat("x"), extra="Connection: close\r\n"))
    assert support.status_of(answer) == 200


def test_sockets_cannot_come_from_two_sides(mesh, tmp_path):
    with socket.socket() as kept, pytest.raises(AssertionError, match="only one of them"):
        kept.bind(("127.0.0.1", 0))
        kept.listen()
        mesh.start("--take-over",
                   program=("bash", "-c", f'export LISTEN_FDS=1 LISTEN_PID=$$; '
                            f'exec "$0" "$@" 3<&{kept.fileno()}', support.BINARY),
                   pass_fds=(kept.fileno(),))
    mesh.start()
