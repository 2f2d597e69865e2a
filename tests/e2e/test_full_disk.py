"""A data folder whose disk is full: what still works, what is refused and how it says so, and that
nothing is lost. On a small file system of its own, which only root can make."""

import json
import os
import subprocess
import urllib.error
import urllib.request

import pytest

import mesh as support
from mesh import chat, status_of, wait_for

KEY = "a key of the test that is long enough to be one"
UNAVAILABLE = 6
DISK = 112 << 20


@pytest.fixture
def disk(tmp_path):
    """A folder that holds DISK bytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def mesh(tmp_path, disk):
    one = support.Mesh(tmp_path, managed=False)
    one.server.stop()
    one.data = disk / "data"
    one.start()
    yield one
    if one.server.child.poll() is None:
        one.server.kill()
    one.sim.stop()


def fill(disk):
    """To the last byte."""
    with open(disk / "filler", "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1 << 9):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


def empty(disk):
    (disk / "filler").unlink()


def run(mesh, *words, code=0, json_=False):
    more = ("--json",) if json_ else ()
    done = subprocess.run([support.BINARY, *map(str, words), "--data-dir", mesh.data, *more],
                          capture_output=True, text=True, timeout=60, check=False,
                          env=dict(os.environ, E2E_BACKUP_KEY=KEY))
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if json_ else done.stdout + done.stderr


def entries(mesh, *filters):
    rows = run(mesh, "audit", "list", "--limit", "5000", *filters, json_=True)["data"]
    return [row["entry"] for row in reversed(rows)]


def ask(mesh, text="hello"):
    return status_of(mesh.exchange(mesh.request(chat(text), extra="Connection: close\r\n")))


def ready(mesh):
    """(status, body) of the operators' /readyz."""
    url = f"http://{mesh.server.ready['metrics_listen'][0]}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def verify_audit(mesh):
    done = subprocess.run([support.BINARY, "audit", "verify", mesh.data / "audit"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_reads_and_backups_go_on_with_their_entries(tmp_path, disk, mesh):
    assert ask(mesh) == 200
    run(mesh, "usage", "--tenant", "aurora")
    fill(disk)
    wait_for(lambda: "disk" in ready(mesh)[1])  # nobody need ask to find that out
    wait_for(lambda: ask(mesh) == 503)  # a few may fit into files that are there
    before = len(entries(mesh, "--action", "report.read"))
    for _ in range(5):
        run(mesh, "usage", "--tenant", "aurora")
        run(mesh, "ledger", "verify")
        run(mesh, "audit", "hold", "list")
    assert len(entries(mesh, "--action", "report.read")) == before + 5
    # The copies of the databases are made elsewhere, and so is the archive.
    run(mesh, "backup", "create", "--out", tmp_path / "archive", "--key", "env:E2E_BACKUP_KEY")
    assert entries(mesh, "--action", "backup.create")
    assert not entries(mesh, "--action", "audit.resume"), "there is no room again"
    inside = run(mesh, "backup", "create", "--out", mesh.data / "archive", "--key",
                 "env:E2E_BACKUP_KEY", code=2)
    assert "inside the data folder" in inside
    empty(disk)
    wait_for(lambda: ask(mesh) == 200)
    wait_for(lambda: entries(mesh, "--action", "audit.resume"))
    run(mesh, "tenant", "create", "other")
    assert mesh.server.stop() == 0
    verify_audit(mesh)


def test_reads_are_refused_with_an_exit_code_of_their_own_when_nothing_is_kept(disk, mesh):
    run(mesh, "usage", "--tenant", "aurora")
    with open(mesh.data / "audit/reserve", "r+b") as reserve:
        reserve.truncate(0)
    fill(disk)
    # What the file system still had in the last block of a file may hold some entries.
    refused = wait_for(lambda: subprocess.run(
        [support.BINARY, "usage", "--tenant", "aurora", "--data-dir", mesh.data],
        capture_output=True, text=True, timeout=60, check=False).stderr)
    assert "audit log" in refused
    run(mesh, "usage", "--tenant", "aurora", code=UNAVAILABLE)
    run(mesh, "tenant", "create", "other", code=UNAVAILABLE)
    run(mesh, "ledger", "verify")


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_server_starts_on_a_full_disk_and_says_that_it_takes_nothing(disk, mesh, how):
    assert ask(mesh) == 200
    assert mesh.server.stop() == 0 if how == "stopped" else mesh.server.kill() is None
    fill(disk)
    reserve = mesh.data / "ledger.db.reserve"
    kept = reserve.stat().st_size
    for _ in range(3):  # each start takes a little more
        mesh.start()
        status, why = wait_for(lambda: ready(mesh) if ready(mesh)[0] == 503 else None)
        assert "disk is full" in why
        assert ask(mesh) == 503
        assert "aurora" in run(mesh, "tenant", "list")
        run(mesh, "usage", "--tenant", "aurora")
        # What it was lent and did not use is back before anybody else can have it.
        wait_for(lambda: reserve.stat().st_size > kept - (2 << 20))
        fill(disk)
        kept = reserve.stat().st_size
        if how == "stopped":
            assert mesh.server.stop() == 0
        else:
            mesh.server.kill()
        fill(disk)
    mesh.start()
    empty(disk)
    wait_for(lambda: ask(mesh) == 200)
    wait_for(lambda: ready(mesh)[0] == 200)
    assert mesh.server.stop() == 0
    verify_audit(mesh)
    assert "drift 0" in run(mesh, "ledger", "verify", "--offline")


def test_a_start_that_finds_no_room_at_all_says_what_is_missing(disk, mesh):
    assert mesh.server.stop() == 0
    (mesh.data / "ledger.db.reserve").unlink()
    (mesh.data / "audit/reserve").unlink()
    fill(disk)
    done = subprocess.run([support.BINARY, "serve", "--config", mesh.config, "--data-dir",
                           mesh.data], capture_output=True, text=True, timeout=30, check=False,
                          env=dict(os.environ, E2E_AURORA=mesh.keys["aurora"],
                                   E2E_BOREALIS=mesh.keys["borealis"]))
    assert done.returncode == 5
    lines = [line for line in done.stderr.splitlines() if line.startswith("sovmesh:")]
    assert len(lines) == 1
    for piece in (str(mesh.data), "disk is full", "0 bytes are free", "Make room"):
        assert piece in lines[0]
    empty(disk)
    mesh.start()
    assert ask(mesh) == 200


def test_a_kill_on_a_full_disk_keeps_the_counts_of_what_was_refused(disk, mesh):
    assert ask(mesh) == 200
    fill(disk)
    wait_for(lambda: ask(mesh) == 503)
    wait_for(lambda: "disk_full" in mesh.server.log_tail())
    for _ in range(50):
        assert ask(mesh) == 503
    held = mesh.data / "audit/held"
    wait_for(lambda: b" metering_unavailable" in held.read_bytes()
             and count_in(held.read_bytes()) >= 50)
    mesh.server.kill()
    empty(disk)
    mesh.start()
    told = [entry for entry in entries(mesh, "--action", "request.refused")
            if not entry["object_ref"]]
    assert len(told) == 1 and told[0]["count"] >= 50
    assert "metering_unavailable" in told[0]["reason"]
    assert "did not end by itself" in told[0]["reason"]
    mesh.server.kill()
    mesh.start()
    assert len([entry for entry in entries(mesh, "--action", "request.refused")
                if not entry["object_ref"]]) == 1, "told once"


def count_in(held):
    """The newest count of the file: "SAVES SIZE COUNT TEXT" in two slots."""
    newest = (0, 0)
    for slot in (held[:4096], held[4096:]):
        words = slot[12:].split(b" ")
        if slot.startswith(b"SMJ1") and len(words) > 3:
            newest = max(newest, (int(words[0]), int(words[2])))
    return newest[1]
