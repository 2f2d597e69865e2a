"""A process that runs out of something: it refuses early, its operators still get in, and it recovers."""

import os
import re
import resource
import urllib.request

import pytest

import mesh as support
from mesh import chat, status_of, wait_for

RESERVE = 64  # of descriptors


@pytest.fixture
def mesh(tmp_path):
    mesh = support.Mesh(tmp_path, managed=False)
    yield mesh
    mesh.stop()


def page(mesh, kind, path):
    address = mesh.server.ready[kind][0]
    token = (mesh.data / "admin.token").read_text().strip()
    request = urllib.request.Request(f"http://{address}{path}",
                                     headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode()


def pressure(mesh, what):
    text = page(mesh, "metrics_listen", "/metrics")
    return float(re.search(rf'\nsm_overload_pressure{{resource="{what}"}} (\S+)', text)[1])


def ask(mesh):
    return mesh.exchange(mesh.request(chat("x"), extra="Connection: close\r\n"))


def open_files(mesh):
    return len(os.listdir(f"/proc/{mesh.server.child.pid}/fd"))


def test_without_descriptors_it_stops_to_accept_and_recovers(mesh):
    pid = mesh.server.child.pid
    assert status_of(ask(mesh)) == 200
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    few = RESERVE + open_files(mesh) * 2 // 3
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, before[1]))
    wait_for(lambda: '\nsm_overload_action{action="stop_accept"} 1\n' in
             page(mesh, "metrics_listen", "/metrics"))
    assert pressure(mesh, "fds") > 1
    with mesh.connect() as waiting:  # the kernel takes it, the server does not
        waiting.sendall(mesh.request(chat("x"), extra="Connection: close\r\n"))
        assert '"state":"ready"' in page(mesh, "admin_listen", "/api/v1/engines")
        wait_for(lambda: '"event":"overload"' in mesh.server.log_tail())
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        answer = support.read_to_end(waiting)
    assert status_of(answer) == 200
    assert status_of(ask(mesh)) == 200


def test_it_says_how_full_it_is(mesh):
    wait_for(lambda: pressure(mesh, "memory") > 0)
    for what in ("memory", "fds", "streams", "loop_lag", "ledger_queue", "disk"):
        assert 0 <= pressure(mesh, what) < 0.8, what
