"""The audit log as its readers meet it: the commands, the files, both verifiers, and kill -9."""

import http.client
import importlib.util
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import mesh as support
from mesh import SIM, chat, wait_for
from receiver import Receiver, check_signed

CONFIG = """\
server:
  workers: 1
  listen: ["127.0.0.1:0"]
  admin_listen: ["127.0.0.1:0"]
  metrics_listen: ["127.0.0.1:0"]
  accept_after_term: 0s
  drain_time: 1s
tenants:
  - name: boreal
"""
SECOND_VERIFIER = support.ROOT / "tools/verify-audit/verify_audit.py"
ADMIN = f"uid:{os.getuid()}"


class Gateway:
    def __init__(self, folder, config=CONFIG):
        self.folder = folder
        self.data = folder / "data"
        self.log = self.data / "audit"
        self.config = folder / "sovmesh.yaml"
        self.config.write_text(config)
        self.start()

    def start(self):
        self.process = support.Process(
            ["serve", "--config", self.config, "--data-dir", self.data], self.folder / "serve.log")

    def restart(self):
        assert self.process.stop() == 0
        self.start()

    def run(self, *words, code=0):
        done = subprocess.run([support.BINARY, *words, "--data-dir", self.data],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr if code else done.stdout

    def made(self, *words):
        return json.loads(self.run(*words, "--json"))

    def entries(self, *filters):
        """Oldest first."""
        rows = self.made("audit", "list", "--limit", "5000", *filters)["data"]
        return [dict(row["entry"], index=row["index"]) for row in reversed(rows)]

    def checkpoint(self):
        return self.run("audit", "checkpoint")

    def signer(self):
        children = pathlib.Path(
            f"/proc/{self.process.child.pid}/task/{self.process.child.pid}/children")
        for pid in children.read_text().split():
            if b"audit-signer" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
        return None

    def request(self, method, path, body=None):
        """Over the socket, without a process of its own: (status, JSON)."""
        connection = http.client.HTTPConnection("localhost", timeout=30)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(30)
        connection.sock.connect(str(self.data / "admin.sock"))
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()


@pytest.fixture
def gateway(tmp_path):
    one = Gateway(tmp_path)
    yield one
    if one.process.child.poll() is None:
        assert one.process.stop() == 0, one.process.log_tail()


def verify(log, *more, code=0):
    done = subprocess.run([support.BINARY, "audit", "verify", log, "--json", *map(str, more)],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def verify_twice(log, keys, *more, code=0):
    """Both verifiers, on a list of keys that is not the log's own. The report of ours."""
    report = verify(log, "--keys", keys, code=code)
    if SECOND_VERIFIER.exists() and importlib.util.find_spec("nacl"):
        second = subprocess.run([sys.executable, SECOND_VERIFIER, "--keys", keys, *more, log],
                                capture_output=True, text=True, timeout=120, check=False)
        assert (second.returncode == 0) == (code == 0), second.stdout + second.stderr
    return report


def own_keys(gateway, folder):
    """What an auditor noted when the log was new."""
    keys = folder / "noted-keys"
    keys.write_text((gateway.log / "keys").read_text().splitlines()[0].rsplit(" ", 2)[0] + " 0 -\n")
    return keys


def test_a_stranger_verifies_what_admins_did(tmp_path, gateway):
    keys = own_keys(gateway, tmp_path)
    early = tmp_path / "early.checkpoint"
    early.write_text(gateway.checkpoint())
    gateway.run("tenant", "create", "aurora")
    made = gateway.made("key", "create", "--tenant", "aurora", "--owner", "alice")
    gateway.run("key", "revoke", made["id"])
    gateway.run("tenant", "update", "aurora", "--display-name", "Aurora")
    gateway.run("usage", "--tenant", "aurora")
    gateway.run("audit", "rotate-key", "--reason", "yearly")
    gateway.run("key", "delete", made["id"])
    gateway.run("tenant", "update", "boreal", "--display-name", "B", code=1)  # nothing happened

    rows = gateway.entries()
    actions = [row.get("action") for row in rows]
    assert actions[:9] == ["key.start", "audit.start", "config.apply", "audit.read", "tenant.create",
                           "key.create", "key.revoke", "tenant.update", "report.read"]
    assert actions[9:12] == ["key.rotate", "audit.rotate_key", "key.delete"]
    created = rows[5]
    assert created["object_ref"] == f"keys/{made['id']}"
    assert len(created["actor_ref"]) == len(created["subject_ref"]) == 64
    of_alice = gateway.entries("--subject", "alice", "--tenant", "aurora")
    of_keys = gateway.entries("--action", "key.*", "--tenant", "aurora")
    assert [row["index"] for row in of_alice] == [row["index"] for row in of_keys] == [5, 6, 11]
    assert "is in the log" in gateway.run("audit", "prove", "5")

    assert gateway.process.stop() == 0
    report = verify_twice(gateway.log, keys)
    assert report["rotations"] == 1
    verify(gateway.log, "--keys", keys, "--older-checkpoint", early)
    everything = b"".join(path.read_bytes() for path in gateway.data.rglob("*") if path.is_file()
                          and "audit" in str(path))
    for secret in (made["key"].encode(), b"alice"):
        assert secret not in everything


@pytest.mark.parametrize("tile", ["tile/entries", "tile/0"])
def test_one_flipped_byte_is_found_by_both_verifiers(tmp_path, gateway, tile):
    keys = own_keys(gateway, tmp_path)
    for i in range(30):
        gateway.request("POST", "/api/v1/tenants", {"slug": f"tenant-{i}"})
    size = gateway.made("audit", "checkpoint")["signed_size"]
    assert gateway.process.stop() == 0
    verify_twice(gateway.log, keys)
    widest = max((gateway.log / tile).glob("000.p/*"), key=lambda path: int(path.name))
    damaged = bytearray(widest.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    widest.write_bytes(damaged)
    report = verify_twice(gateway.log, keys, code=1)
    assert not report["good"] and 0 <= report["index"] <= size
    # And such a log is not gone on with.
    done = subprocess.run([support.BINARY, "serve", "--config", gateway.config, "--data-dir",
                           gateway.data], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 5 and "audit log" in done.stderr


def test_a_log_that_was_made_anew_does_not_pass(tmp_path, gateway):
    keys = own_keys(gateway, tmp_path)
    early = tmp_path / "early.checkpoint"
    gateway.run("tenant", "create", "aurora")
    early.write_text(gateway.checkpoint())
    assert gateway.process.stop() == 0
    # Root begins the log again, without what happened.
    shutil.rmtree(gateway.log)
    for secret in (gateway.data / "secrets").glob("audit.*"):
        secret.unlink()
    gateway.start()
    gateway.run("tenant", "create", "innocent")
    assert gateway.process.stop() == 0
    verify(gateway.log)  # good by itself: that is why a list of keys is kept elsewhere
    verify_twice(gateway.log, keys, code=1)
    assert "older checkpoint" in verify(gateway.log, "--older-checkpoint", early, code=1)["where"]


def test_entries_cannot_be_taken_away(tmp_path, gateway):
    gateway.run("tenant", "create", "aurora")
    gateway.checkpoint()
    assert gateway.process.stop() == 0
    kept = tmp_path / "kept"
    shutil.copytree(gateway.log, kept)
    gateway.start()
    gateway.run("tenant", "delete", "aurora")
    assert gateway.process.stop() == 0
    shutil.rmtree(gateway.log)
    shutil.copytree(kept, gateway.log)
    done = subprocess.run([support.BINARY, "serve", "--config", gateway.config, "--data-dir",
                           gateway.data], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 5 and "entries are missing" in done.stderr


def test_erasure_takes_the_words_and_leaves_the_proofs(tmp_path, gateway):
    keys = own_keys(gateway, tmp_path)
    gateway.run("tenant", "create", "aurora", "--display-name", "The Aurora people")
    index = str(gateway.entries("--action", "tenant.create")[0]["index"])
    assert "The Aurora people" in gateway.run("audit", "show", index, "--detail")
    gateway.run("audit", "hold", "add", "--subject", ADMIN, "--reason", "case 7")
    assert "legal hold" in gateway.run("audit", "erase", "--subject", ADMIN, "--yes", code=1)
    gateway.run("audit", "hold", "remove", "--subject", ADMIN)
    assert "--yes" in gateway.run("audit", "erase", "--subject", ADMIN, code=2)
    gateway.run("audit", "erase", "--subject", ADMIN, "--yes", "--reason", "asked for")
    for _ in range(2):
        shown = gateway.run("audit", "show", index, "--detail")
        assert "Aurora people" not in shown and "no longer be read" in shown
        assert "is in the log" in gateway.run("audit", "prove", index)
        gateway.restart()
    erased = gateway.entries("--action", "audit.erase")
    assert [one["outcome"] for one in erased] == ["denied", "ok"]
    assert erased[1]["reason"] == "asked for"
    assert gateway.process.stop() == 0
    verify_twice(gateway.log, keys)


def test_a_hold_keeps_and_says_so(gateway):
    gateway.run("tenant", "create", "aurora")
    gateway.run("key", "create", "--tenant", "aurora", "--owner", "ann")
    alice = ("--tenant", "aurora", "--subject", "ann")
    assert "no such legal hold" in gateway.run("audit", "hold", "remove", *alice, code=1)
    gateway.run("audit", "hold", "add", *alice, "--reason", "case 7")
    gateway.restart()
    listed = gateway.run("audit", "hold", "list")
    assert "aurora" in listed and "ann" in listed and "case 7" in listed
    assert "legal hold" in gateway.run("tenant", "delete", "aurora", code=1)
    assert "legal hold" in gateway.run("audit", "erase", *alice, "--yes", code=1)
    for action in ("tenant.delete", "audit.erase"):
        assert [one["outcome"] for one in gateway.entries("--action", action)] == ["denied"]
    gateway.run("audit", "hold", "remove", *alice)
    assert "ann" not in gateway.run("audit", "hold", "list")
    gateway.run("tenant", "delete", "aurora")


def test_names_that_nobody_has_and_patterns_that_nobody_reads(gateway):
    gateway.run("tenant", "create", "aurora")
    assert "at the end only" in gateway.run("audit", "list", "--action", "*.create", code=2)
    held = gateway.made("audit", "hold", "add", "--tenant", "aurora", "--subject", "nobody")
    assert held["known"] is False and "nobody of this name" in held["warning"]
    made = gateway.made("key", "create", "--tenant", "aurora", "--owner", "ann")
    gateway.run("key", "revoke", made["id"])
    ann = ("audit", "erase", "--tenant", "aurora", "--subject", "ann", "--yes")
    assert "the owner of 1 revoked keys" in gateway.run(*ann)
    assert gateway.made("key", "show", made["id"])["owner"] is None
    assert "nobody of this name" in gateway.run(*ann, code=1)


def test_an_erased_name_is_in_no_file(gateway):
    name = "Annika.Lindqvist@example.org"
    gateway.run("tenant", "create", "aurora")
    for n in range(20):
        gateway.run("key", "create", "--tenant", "aurora", "--owner", name if n % 2 else f"other{n}")
    gateway.run("limit", "set", "--tenant", "aurora", "--user", name, "--measure", "requests",
                "--window", "day", "--amount", "5")

    def files_with_it():
        return [path for path in gateway.data.rglob("*")
                if path.is_file() and name.encode() in path.read_bytes()]

    assert files_with_it(), "else nothing is tested here"
    gateway.run("tenant", "delete", "aurora")
    gateway.run("audit", "erase", "--tenant", "aurora", "--subject", name, "--yes")
    assert files_with_it() == []
    gateway.restart()
    assert files_with_it() == []


def test_a_tenant_takes_its_entries_home(tmp_path, gateway):
    for name in ("aurora", "other"):
        gateway.run("tenant", "create", name)
        gateway.run("key", "create", "--tenant", name)
    home = tmp_path / "export"
    gateway.run("audit", "export", "--tenant", "aurora", "--out", home)
    entries = sorted(home.glob("*.entry"))
    assert len(entries) == 2
    keys = own_keys(gateway, tmp_path)
    assert verify_twice(home, keys, "--export")["size"] == 2
    gateway.run("audit", "prove", entries[0].stem, "--out", tmp_path / "proof")
    assert verify_twice(tmp_path / "proof", keys, "--export")["size"] == 1
    entries[1].write_text(entries[1].read_text().replace("key.create", "key.delete"))
    assert verify_twice(home, keys, "--export", code=1)["index"] == int(entries[1].stem)


def test_the_files_are_served_as_tiles_are(gateway):
    host, port = gateway.process.ready["admin_listen"][0].rsplit(":", 1)
    token = (gateway.data / "admin.token").read_text().strip()

    def get(path, authorized=True):
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request("GET", path,
                           headers={"authorization": f"Bearer {token}"} if authorized else {})
        answer = connection.getresponse()
        if authorized:  # whatever it is: a browser takes it for nothing else and runs nothing of it
            assert answer.headers.get_all("x-content-type-options") == ["nosniff"]
            assert "default-src 'none'" in answer.headers["content-security-policy"]
        try:
            return answer.status, answer.headers.get("cache-control"), answer.read()
        finally:
            connection.close()

    for i in range(260):
        gateway.request("POST", "/api/v1/tenants", {"slug": f"tenant-{i}"})
    note = gateway.checkpoint()
    size = int(note.splitlines()[1])
    status, cache, body = get("/audit/checkpoint")
    assert (status, cache) == (200, "no-cache") and int(body.decode().splitlines()[1]) >= size
    status, cache, body = get("/audit/tile/0/000")
    assert status == 200 and "immutable" in cache and len(body) == 256 * 32
    status, cache, body = get(f"/audit/tile/entries/001.p/{size - 256}")
    assert status == 200 and "immutable" not in cache
    assert get("/audit/keys")[0] == 200
    for path in ("origin", "pending", "../secrets/audit.key", "%2e%2e/secrets/audit.key",
                 "tile/0/000/", "tile/0/0", ""):
        assert get("/audit/" + path)[0] == 404, path
    assert get("/audit/checkpoint", authorized=False)[0] == 401
    wait_for(lambda: gateway.entries("--action", "admin.login"))
    refused = gateway.entries("--action", "admin.login")[0]
    assert (refused["outcome"], refused["object_ref"]) == ("denied", "listener/admin")


def test_the_signer_comes_back(tmp_path, gateway):
    keys = own_keys(gateway, tmp_path)
    gateway.run("tenant", "create", "aurora")
    first = wait_for(gateway.signer)
    os.kill(first, signal.SIGKILL)
    gateway.run("tenant", "create", "other")
    wait_for(lambda: int(gateway.checkpoint().splitlines()[1]) >= 5)
    assert gateway.process.stop() == 0
    verify_twice(gateway.log, keys)


def test_kill_at_any_moment_loses_no_acknowledged_action(tmp_path, gateway):
    keys = own_keys(gateway, tmp_path)
    seed = int(os.environ.get("SM_SEED", "0")) or random.randrange(1 << 30)
    print("SM_SEED =", seed)
    chance = random.Random(seed)
    done, older = [], []

    def act(round_, worker):
        for i in range(10_000):
            try:
                status, body = gateway.request("POST", "/api/v1/tenants",
                                               {"slug": f"t{round_}-{worker}-{i}"})
            except (OSError, http.client.HTTPException, ValueError):
                return
            if status == 201:
                done.append(body["id"])

    for round_ in range(6):
        actors = [threading.Thread(target=act, args=(round_, worker)) for worker in range(3)]
        for actor in actors:
            actor.start()
        time.sleep(chance.uniform(0.05, 1.6))
        gateway.process.kill()
        for actor in actors:
            actor.join()
        # As it lies there, a stranger finds a log that grew out of every one seen before.
        verify_twice(gateway.log, keys)
        verify(gateway.log, *(word for path in older for word in ("--older-checkpoint", path)))
        older.append(tmp_path / f"{round_}.checkpoint")
        shutil.copy(gateway.log / "checkpoint", older[-1])
        gateway.start()
        objects = {row["object_ref"] for row in gateway.entries("--action", "tenant.create")}
        missing = [ident for ident in done if f"tenants/{ident}" not in objects]
        assert not missing, f"round {round_}, SM_SEED={seed}"
    assert len(done) > 20
    assert gateway.process.stop() == 0
    verify_twice(gateway.log, keys)


def test_requests_are_in_the_log(tmp_path):
    mesh = support.Mesh(tmp_path, managed=False)
    try:
        for i in range(5):
            request = mesh.request(chat(f"canary-{i}", model=SIM), extra="Connection: close\r\n")
            assert support.status_of(mesh.exchange(request)) == 200
        listed = [support.BINARY, "audit", "list", "--action", "request", "--json", "--data-dir",
                  mesh.data]

        def rows():
            done = subprocess.run(listed, capture_output=True, text=True, timeout=30, check=True)
            return json.loads(done.stdout)["data"]
        wait_for(lambda: len(rows()) == 5)
        for row in rows():
            entry = row["entry"]
            assert entry["outcome"] == "ok" and entry["tokens_out"] > 0
            assert len(entry["prompt_digest"]) == 64 and entry["egress"]
        raw = b"".join(path.read_bytes() for path in (mesh.data / "audit").rglob("*")
                       if path.is_file())
        assert b"canary" not in raw
    finally:
        mesh.stop()
    verify(mesh.data / "audit")


def test_checkpoints_reach_another_machine(tmp_path):
    secret = b"a secret of the receiver and of ours"
    (tmp_path / "hook").write_bytes(secret)
    (tmp_path / "hook").chmod(0o600)
    with Receiver(1) as receiver:
        hook = (f"webhooks:\n  audit_checkpoints: {{url: \"{receiver.url}\","
                f" secret: \"file:{tmp_path}/hook\"}}\n")
        gateway = Gateway(tmp_path, CONFIG + hook)
        wait_for(lambda: receiver.taken, seconds=20)
        headers, body = receiver.taken[0]
        check_signed(secret, headers, body)
        event = json.loads(body)
        assert event["type"] == "audit.checkpoint"
        kept = tmp_path / "kept"
        kept.write_text(event["data"]["checkpoint"])
        gateway.run("tenant", "create", "aurora")
        assert gateway.process.stop() == 0
    verify(gateway.log, "--older-checkpoint", kept)


def test_a_refused_configuration_is_in_the_log(gateway):
    gateway.config.write_text(CONFIG + "  - name: boreal\n")
    wait_for(lambda: gateway.entries("--action", "config.apply")[-1]["outcome"] == "failed")
    refused = gateway.entries("--action", "config.apply")[-1]
    assert "boreal" not in json.dumps(refused), "names are in the encrypted part"
    assert "stands twice" in gateway.run("audit", "show", str(refused["index"]), "--detail")
    gateway.config.write_text(CONFIG + "  - name: aurora\n")
    wait_for(lambda: gateway.entries("--action", "config.apply")[-1]["outcome"] == "ok")


def test_requests_that_a_kill_cut_off_get_their_entries_once(tmp_path):
    mesh = support.Mesh(tmp_path, managed=False)

    def entries():
        done = subprocess.run([support.BINARY, "audit", "list", "--action", "request", "--limit",
                               "5000", "--data-dir", mesh.data, "--json"], capture_output=True,
                              text=True, timeout=60, check=True)
        return [row["entry"] for row in json.loads(done.stdout)["data"]]
    try:
        peers = []
        for _ in range(5):
            peer = mesh.connect()
            peer.sendall(mesh.request(chat("[[sim:tokens=100000,rate=50]] go on", stream=True)))
            peers.append(peer)
        cut_off = set()
        for peer in peers:
            head = b""
            while b"data: " not in head:
                head += peer.recv(65536)
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"x-sm-request-id:"):
                    cut_off.add(line.split(b":")[1].strip().decode())
        assert len(cut_off) == 5
        mesh.server.kill()
        for _ in range(2):
            mesh.start()
            found = [entry for entry in entries() if entry["rid"] in cut_off]
            assert {entry["rid"] for entry in found} == cut_off and len(found) == 5
            for entry in found:
                assert (entry["finish"], entry["outcome"]) == ("recovered", "aborted")
                assert entry["status"] == 0 and entry["egress"] == "unknown"
                assert entry["ledger_ref"] == "settle/" + entry["rid"]
            mesh.server.kill()
    finally:
        mesh.sim.stop()
    verify_twice(mesh.data / "audit", mesh.data / "audit/keys")


def test_what_a_key_and_its_owner_did(tmp_path):
    mesh = support.Mesh(tmp_path, managed=False)

    def made(*words):
        done = subprocess.run([support.BINARY, *map(str, words), "--data-dir", mesh.data, "--json"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def entries(action):
        return [row["entry"] for row in made("audit", "list", "--action", action)["data"]]

    def raw():
        return b"".join(path.read_bytes() for path in mesh.data.glob("ledger.db*"))

    def ask():
        request = mesh.request(chat("hello", model=SIM), tenant="ours",
                               extra="Connection: close\r\n")
        assert support.status_of(mesh.exchange(request)) == 200
    try:
        made("tenant", "create", "ours")
        key = made("key", "create", "--tenant", "ours", "--owner", "annika.lindqvist")
        mesh.keys["ours"] = key["key"]
        ask()
        ask()
        wait_for(lambda: len(entries("request")) == 2)
        wait_for(lambda: entries("key.first_use"))
        mesh.server.stop()
        mesh.start()
        ask()
        wait_for(lambda: len(entries("request")) == 3)
        assert [entry["object_ref"] for entry in entries("key.first_use")] == [f"keys/{key['id']}"]

        read = (f"GET /v1/usage/export HTTP/1.1\r\nHost: {mesh.server.address}\r\n"
                f"Authorization: Bearer {mesh.keys['ours']}\r\nConnection: close\r\n\r\n")
        assert support.status_of(mesh.exchange(read.encode())) == 200
        exported = entries("usage.export")
        assert len(exported) == 1 and exported[0]["actor_type"] == "key"

        secret = tmp_path / "backup.key"
        secret.write_text("k" * 64)
        secret.chmod(0o600)
        made("backup", "create", "--out", tmp_path / "archive", "--key", f"file:{secret}")
        assert len(entries("backup.create")) == 1

        made("key", "revoke", key["id"])
        assert b"annika.lindqvist" in raw()
        made("audit", "erase", "--tenant", "ours", "--subject", "annika.lindqvist", "--yes")
        assert b"annika.lindqvist" not in raw()
        assert len(entries("ledger.erase")) == 1
        verified = made("ledger", "verify")
        assert verified["clean"] is True, verified
    finally:
        mesh.stop()
    verify(mesh.data / "audit")
    assert b"annika.lindqvist" not in raw()
