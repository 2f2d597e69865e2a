"""Starts what the end-to-end tests talk to: a gateway and a simulated engine, by their real binary."""

import ctypes
import json
import os
import pathlib
import secrets
import select
import signal
import socket
import sqlite3
import string
import subprocess
import time
import urllib.request
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SM_BINARY", str(ROOT / "build/dev/sovmesh"))
DEPS = pathlib.Path(os.environ.get("SM_DEPS_DIR", str(ROOT / "build/deps")))
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
READY_SECONDS = 30
STOP_SECONDS = 15

TINY = "sovmesh-tiny"
PIRATE = "sovmesh-tiny-pirate"
SIM = "sim"


def base62(number, width):
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return text


def make_key():
    """A key by the documented format, written here a second time on purpose."""
    head = "sm-%s-%s" % tuple("".join(secrets.choice(DIGITS) for _ in range(n)) for n in (12, 43))
    return head + "-" + base62(zlib.crc32(head.encode()), 6)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """A child whose first line on stdout says where it listens. `prepare`: runs in it first.
    `program`: what starts the binary."""

    def __init__(self, arguments, log, env=None, cwd=None, prepare=die_with_parent,
                 program=(BINARY,), pass_fds=()):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as stderr:
            self.child = subprocess.Popen(
                [*program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=stderr, env=env, cwd=cwd, preexec_fn=prepare, pass_fds=pass_fds)
        try:
            self.ready = json.loads(self._first_line())
        except BaseException:
            self.kill()
            raise
        self.address = self.ready["listen"][0]

    def _first_line(self):
        line, ends = b"", time.monotonic() + READY_SECONDS
        while not line.endswith(b"\n"):
            left = ends - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [], left)[0]:
                break
            byte = os.read(self.child.stdout.fileno(), 1)
            if not byte:
                break
            line += byte
        if not line.endswith(b"\n"):
            raise AssertionError("not ready; its log ends with:\n" + self.log_tail())
        return line

    def log_tail(self):
        return self.log.read_text(errors="replace")[-3000:]

    def kill(self):
        self.child.kill()
        self.child.wait()

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("did not stop in time; its log ends with:\n" + self.log_tail())


def wait_for(what, seconds=10.0, step=0.01):
    """The first true value of `what()`; outside processes offer nothing better than asking."""
    ends = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < ends, "did not happen in time"
        time.sleep(step)


class EngineSim(Process):
    def __init__(self, folder, *arguments, listen="127.0.0.1:0"):
        super().__init__(["engine-sim", "--listen", listen, "--model", SIM, *arguments],
                         folder / "engine-sim.log")

    def counts(self):
        with urllib.request.urlopen(f"http://{self.address}/sim/counts", timeout=5) as answer:
            return json.load(answer)


CONFIG = """\
server:
  workers: 1
  listen: [{listen}]
  admin_listen: ["127.0.0.1:0"]
  metrics_listen: ["127.0.0.1:0"]
  accept_after_term: 0s
  drain_time: 1s
{server}
engines:
{managed}
  - name: sim
    kind: remote
    dialect: vllm
    url: http://{sim}/v1
    capabilities: {{embeddings: true}}
{sim_engine}models:
{tiny}
  - name: sim
    engine: sim
    embeddings: true
  - name: sim-borealis
    engine: sim
    engine_model: sim
    tenants: [borealis]
tenants:
  - name: aurora
    keys:
      - name: e2e
        secret: env:E2E_AURORA
  - name: borealis
{tenants}    keys:
      - name: e2e
        secret: env:E2E_BOREALIS
"""

TENANT = """\
  - name: {name}
    keys:
      - name: e2e
        secret: env:E2E_{variable}
"""

MANAGED = f"""\
  - name: tiny
    kind: managed
    model_file: {ROOT}/models/tiny/sovmesh-tiny.gguf
    adapter_files: [{ROOT}/models/tiny/sovmesh-tiny-pirate.gguf]
    embeddings: true
    start_at_boot: true
{{engine}}"""

TINY_MODELS = f"""\
  - name: {TINY}
    engine: tiny
    embeddings: true
  - name: {PIRATE}
    engine: tiny
    adapter: 0
    tenants: [borealis]
"""


class Mesh:
    """A gateway with the tenants aurora and borealis over a simulated engine and, with `managed`,
    the real one with the tiny model. `server`, `engine`, `sim_engine`, `tenants`: more lines of that
    section, of the real engine, of the simulated one, of borealis. `sim_options`: of its command."""

    def __init__(self, folder, managed, server="", engine="", sim_engine="", tenants="",
                 more_tenants=(), listen=("127.0.0.1:0",), sim_listen="127.0.0.1:0",
                 sim_options=()):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.keys = {name: make_key() for name in ("aurora", "borealis", *more_tenants)}
        self.sim = EngineSim(self.folder, *sim_options, listen=sim_listen)
        self.config = self.folder / "sovmesh.yaml"
        self.config.write_text(CONFIG.format(
            sim=self.sim.address, sim_engine=sim_engine, server=server, tenants=tenants,
            listen=", ".join(f'"{address}"' for address in listen),
            managed=MANAGED.format(engine=engine) if managed else "",
            tiny=TINY_MODELS if managed else "")
            + "".join(TENANT.format(name=name, variable=name.upper()) for name in more_tenants))
        self.server = None
        try:
            self.start()
        except BaseException:
            self.sim.stop()
            raise

    def start(self, *arguments, **how):
        """`how`: of Process."""
        env = dict(os.environ, **{f"E2E_{name.upper()}": key for name, key in self.keys.items()})
        for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
            env.pop(name, None)
        self.server = Process(["serve", "--config", self.config, "--data-dir", self.data, *arguments],
                              self.folder / "serve.log", env, **how)

    def stop(self):
        try:
            code = self.server.stop()
        finally:
            self.sim.stop()
        assert code == 0, f"exit {code}; its log ends with:\n{self.server.log_tail()}"

    @property
    def address(self):
        host, port = self.server.address.rsplit(":", 1)
        return host, int(port)

    @property
    def base_url(self):
        return f"http://{self.server.address}/v1"

    def connect(self):
        return socket.create_connection(self.address, timeout=10)

    def request(self, body, tenant="aurora", extra=""):
        """The bytes of a chat request."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        head = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self.server.address}\r\n"
                f"Authorization: Bearer {self.keys[tenant]}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n{extra}\r\n")
        return head.encode() + body

    def exchange(self, request):
        """Sends bytes, reads to the end of the connection."""
        with self.connect() as peer:
            peer.sendall(request)
            return read_to_end(peer)


def read_to_end(peer):
    data = b""
    while piece := peer.recv(65536):
        data += piece
    return data


def open_ledger(data):
    """The books of a data folder; `usage` is all rows that are closed, of whatever day."""
    ledger = sqlite3.connect(pathlib.Path(data) / "ledger.db")
    days = [name for name, in ledger.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'usage_[0-9]*'")]
    columns = "rid, subject, finish, generated, delivered"
    rows = [f"SELECT {columns} FROM {day}" for day in days]
    ledger.execute("CREATE TEMP VIEW usage AS " + " UNION ALL ".join(
        rows or ["SELECT '' AS rid, 0 AS subject, 0 AS finish, 0 AS generated, 0 AS delivered "
                 "WHERE false"]))
    return ledger


def chat(text, model=SIM, **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


def body_of(answer):
    return answer.split(b"\r\n\r\n", 1)[1]
