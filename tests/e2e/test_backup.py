"""A backup of a working server, the loss of that server, and what a restore brings back."""

import json
import os
import shutil
import sqlite3
import subprocess
import threading

import pytest

import mesh as support
from mesh import chat, status_of, wait_for

KEY = "a key of the test that is long enough to be one"
LONG = "[[sim:tokens=100000,rate=50]] go on"


def sovmesh(*words, key=KEY, code=0):
    done = subprocess.run([support.BINARY, *map(str, words)], capture_output=True, text=True,
                          timeout=60, check=False, env=dict(os.environ, E2E_BACKUP_KEY=key))
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def backup(verb, *words, **more):
    return sovmesh("backup", verb, *words, "--key", "env:E2E_BACKUP_KEY", **more)


def made(*words, **more):
    return json.loads(sovmesh(*words, "--json", **more))


def ask(mesh, text="hello", tenant="aurora"):
    answer = mesh.exchange(mesh.request(chat(text), tenant, "Connection: close\r\n"))
    assert status_of(answer) == 200, answer
    return answer


def settled(data_dir):
    """(requests, generated tokens) over all rows, read past the program."""
    with sqlite3.connect(f"file:{data_dir}/ledger.db?mode=ro", uri=True) as ledger:
        return ledger.execute("SELECT sum(requests), sum(generated) FROM balance").fetchone()


def usage(data_dir, tenant="aurora"):
    rows = made("usage", "--tenant", tenant, "--data-dir", data_dir)["data"]
    return sum(row["requests"] - row["open"] for row in rows)


def entries(data_dir, action):
    rows = made("audit", "list", "--action", action, "--data-dir", data_dir)["data"]
    return [row["entry"] for row in rows]


def checkpoint_beyond(data_dir, size):
    note = (data_dir / "audit/checkpoint").read_bytes()
    return note if int(note.split(b"\n")[1]) > size else None


@pytest.fixture
def mesh(tmp_path):
    running = support.Mesh(tmp_path, managed=False)
    yield running
    running.server.kill()
    running.sim.stop()


def archive_of(mesh, name="one.smb"):
    archive = mesh.folder / name
    backup("create", "--data-dir", mesh.data, "--out", archive)
    assert archive.stat().st_mode & 0o777 == 0o600
    assert not (mesh.data / "backup.work").exists()
    return archive


def test_a_lost_server_comes_back_as_it_was_at_the_cut(mesh):
    for _ in range(5):
        ask(mesh)
    made_key = made("key", "create", "--tenant", "aurora", "--data-dir", mesh.data)["key"]
    with mesh.connect() as peer:  # in flight at the cut
        peer.sendall(mesh.request(chat(LONG, stream=True)))
        assert b" 200 " in peer.recv(65536)
        archive = archive_of(mesh)
        facts = json.loads(backup("verify", archive, "--json"))
        assert facts["requests"] == 5 and facts["ledger_open"] == 1 and facts["epoch"] == 1
        assert facts["audit_size"] + facts["audit_pending"] > 5
        for _ in range(3):
            ask(mesh)  # after the cut: lost with the server
        sovmesh("audit", "checkpoint", "--data-dir", mesh.data)  # one that covers them
    assert mesh.keys["aurora"].encode() not in archive.read_bytes()
    seen = facts["audit_size"] + facts["audit_pending"]
    older = wait_for(lambda: checkpoint_beyond(mesh.data, seen))
    mesh.server.kill()
    lost, mesh.data = mesh.data, mesh.folder / "again"
    shutil.rmtree(lost)

    said = backup("restore", archive, "--data-dir", mesh.data)
    assert "epoch 2 begins" in said and "drift 0" in said
    assert mesh.data.stat().st_mode & 0o777 == 0o700
    assert (mesh.data / "restored").exists()
    mesh.start()
    assert not (mesh.data / "restored").exists()
    # The log is written beside: its line may come after the one on standard output.
    wait_for(lambda: "epoch 1 ended, epoch 2 begins" in mesh.server.log_tail())

    # Five settled, and the one in flight settled as recovered; the three after the cut are gone.
    assert usage(mesh.data) == 6
    restores = entries(mesh.data, "backup.restore")
    assert len(restores) == 1 and "epoch 1 ended, epoch 2 begins" in restores[0]["reason"]
    assert facts["sha256"] in restores[0]["reason"]
    ask(mesh)
    first, mesh.keys["aurora"] = mesh.keys["aurora"], made_key
    ask(mesh)
    mesh.keys["aurora"] = first
    assert usage(mesh.data) == 8
    assert mesh.server.stop() == 0
    assert "good: " in sovmesh("audit", "verify", mesh.data / "audit")
    # Whoever kept a checkpoint of the lost server sees that the log went back.
    kept = mesh.folder / "kept.checkpoint"
    kept.write_bytes(older)
    assert "BAD" in subprocess.run(
        [support.BINARY, "audit", "verify", str(mesh.data / "audit"), "--older-checkpoint",
         str(kept)], capture_output=True, text=True, timeout=30, check=False).stdout

    # A start says it once; a second backup is of the new epoch.
    mesh.start()
    assert len(entries(mesh.data, "backup.restore")) == 1
    again = archive_of(mesh, "two.smb")
    assert json.loads(backup("verify", again, "--json"))["epoch"] == 2


def test_a_stopped_server_is_backed_up_too(mesh):
    ask(mesh)
    assert mesh.server.stop() == 0
    archive = archive_of(mesh)
    assert json.loads(backup("verify", archive, "--json"))["requests"] == 1
    mesh.start()
    ask(mesh)
    assert usage(mesh.data) == 2


def test_backups_under_load_are_each_of_one_instant(mesh):
    stop = threading.Event()
    failures = []

    def load(tenant):
        while not stop.is_set():
            try:
                ask(mesh, tenant=tenant)
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)
                return

    threads = [threading.Thread(target=load, args=(tenant,))
               for tenant in ("aurora", "borealis", "aurora")]
    for thread in threads:
        thread.start()
    try:
        before = 0
        for round_ in range(4):
            sovmesh("tenant", "create", f"tenant-{round_}", "--data-dir", mesh.data)
            archive = archive_of(mesh, f"{round_}.smb")
            facts = json.loads(backup("verify", archive, "--json"))
            assert facts["requests"] >= before
            before = facts["requests"]
            data = mesh.folder / f"restored-{round_}"
            backup("restore", archive, "--data-dir", data)
            assert settled(data)[0] == facts["requests"]
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert not failures and before > 0


def test_what_must_be_refused(mesh, tmp_path):
    ask(mesh)
    archive = archive_of(mesh)
    assert "this key does not open" in backup("verify", archive, key="k" * 40, code=1)
    assert "this key does not open" in backup("restore", archive, "--data-dir", tmp_path / "x",
                                              key="k" * 40, code=1)
    assert not (tmp_path / "x").exists()
    assert "at least 32" in backup("verify", archive, key="short", code=2)
    assert "never the key itself" in sovmesh("backup", "verify", archive, "--key", KEY, code=2)
    assert "--force" in backup("create", "--data-dir", mesh.data, "--out", archive, code=1)
    backup("create", "--data-dir", mesh.data, "--out", archive, "--force")

    whole = archive.read_bytes()
    bad = tmp_path / "bad.smb"
    bad.write_bytes(whole[:-1])
    assert f"cut short at byte {len(whole) - 1}" in backup("verify", bad, code=1)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    bad.write_bytes(flipped)
    assert "damaged between its bytes" in backup("restore", bad, "--data-dir", tmp_path / "y", code=1)
    assert not (tmp_path / "y").exists() and not (tmp_path / ".y.restoring").exists()
    bad.write_bytes(b"SQLite format 3\0" * 10)
    assert "not a backup archive" in backup("verify", bad, code=1)

    assert "is not empty" in backup("restore", archive, "--data-dir", mesh.data, code=1)
    (tmp_path / "empty").mkdir()
    backup("restore", archive, "--data-dir", tmp_path / "empty")
    assert "not a data folder" in backup("create", "--data-dir", tmp_path / "none", "--out",
                                         tmp_path / "z", code=5)
    assert not list(tmp_path.glob("*.part"))


def test_a_killed_backup_leaves_nothing_in_the_way(mesh):
    ask(mesh)
    work = mesh.data / "backup.work"
    work.mkdir(mode=0o700)
    (work / "ledger.db").write_text("what a killed process left")
    part = mesh.folder / "one.smb.part"
    part.write_text("what a killed process left")
    archive = archive_of(mesh)
    assert not part.exists() and not work.exists()
    # Killed somewhere in the middle, many times over: nothing half done is ever taken for whole.
    for tenth in range(10):
        child = subprocess.Popen(
            [support.BINARY, "backup", "create", "--data-dir", str(mesh.data), "--out",
             str(mesh.folder / "killed.smb"), "--force", "--key", "env:E2E_BACKUP_KEY"],
            env=dict(os.environ, E2E_BACKUP_KEY=KEY), stdout=subprocess.DEVNULL)
        try:
            child.wait(0.02 + tenth * 0.01)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if (mesh.folder / "killed.smb").exists():
            backup("verify", mesh.folder / "killed.smb")
        ask(mesh)  # no lock stays
    wait_for(lambda: usage(mesh.data) == 11)
    archive_of(mesh, "last.smb")
    backup("verify", archive)
