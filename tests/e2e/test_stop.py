"""How the server ends, and what its exit code says when it cannot begin."""

import contextlib
import fcntl
import json
import os
import re
import resource
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

import mesh as support
from mesh import chat, read_to_end, status_of, wait_for

DRAINED = 10  # metering::Finish
USAGE, UNREACHABLE, CONFIG, DATA_DIR = 2, 3, 4, 5


def page(mesh, path):
    address = mesh.server.ready["metrics_listen"][0]
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def begin_stream(mesh, text):
    peer = mesh.connect()
    peer.sendall(mesh.request(chat(text, stream=True)))
    data = b""
    while data.count(b"data: ") < 2:
        piece = peer.recv(65536)
        assert piece, data
        data += piece
    return peer, data


@pytest.mark.parametrize("how", ["tokens=100000,rate=50", "tokens=100,stall-after=3"])
def test_the_shortest_drain_ends_streams_with_their_error_event(tmp_path, how):
    mesh = support.Mesh(tmp_path, managed=False)  # drain_time: 1s
    try:
        peer, data = begin_stream(mesh, f"[[sim:{how}]] go on")
        with peer:
            mesh.server.child.send_signal(signal.SIGTERM)
            data += read_to_end(peer)
        assert b'data: {"error":{' in data and b'"code":"overloaded"' in data, data[-500:]
        assert b"[DONE]" not in data
        assert mesh.server.stop() == 0
        with contextlib.closing(support.open_ledger(mesh.data)) as ledger:
            assert ledger.execute("SELECT finish FROM usage").fetchall() == [(DRAINED,)]
    finally:
        mesh.stop()


def test_metrics_and_health_stay_to_the_end_of_the_drain(tmp_path):
    mesh = support.Mesh(tmp_path, managed=False)
    mesh.config.write_text(mesh.config.read_text().replace("drain_time: 1s", "drain_time: 60s"))
    assert mesh.server.stop() == 0
    mesh.start()
    try:
        wait_for(lambda: page(mesh, "/readyz")[0] == 200)
        peer, _ = begin_stream(mesh, "[[sim:tokens=100000,rate=50]] go on")
        with peer:
            mesh.server.child.send_signal(signal.SIGTERM)

            def is_closed():
                try:
                    mesh.connect().close()
                    return False
                except ConnectionRefusedError:
                    return True
            wait_for(is_closed)
            status, why = page(mesh, "/readyz")
            assert status == 503 and "draining" in why
            status, text = page(mesh, "/metrics")
            assert status == 200 and "\nsm_inflight 1\n" in text
        wait_for(lambda: mesh.server.child.poll() is not None)  # nobody is left
    finally:
        mesh.stop()


@pytest.fixture
def piped(tmp_path):
    """A server whose log goes into a pipe, and the pipe's reading end."""
    mesh = support.Mesh(tmp_path, managed=False)
    assert mesh.server.stop() == 0
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)  # one page
    log = tmp_path / "serve.log"
    log.unlink()
    log.symlink_to(f"/proc/self/fd/{write}")
    try:
        mesh.start()
    finally:
        log.unlink()
        log.touch()
        os.close(write)
    yield mesh, read
    mesh.stop()


def dropped(mesh):
    return int(re.search(r'\nsm_log_dropped_total{sink="log"} (\d+)', page(mesh, "/metrics")[1])[1])


def test_the_reader_of_the_log_may_go_away(piped):
    mesh, reader = piped
    os.close(reader)
    for _ in range(3):
        assert status_of(mesh.exchange(mesh.request(chat("x"), extra="Connection: close\r\n"))) == 200
    wait_for(lambda: dropped(mesh) >= 3)
    assert mesh.server.child.poll() is None


def test_a_log_that_nobody_reads_does_not_keep_the_process(piped):
    mesh, reader = piped
    for _ in range(20):
        assert status_of(mesh.exchange(mesh.request(chat("x"), extra="Connection: close\r\n"))) == 200
    mesh.server.child.send_signal(signal.SIGTERM)
    assert mesh.server.child.wait(5) == 0  # drain_time: 1s, and one for the log
    os.close(reader)


def test_a_log_that_cannot_be_written_is_no_secret(tmp_path):
    mesh = support.Mesh(tmp_path, managed=False)
    assert mesh.server.stop() == 0
    config = mesh.config.read_text()
    mesh.config.write_text("log:\n  path: /dev/full\n" + config)
    mesh.start()
    try:
        mesh.exchange(mesh.request(chat("x"), extra="Connection: close\r\n"))
        wait_for(lambda: dropped(mesh) >= 1)
        assert mesh.server.log_tail().count("cannot write the log to '/dev/full'") == 1
        assert mesh.server.stop() == 0
        os.mkfifo(tmp_path / "fifo")
        mesh.config.write_text(f"log:\n  path: {tmp_path}/fifo\n" + config)
        with pytest.raises(AssertionError, match="nobody reads this pipe"):
            mesh.start()
    finally:
        mesh.stop()


def serve(folder, config, *more, limit=None):
    """The exit code and the words of a start that fails."""
    path = folder / "sovmesh.yaml"
    path.write_text(json.dumps(config))

    def prepare():
        support.die_with_parent()
        if limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    done = subprocess.run(
        [support.BINARY, "serve", "--config", path, "--data-dir", folder / "data", *more],
        capture_output=True, text=True, timeout=30, check=False, preexec_fn=prepare)
    return done.returncode, done.stderr


def listening_on(*addresses):
    return {"server": {"workers": 1, "listen": list(addresses), "admin_listen": [],
                       "metrics_listen": []}}


ANY = listening_on("127.0.0.1:0")


def test_a_wrong_address_is_the_fault_of_whoever_wrote_it(tmp_path):
    for flag in ("--listen", "--admin-listen", "--metrics-listen"):
        code, why = serve(tmp_path, ANY, flag, "nope")
        assert code == USAGE and f"{flag} 'nope'" in why
    code, why = serve(tmp_path, listening_on("nope"))
    assert code == CONFIG and "nope" in why


def test_a_port_in_use_has_a_code_of_its_own(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        code, why = serve(tmp_path, listening_on(address))
        assert code == UNREACHABLE and address in why
        code, why = serve(tmp_path, ANY, "--metrics-listen", address)
        assert code == UNREACHABLE and address in why


@pytest.mark.parametrize("limit", [0, 4096, 65536])
def test_a_disk_that_takes_nothing_is_a_fault_of_the_data_folder(tmp_path, limit):
    code, why = serve(tmp_path, ANY, limit=limit)
    assert code == DATA_DIR, why


def test_what_is_no_file_or_says_nothing_is_no_configuration(tmp_path):
    empty = tmp_path / "empty.yaml"
    empty.write_text("# tenants: []\n")
    for path, why in ((tmp_path, "not a regular file"), (empty, "the file is empty")):
        for command in (["config", "validate", path],
                        ["serve", "--config", path, "--data-dir", tmp_path / "data"]):
            done = subprocess.run([support.BINARY, *command], capture_output=True, text=True,
                                  timeout=30, check=False)
            assert done.returncode == CONFIG and why in done.stderr


def invalid(section, value):
    good = {"server": ANY["server"], "engines": [{"name": "one", "kind": "remote",
                                                  "url": "http://127.0.0.1:1"}],
            "models": [{"name": "first", "engine": "one"}], "tenants": [{"name": "aurora"}]}
    return {**good, section: value}


@pytest.mark.parametrize("config, why", [
    (invalid("server", {"metrics_listen": ["nope"]}), "1:12: error: metrics_listen 'nope'"),
    (invalid("server", {"tls": {"certificate": "/none.crt", "key": "/none.key"}}), "'/none.crt'"),
    (invalid("engines", [{"name": "one", "kind": "remote", "url": "ftp://x"}]), "URL: want"),
    (invalid("engines", [{"name": "one", "kind": "managed", "model_file": "/none.gguf"}]),
     "no such file '/none.gguf'"),
    (invalid("tenants", [{"name": "aurora", "keys": [
        {"name": "app", "secret": "env:HOME"}]}]), "is not a sovmesh key"),
    (invalid("tenants", [{"name": "aurora", "hosts": ["a.example"]},
                         {"name": "boreal", "hosts": ["a.example"]}]), "a.example"),
])
def test_validate_refuses_what_serve_refuses(tmp_path, config, why):
    code, words = serve(tmp_path, config)
    assert code == CONFIG and why in words
    done = subprocess.run([support.BINARY, "config", "validate", tmp_path / "sovmesh.yaml"],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == CONFIG and done.stderr == words
    assert not (tmp_path / "data").exists()
