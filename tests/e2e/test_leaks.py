"""Canaries in everything that is secret or personal, then traffic, refusals, failures, reloads and
admin calls: none of them may be found in a log, a metric, an error, a file of the data folder, a
backup (encrypted or opened), and a crash leaves no core in which they could be."""

import asyncio
import base64
import contextlib
import http.server
import json
import os
import pathlib
import re
import resource
import secrets
import shutil
import signal
import subprocess
import threading
import urllib.parse

import pytest

import books
import mesh as support
from books import Gateway
from mesh import SIM, chat, make_key, wait_for

CORE_PATTERN = pathlib.Path("/proc/sys/kernel/core_pattern")


def canary():
    return "cnry" + secrets.token_hex(12)


class Canaries(dict):
    """By what they stand for; `canaries[what]` makes one."""

    def __missing__(self, what):
        self[what] = value = canary()
        return value

    def key(self, what):
        """An API key, whose secret part is the canary."""
        key = make_key()
        self[what] = key.split("-")[2]
        return key


def forms(value):
    """As it is, and as somebody might have written it instead."""
    raw = value.encode()
    encoded = base64.b64encode(raw)
    return {raw, raw.hex().encode(), encoded.rstrip(b"="), urllib.parse.quote(value).encode(),
            raw[::-1], value.encode("utf-16-le")}


def scan(canaries, places):
    """(place, what) of each canary that is found. `places`: bytes by name."""
    wanted = [(what, form) for what, value in canaries.items() for form in forms(value)]
    return sorted({(place, what) for place, data in places.items() for what, form in wanted
                   if form in data})


def content(path):
    """Without its long runs of zeros, in which nothing can be found."""
    return re.sub(rb"\0{256,}", bytes(256), path.read_bytes())


def files_of(folder, but=()):
    return {str(path.relative_to(folder.parent)): content(path) for path in folder.rglob("*")
            if path.is_file() and path.name not in but}


class EchoEngine:
    """An engine that says everything it was told in its errors: head, key and body."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                status = int(body.partition("STATUS=")[2][:3] or 500)
                said = f"{self.headers['authorization']} {body[:120]}"
                answer = json.dumps({"error": {"message": said, "type": said, "code": said,
                                               "param": said}}).encode()
                if "GARBAGE" in body:
                    answer = said.encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("x-echo", said.replace("\n", " "))
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_GET(self):
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class World:
    """A gateway that knows secrets, and everything that it answers wrongly or writes down."""

    def __init__(self, folder, echo, **more):
        self.folder, self.canaries, self.errors = folder, Canaries(), []
        self.quotes = []  # errors whose engine repeats what it was sent
        known = self.canaries
        self.key = known.key("key of the file")
        env = {"E2E_KEY": self.key, "E2E_ENGINE": "sk-" + known["engine key"],
               "E2E_HOOK": known["webhook secret"], "E2E_PEPPER": known["pepper"] + "0" * 16,
               "E2E_NARROW": known.key("key without scopes")}
        self.narrow = env["E2E_NARROW"]
        self.gateway = Gateway(
            folder, [{"name": "aurora", "keys": [{"name": "app", "secret": "env:E2E_KEY"},
                                                 {"name": "narrow", "secret": "env:E2E_NARROW",
                                                  "scopes": ["read:models"]}]},
                     {"name": "tight", "limits": [{"measure": "requests", "window": "day",
                                                   "amount": 2}]}],
            env=env, engine={"api_key": "env:E2E_ENGINE"},
            security={"pepper": "env:E2E_PEPPER"}, log={"level": "debug"},
            webhooks={"budget_events": {"url": "http://127.0.0.1:9/", "secret": "env:E2E_HOOK"}},
            **more)
        for name, url in (("echo", echo), ("dead", "http://127.0.0.1:9/v1")):
            self.gateway.config["engines"].append(
                {"name": name, "kind": "remote", "url": url, "api_key": "env:E2E_ENGINE"})
            self.gateway.config["models"].append({"name": name, "engine": name,
                                                  "engine_model": SIM})
        known["key of another tenant"] = self.gateway.keys["tight"].split("-")[2]
        self.gateway.write_config()
        self.gateway.restart()

    def prompt(self, more="", model=SIM, **fields):
        secret = self.canaries["prompt"]
        return chat(f"{more} {secret}", model, user=secret, stop=[secret], **fields)

    def ask(self, body, key=None, extra=(), path="/v1/chat/completions", expected=200):
        answer = self.gateway.ask(key or self.key, body, path, extra)
        assert expected is None or answer.status == expected, answer.raw
        if answer.status != 200 or (answer.is_stream and not answer.is_complete):
            quoting = body["model"] == "echo" if isinstance(body, dict) else False
            (self.quotes if quoting else self.errors).append(answer.raw)
        return answer

    def use(self):
        """All that should go well, and all that should not."""
        known = self.canaries
        headers = [f"Idempotency-Key: {known['idempotency key']}",
                   f"Cookie: session={known['cookie']}", f"X-Secret: {known['unknown header']}",
                   f"X-Sm-Tags: a={known['tags']}", f"Proxy-Authorization: {known['proxy auth']}"]
        self.ask(self.prompt(), extra=headers)
        self.gateway.flush()
        self.ask(self.prompt(), extra=headers, expected=400)  # the key is used up
        self.ask(self.prompt(stream=True), extra=headers[1:])
        self.ask({"model": SIM, "input": [known["embedded text"]]}, path="/v1/embeddings")
        self.ask({"model": SIM, "prompt": known["completed text"]}, path="/v1/completions")
        self.misuse()
        self.fail()
        self.administer()
        self.reload()

    def misuse(self):
        known = self.canaries
        self.ask(self.prompt(), key=known.key("wrong key"), expected=401)
        for text in (known["no key at all"], "sm-" + known["junk key"]):
            self.ask(self.prompt(), key=text, expected=401)
        for name in ("x-api-key", "api-key", "authorization"):
            words = "Basic " if name == "authorization" else ""
            data = self.gateway.request("?", self.prompt()).replace(
                b"Authorization: Bearer ?", f"{name}: {words}{known[name]}".encode())
            answer = asyncio.run(books.exchange(self.gateway.address, data))
            assert answer.status == 401
            self.errors.append(answer.raw)
        self.ask(self.prompt(), extra=[f"OpenAI-Organization: {known['organization']}"],
                 expected=401)
        self.ask(self.prompt(), key=self.narrow, expected=403)
        self.ask(self.prompt(model="absent"), expected=404)
        self.ask(self.prompt(), path=f"/v1/nowhere?key={known['query']}", expected=404)
        for body in (b'{"model": "sim", "messages": "%s' % known["broken JSON"].encode(),
                     {**self.prompt(), "temperature": known["wrong type"]},
                     {**self.prompt(), "messages": [{"role": known["wrong value"]}]},
                     {**self.prompt(), "tool_choice": {"x": known["odd object"]}}):
            self.ask(body, expected=400)
        for _ in range(4):
            self.ask(self.prompt(), key=self.gateway.keys["tight"], expected=None)
        self.ask(self.prompt("a"), extra=[f"Idempotency-Key: {known['idempotency key']}"],
                 expected=400)
        for line in ("bad header", "Transfer-Encoding: chunked"):  # no valid HTTP
            self.ask(self.prompt(), extra=[f"X-A: {known['malformed request']}", line],
                     expected=None)

    def fail(self):
        for status in (400, 401, 403, 404, 422, 429, 500, 503):
            for more in ("", "GARBAGE "):
                self.ask(self.prompt(f"STATUS={status} {more}", "echo"), expected=None)
        self.ask(self.prompt(model="dead"), expected=None)
        for fault in ("status=500", "error-body=400", "html", "garbage-head", "die-before"):
            self.ask(self.prompt(f"[[sim:{fault}]]"), expected=None)
            self.ask(self.prompt("[[sim:tokens=9,garbage-after=3]]", stream=True), expected=None)

    def administer(self):
        known, admin = self.canaries, self.gateway.admin
        known["admin token"] = (self.gateway.data / "admin.token").read_text().strip()
        status, made = admin("/api/v1/keys", "POST", {"tenant": "aurora", "display_name": "made"})
        assert status in (200, 201), made
        known["key of the API"] = made["key"].split("-")[2]
        self.ask(self.prompt(), key=made["key"])
        for path in ("keys?tenant=aurora", "tenants", "models", "engines", "system",
                     "usage?tenant=aurora"):
            self.errors.append(json.dumps(admin("/api/v1/" + path)).encode())
        status, shown = admin("/api/v1/tenants",
                              Authorization=f"Bearer {known['wrong admin token']}")
        assert status == 401
        self.errors.append(json.dumps(shown).encode())
        status, shown = admin("/api/v1/keys", "POST", {"tenant": "aurora",
                                                       "secret": known["secret of a key"]})
        assert status == 400
        self.errors.append(json.dumps(shown).encode())

    def reload(self):
        """Files with secrets where they must not stand, or that are none."""
        known, gateway = self.canaries, self.gateway
        good = gateway.config_file.read_text()
        tight = next(key for key in gateway.tenant("aurora")["keys"])
        for secret in (known.key("key in the file"), known["text in the file"],
                       f"env:{known['name of a variable']}"[:40]):
            bad = good.replace(json.dumps(tight["secret"]), json.dumps(secret))
            assert bad != good
            self.broken_file(bad)
        self.broken_file(good.replace('"env:E2E_ENGINE"', json.dumps(known["inline engine key"])))
        self.broken_file(good.replace('"env:E2E_HOOK"', json.dumps(known["inline hook secret"])))
        self.broken_file(good.replace('"env:E2E_PEPPER"', json.dumps(known["inline pepper"])))
        del known["name of a variable"]  # a name is no secret: the message tells it
        gateway.reload()

    def broken_file(self, text):
        self.gateway.config_file.write_text(text)
        before = self.gateway.server.log.read_bytes().count(b'"event":"config_reload"')
        self.gateway.server.child.send_signal(signal.SIGHUP)
        wait_for(lambda: self.gateway.server.log.read_bytes().count(
            b'"event":"config_reload"') > before)
        done = subprocess.run([support.BINARY, "config", "validate", self.gateway.config_file],
                              capture_output=True, env=self.gateway.env, timeout=30, check=False)
        assert done.returncode != 0
        self.errors.append(done.stdout + done.stderr)

    def places(self):
        gateway = self.gateway
        found = {f"error {i}": data for i, data in enumerate(self.errors)}
        found["metrics"] = gateway.page("/metrics")[1].encode()
        found["health"] = gateway.page("/readyz")[1].encode()
        found["log"] = gateway.server.log.read_bytes()
        found["ready line"] = json.dumps(gateway.server.ready).encode()
        found |= files_of(gateway.data, but=("admin.token",))
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with EchoEngine() as echo:
        made = World(tmp_path_factory.mktemp("leaks"), echo.url)
        try:
            made.use()
            made.gateway.flush()
            yield made
        finally:
            made.gateway.stop()


def test_no_canary_is_anywhere(world):
    places = world.places()
    assert {"data/ledger.db", "data/control.db", "data/ledger.db-wal"} <= set(places)
    assert any(place.startswith("data/audit/tile/") for place in places)
    assert len(world.errors) > 40 and len(world.canaries) > 25
    hits = scan(world.canaries, places)
    print(f"{len(world.canaries)} canaries, {len(places)} places, "
          f"{sum(map(len, places.values()))} bytes: {len(hits)} hits")
    assert not hits


def test_an_engine_that_quotes_its_request_tells_clients_no_secret_of_ours(world):
    """Its reason may go to the client that sent the prompt, with the prompt; our key may not."""
    assert len(world.quotes) == 16
    places = {f"error {i}": data for i, data in enumerate(world.quotes)}
    assert not scan({what: value for what, value in world.canaries.items() if what != "prompt"},
                    places)


def test_what_may_be_told_is_told(world):
    """Otherwise nothing would be written at all, and the test above would prove nothing."""
    log = world.gateway.server.log.read_text()
    assert world.key.split("-")[1] in log  # the id of a key
    assert '"prompt_digest"' in log
    codes = {code for code in ("invalid_api_key", "insufficient_quota", "upstream_error",
                               "model_not_found", "idempotency_key_reused") if code in log}
    assert len(codes) == 5, codes


@pytest.mark.parametrize("what", ["prompt", "key of the file", "pepper"])
@pytest.mark.parametrize("form", [str.encode, lambda text: text.encode().hex().encode(),
                                  lambda text: base64.b64encode(text.encode())])
def test_a_canary_that_is_logged_is_found(world, what, form):
    places = world.places()
    places["log"] += b'{"level":"info","message":"' + form(world.canaries[what]) + b'"}\n'
    assert ("log", what) in scan(world.canaries, places)


def test_a_canary_in_a_file_of_the_data_folder_is_found(world):
    stray = world.gateway.data / "stray"
    stray.write_bytes(b"\0" * 5_000 + world.canaries["webhook secret"].encode() + b"\0")
    try:
        assert scan(world.canaries, world.places()) == [("data/stray", "webhook secret")]
    finally:
        stray.unlink()


class Backup:
    """An archive of the world's data folder, and what is in it."""

    KEY = "a key of the leak scan that is long enough to be one"

    def __init__(self, world, folder):
        folder.mkdir()
        self.archive, self.opened = folder / "one.smb", folder / "opened"
        self.run("create", "--data-dir", world.gateway.data, "--out", self.archive)
        self.run("restore", self.archive, "--data-dir", self.opened)

    def run(self, verb, *words):
        done = subprocess.run(
            [support.BINARY, "backup", verb, *map(str, words), "--key", "env:E2E_BACKUP_KEY"],
            capture_output=True, timeout=60, check=False,
            env=dict(os.environ, E2E_BACKUP_KEY=self.KEY))
        assert done.returncode == 0, done.stdout + done.stderr
        self.said = getattr(self, "said", b"") + done.stdout + done.stderr

    def places(self):
        return {"archive": self.archive.read_bytes(), "words": self.said,
                **files_of(self.opened, but=("admin.token",))}


def test_no_canary_is_in_a_backup_neither_sealed_nor_opened(world, tmp_path):
    backup = Backup(world, tmp_path / "backup")
    places = backup.places()
    assert {"opened/ledger.db", "opened/control.db"} <= set(places)
    assert any(place.startswith("opened/audit/tile/") for place in places)
    assert any(place.startswith("opened/secrets/") for place in places)
    canaries = dict(world.canaries, **{"backup key": Backup.KEY})
    hits = scan(canaries, places)
    print(f"{len(canaries)} canaries, {len(places)} places of a backup, "
          f"{sum(map(len, places.values()))} bytes: {len(hits)} hits")
    assert not hits


def test_what_stands_in_the_store_is_in_the_opened_backup_and_not_in_the_sealed_one(world,
                                                                                    tmp_path):
    """The scan reads what is in an archive; and nobody does without its key."""
    planted = canary()
    status, made = world.gateway.admin("/api/v1/tenants", "POST",
                                       {"slug": "planted", "display_name": planted})
    assert status == 201, made
    token = (world.gateway.data / "admin.token").read_text().strip()
    backup = Backup(world, tmp_path / "backup")
    assert (backup.opened / "admin.token").read_text().strip() == token
    hits = scan({"planted": planted, "token": token},
                {**backup.places(), "opened/admin.token": token.encode()})
    assert {place for place, what in hits if what == "planted"} == {"opened/control.db"}
    assert ("archive", "token") not in hits


def allow_cores():
    support.die_with_parent()
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def core_of(process, folder, number=signal.SIGSEGV):
    """Crashes it; the core that it left, if it left one."""
    process.child.send_signal(number)
    process.child.wait()
    assert process.child.returncode == -number
    cores = [path for path in folder.iterdir() if path.name.startswith("core")]
    assert len(cores) <= 1
    return cores[0] if cores else None


def skip_without_cores():
    pattern = CORE_PATTERN.read_text().strip() if CORE_PATTERN.exists() else "absent"
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 or not pattern.startswith("core"):
        pytest.skip(f"no core files to be had here: limit or pattern ({pattern}) forbids them")


@contextlib.contextmanager
def crashable(tmp_path):
    """A world whose gateway began with the right to leave cores, and the folder for them."""
    skip_without_cores()
    cores = tmp_path / "cores"
    cores.mkdir()
    with EchoEngine() as echo:
        world = World(tmp_path, echo.url, process={"cwd": cores, "prepare": allow_cores})
        try:
            world.ask(world.prompt())
            yield world, cores
        finally:
            world.gateway.sim.stop()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_amid_a_stream_leaves_no_core(tmp_path, number):
    """It was started with the right to leave one, and gives that right up for good. An engine that
    protects nothing leaves its core in the same place by the same signal."""
    with crashable(tmp_path) as (world, cores):
        assert resource.prlimit(world.gateway.server.child.pid, resource.RLIMIT_CORE) == (1, 1)
        assert asyncio.run(crash_amid_a_stream(world, cores, number)) is None
        core = crash_an_engine(cores, world, number)
        assert ("core", "engine key") in scan(world.canaries, {"core": content(core)})


def memory_of(process, folder):
    """A core that a debugger with the right to attach takes of a living process."""
    if shutil.which("gcore") is None:
        pytest.skip("no gcore (package gdb)")
    done = subprocess.run(["gcore", "-o", folder / "memory", str(process.child.pid)],
                          capture_output=True, timeout=120, check=False)
    found = list(folder.glob("memory.*"))
    if not found:
        pytest.skip(f"no debugger may attach here: {done.stderr[-200:]}")
    return found[0]


def test_the_core_that_is_not_left_would_hold_secrets(tmp_path):
    """A debugger's core of the same process: the scan reads it and finds what a gateway must know
    to work. So it is the missing core that protects, and nothing else."""
    with crashable(tmp_path) as (world, cores):
        core = memory_of(world.gateway.server, cores)
        hits = {what for _, what in scan(world.canaries, {"core": content(core)})}
        print(f"a core of {core.stat().st_size} bytes holds: {sorted(hits)}")
        core.unlink()  # hundreds of megabytes
        assert {"engine key", "pepper", "webhook secret"} <= hits


async def crash_amid_a_stream(world, folder, number):
    body = world.prompt("[[sim:tokens=9,stall-after=3]]", stream=True)
    reader, writer = await asyncio.open_connection(*world.gateway.address)
    writer.write(world.gateway.request(world.key, body))
    await asyncio.wait_for(
        books.read_all(reader, lambda data: data.count(b"data: ") > 2), books.READ_SECONDS)
    core = await asyncio.to_thread(core_of, world.gateway.server, folder, number)
    writer.close()
    return core


def crash_an_engine(folder, world, number):
    engine = support.Process(["engine-sim", "--listen", "127.0.0.1:0", "--model", SIM],
                             folder / "engine.log", cwd=folder, prepare=allow_cores)
    key = "sk-" + world.canaries["engine key"]
    status, _ = books.fetch(f"http://{engine.address}/v1/chat/completions",
                            json.dumps(chat("hello")).encode(), {"Authorization": f"Bearer {key}"})
    assert status == 200
    core = core_of(engine, folder, number)
    assert core is not None, "no core, though limit and pattern allow one"
    return core
