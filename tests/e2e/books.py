"""What the tests about usage and limits share: a gateway whose configuration is a Python object, a
client of raw sockets that counts tokens by itself, and readers of what the books say."""

import asyncio
import collections
import contextlib
import copy
import datetime
import decimal
import json
import os
import pathlib
import re
import resource
import sqlite3
import time
import urllib.error
import urllib.request

import mesh as support
from mesh import SIM, make_key, wait_for

FINISH = ("stop", "length", "tool_calls", "content_filter", "client_closed", "upstream_error",
          "upstream_timeout", "revoked", "aborted", "recovered", "drained")  # metering::Finish
SETTLED = 1  # the other terminal record is void
READ_SECONDS = 60
FILES = 16_384


def allow_many_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, FILES)), hard))


class Gateway:
    """A gateway over one simulated engine. `engines`: names under which it is known; each has a
    model of its name. A key of `tenants` that names no secret gets one: `keys["aurora/e2e"]`, and
    the tenant's first one also as `keys["aurora"]`. `process`: how it is started; `sections`:
    further ones of the file."""

    def __init__(self, folder, tenants, engines=(SIM,), sim_options=(), env=None, server=None,
                 engine=None, more_models=(), process=None, **sections):
        allow_many_connections()
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.config_file = self.folder / "sovmesh.yaml"
        self.env = dict(os.environ, **(env or {}))
        for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
            self.env.pop(name, None)
        self.keys = {}
        self.process = process or {}
        self.sim = support.EngineSim(self.folder, "--slots", 4096, *sim_options)
        self.config = {
            "server": {"workers": 2, "listen": ["127.0.0.1:0"], "admin_listen": ["127.0.0.1:0"],
                       "metrics_listen": ["127.0.0.1:0"], "accept_after_term": "0s",
                       "drain_time": "1s", "queue_per_tenant_max": 5_000,
                       "connections_per_ip_max": 8_000, **(server or {})},
            "engines": [{"name": name, "kind": "remote", "dialect": "vllm", "slots": 4096,
                         "url": f"http://{self.sim.address}/v1",
                         "capabilities": {"embeddings": True}, **(engine or {})}
                        for name in engines],
            "models": [{"name": name, "engine": name, "engine_model": SIM, "embeddings": True}
                       for name in engines] + list(more_models),
            "tenants": [self._with_secrets(tenant) for tenant in tenants],
            **sections,
        }
        self.server = None
        try:
            self.write_config()
            self.start()
        except BaseException:
            self.sim.stop()
            raise

    def _with_secrets(self, tenant):
        keys = [dict(key) for key in tenant.get("keys", [{"name": "e2e"}])]
        for key in keys:
            if "secret" in key:
                continue
            secret = make_key()
            variable = f"E2E_{tenant['name']}_{key['name']}".upper().replace("-", "_")
            self.env[variable], key["secret"] = secret, f"env:{variable}"
            self.keys[f"{tenant['name']}/{key['name']}"] = secret
            self.keys.setdefault(tenant["name"], secret)
        return {**copy.deepcopy(tenant), "keys": keys}

    def write_config(self):
        new = self.config_file.with_suffix(".new")
        new.write_text(json.dumps(self.config, indent=1))
        new.rename(self.config_file)

    def start(self):
        self.server = support.Process(
            ["serve", "--config", self.config_file, "--data-dir", self.data],
            self.folder / "serve.log", self.env, **self.process)

    def kill(self):
        self.server.kill()

    def restart(self):
        assert self.server.stop() == 0, self.server.log_tail()
        self.start()

    def stop(self):
        try:
            code = self.server.stop()
        finally:
            self.sim.stop()
        assert code == 0, f"exit {code}; its log ends with:\n{self.server.log_tail()}"

    def reload(self):
        """The file says what `config` says now, and the server has taken it."""
        log = self.server.log.read_bytes().count(b'"event":"config_reload"')
        self.write_config()
        wait_for(lambda: self.server.log.read_bytes().count(b'"event":"config_reload"') > log)
        assert self.metrics()["config_last_reload_success"] == 1, self.server.log_tail()

    def tenant(self, name):
        return next(each for each in self.config["tenants"] if each["name"] == name)

    @property
    def address(self):
        host, port = self.server.address.rsplit(":", 1)
        return host, int(port)

    @property
    def base_url(self):
        return f"http://{self.server.address}/v1"

    def request(self, key, body, path="/v1/chat/completions", extra=()):
        """The bytes of one request, after which the connection is closed."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"POST {path} HTTP/1.1", f"Host: {self.server.address}",
                 f"Authorization: Bearer {self.keys.get(key, key)}",
                 "Content-Type: application/json", f"Content-Length: {len(body)}",
                 "Connection: close", *extra]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def ask(self, key, body, path="/v1/chat/completions", extra=()):
        return asyncio.run(exchange(self.address, self.request(key, body, path, extra)))

    def page(self, path):
        address = self.server.ready["metrics_listen"][0]
        return fetch(f"http://{address}{path}")

    def metrics(self):
        status, text = self.page("/metrics")
        assert status == 200
        lines = (line.rpartition(" ") for line in text.splitlines() if line[:1] not in ("", "#"))
        return {name: float(value) for name, _, value in lines}

    def admin(self, path, method="GET", body=None, **fields):
        """(status, object) of the admin API."""
        address = self.server.ready["admin_listen"][0]
        token = (self.data / "admin.token").read_text().strip()
        fields = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **fields}
        data = None if body is None else json.dumps(body).encode()
        status, text = fetch(f"http://{address}{path}", data, fields, method)
        return status, json.loads(text) if text else None

    def limits(self):
        """What the admin API says of every limit; money and GPU time in millionths."""
        status, shown = self.admin("/api/v1/limits?limit=1000")
        assert status == 200, shown
        for each in shown["data"]:
            for name in ("amount", "used", "reserved"):
                if isinstance(each[name], str):
                    each[name] = int(decimal.Decimal(each[name]) * 1_000_000)
        return shown["data"]

    def flush(self):
        """What was answered is in the ledger's file."""
        wait_for(lambda: self.metrics()["sm_inflight"] == 0, seconds=30)
        status, shown = self.admin(f"/api/v1/usage?tenant={self.config['tenants'][0]['name']}")
        assert status == 200, shown
        wait_for(lambda: self.admin("/api/v1/system")[1]["ledger"]["waiting"] == 0)

    def rows(self):
        return ledger_rows(self.data / "ledger.db")


def fetch(url, data=None, fields=None, method=None):
    request = urllib.request.Request(url, data, fields or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=READ_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


class Answer:
    """The bytes of an answer, whole or as far as they came. Status 0: nothing did."""

    def __init__(self, data):
        self.raw = data
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if data.startswith(b"HTTP/1.1 ") else 0
        self.headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        if self.headers.get("transfer-encoding") == "chunked":
            self.body = dechunk(self.body)

    @property
    def rid(self):
        return self.headers.get("x-sm-request-id")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    @property
    def is_stream(self):
        return self.headers.get("content-type", "").startswith("text/event-stream")

    @property
    def events(self):
        """Complete events: objects, and the text [DONE]."""
        blocks = self.body.decode(errors="replace").split("\n\n")[:-1]
        datas = (block[6:] for block in blocks if block.startswith("data: "))
        return [data if data == "[DONE]" else json.loads(data) for data in datas]

    @property
    def is_complete(self):
        """The client got all that there was."""
        if self.status != 200:
            return False
        if self.is_stream:
            return self.events[-1:] == ["[DONE]"]
        return len(self.body) == int(self.headers.get("content-length", -1))

    def tokens(self):
        """Those that the client got: a token of the simulated engine is a word."""
        if self.status != 200 or (not self.is_stream and not self.is_complete):
            return 0
        objects = self.events if self.is_stream else [self.json]
        texts = collections.defaultdict(str)
        for each in objects:
            for choice in each.get("choices", ()) if isinstance(each, dict) else ():
                part = choice.get("delta") or choice.get("message") or choice
                texts[choice["index"]] += part.get("content") or part.get("text") or ""
        return sum(len(text.split()) for text in texts.values())


def dechunk(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            break
        body, data = body + data[:length], data[length + 2:]
        if length == 0:
            break
    return body


async def read_all(reader, until=None):
    """What comes until the end, a failure, or `until(data)`."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while until is None or not until(data):
            piece = await reader.read(65536)
            if not piece:
                break
            data += piece
    return data


async def exchange(address, request):
    with contextlib.suppress(ConnectionError):
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(request)
            return Answer(await asyncio.wait_for(read_all(reader), READ_SECONDS))
        finally:
            writer.close()
    return Answer(b"")


async def all_at_once(address, requests):
    """The answers to requests that are sent when all of their connections are open."""
    ends = await asyncio.gather(*(asyncio.open_connection(*address) for _ in requests))
    for (_, writer), request in zip(ends, requests):
        writer.write(request)
    reading = asyncio.gather(*(read_all(reader) for reader, _ in ends))
    answers = await asyncio.wait_for(reading, READ_SECONDS)
    for _, writer in ends:
        writer.close()
    return [Answer(data) for data in answers]


def ledger_rows(path):
    """Every terminal record and every open one, of the file as it is."""
    rows = []
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        file.row_factory = sqlite3.Row
        file.execute("BEGIN")
        tables = [name for name, in map(tuple, file.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'usage_[0-9]*'"))]
        for table in [*tables, "open_row"]:
            for row in file.execute(
                    f"SELECT r.*, t.id AS tenant_id, s.key AS key_id, s.model, s.streamed"
                    f" FROM {table} r JOIN subject s ON s.no = r.subject"
                    f" JOIN tenant t ON t.no = s.tenant"):
                rows.append(LedgerRow(row, table == "open_row"))
    return rows


class LedgerRow:
    def __init__(self, row, is_open):
        self.rid = "req_" + row["rid"].hex()
        self.is_open = is_open
        self.is_settled = not is_open and row["terminal"] == SETTLED
        self.is_void = not is_open and not self.is_settled
        self.prompt, self.cached, self.generated = row["prompt"], row["cached"], row["generated"]
        self.delivered, self.model = row["delivered"], row["model"]
        self.cost = 0 if is_open else row["cost"]
        self.gse = 0 if is_open else row["gse"]
        self.finish = "open" if is_open else FINISH[row["finish"]]
        self.key_id, self.tenant_id = row["key_id"], row["tenant_id"]


def has_no_open_row(path):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        return file.execute("SELECT count(*) FROM open_row").fetchone() == (0,)


def rfc3339(text):
    return datetime.datetime.fromisoformat(re.sub(r"\.\d+Z$|Z$", "+00:00", text))


def far_from_the_end_of(seconds, margin):
    """Waits until the current UTC minute, hour or day has so many seconds left."""
    wait_for(lambda: seconds - time.time() % seconds > margin, seconds=margin + 5, step=0.1)
