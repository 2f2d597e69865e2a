"""The real engine is stopped and started by hand while requests come."""

import json
import subprocess
import threading
import urllib.error
import urllib.request

import mesh as support
from mesh import chat, wait_for

TINY = support.TINY


def sovmesh(mesh, *words, code=0):
    done = subprocess.run([support.BINARY, *words, "--data-dir", str(mesh.data)], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def shown(mesh):
    return json.loads(sovmesh(mesh, "engine", "show", "tiny", "--json").stdout)


def reaches(mesh, state, seconds=60):
    wait_for(lambda: shown(mesh)["state"] == state, seconds, 0.1)


def ask(mesh, **more):
    """Status, code of the error, and the answer's bytes."""
    request = urllib.request.Request(
        f"{mesh.base_url}/chat/completions", json.dumps(chat("hello", model=TINY, **more)).encode(),
        {"authorization": f"Bearer {mesh.keys['aurora']}", "content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, None, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())["error"]["code"], b""


def test_what_is_stopped_answers_503_and_stays_so_until_it_is_started(mesh):
    reaches(mesh, "ready")
    before = shown(mesh)
    assert before["supervised"] and before["memory_bytes"] > 1_000_000
    assert ask(mesh, max_tokens=4)[0] == 200

    sovmesh(mesh, "engine", "stop", "tiny", "--grace", "5")
    reaches(mesh, "stopped", 20)
    after = shown(mesh)
    assert (after["out_of_service"], after["pid"], after["memory_bytes"]) == (True, None, None)
    assert after["reason"] == "stopped by an administrator"
    for _ in range(3):
        assert ask(mesh, max_tokens=4)[:2] == (503, "no_healthy_backend")
    assert shown(mesh)["state"] == "stopped", "no request wakes it"
    sovmesh(mesh, "engine", "stop", "tiny")  # once more changes nothing

    sovmesh(mesh, "engine", "start", "tiny")
    reaches(mesh, "ready")
    assert ask(mesh, max_tokens=4)[0] == 200
    assert shown(mesh)["pid"] != before["pid"]


def test_a_stream_that_runs_may_end_within_the_grace(mesh):
    reaches(mesh, "ready")
    answers = []
    running = threading.Thread(target=lambda: answers.append(ask(mesh, stream=True, max_tokens=400)))
    running.start()
    wait_for(lambda: shown(mesh)["in_flight"] == 1 or answers, 20)
    sovmesh(mesh, "engine", "stop", "tiny", "--grace", "60")
    running.join(60)
    assert answers[0][0] == 200 and b"data: [DONE]" in answers[0][2]
    reaches(mesh, "stopped", 20)
    sovmesh(mesh, "engine", "start", "tiny")
    reaches(mesh, "ready")


def test_the_log_has_no_line_from_when_it_answers(mesh):
    reaches(mesh, "ready")
    ask(mesh, max_tokens=4)
    log = json.loads(sovmesh(mesh, "engine", "log", "tiny", "--json").stdout)
    assert log["lines"] and log["withheld"] >= 0
    assert not any("hello" in line for line in log["lines"])
    assert len(sovmesh(mesh, "engine", "log", "tiny", "--lines", "2").stdout.splitlines()) == 2
    sovmesh(mesh, "engine", "log", "sim", code=1)  # it runs elsewhere


def test_a_remote_engine_is_taken_out_and_put_back(mesh):
    sovmesh(mesh, "engine", "stop", "sim")
    refused = mesh.exchange(mesh.request(chat("hello"), extra="Connection: close\r\n"))
    assert support.status_of(refused) == 503
    sovmesh(mesh, "engine", "start", "sim")
    wait_for(lambda: support.status_of(mesh.exchange(mesh.request(chat("hello"), extra="Connection: close\r\n"))) == 200, 20, 0.1)


def test_it_is_in_the_audit_log(mesh):
    sovmesh(mesh, "engine", "stop", "tiny", "--grace", "0")
    reaches(mesh, "stopped", 20)
    sovmesh(mesh, "engine", "start", "tiny")
    reaches(mesh, "ready")
    entries = sovmesh(mesh, "audit", "list", "--json").stdout
    assert "engine.stop" in entries and "engine.start" in entries
