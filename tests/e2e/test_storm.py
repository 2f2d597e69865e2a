"""Long storms on a running server: aborted requests, slow clients, reloads and new certificates. A
client that behaves sees none of it, and nothing is left behind."""

import asyncio
import contextlib
import multiprocessing
import os
import pathlib
import random
import re
import resource
import signal
import socket
import ssl
import statistics
import struct
import subprocess
import time
import urllib.request

import pytest

import mesh as support
from mesh import chat, wait_for

ABORTS = int(os.environ.get("SM_STORM_ABORTS", "10000"))
RELOADS = int(os.environ.get("SM_STORM_RELOADS", "1000"))
SLOW_CLIENTS = int(os.environ.get("SM_STORM_SLOW_CLIENTS", "4000"))
SLOW_SECONDS = float(os.environ.get("SM_STORM_SLOW_SECONDS", "20"))
ROTATIONS = int(os.environ.get("SM_STORM_ROTATIONS", "20"))
AT_ONCE = 64


def metrics(mesh):
    address = mesh.server.ready["metrics_listen"][0]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return answer.read().decode()


def value(mesh, name):
    return float(re.search(rf"^{name} (\S+)$", metrics(mesh), re.M)[1])


def resident_kib(mesh):
    status = pathlib.Path(f"/proc/{mesh.server.child.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def open_files(mesh):
    return len(os.listdir(f"/proc/{mesh.server.child.pid}/fd"))


async def ask(mesh, request, secure=None):
    """The status of one request over a connection of its own."""
    reader, writer = await asyncio.open_connection(*mesh.address, ssl=secure)
    writer.write(request)
    line = await reader.readline()
    while await reader.read(65536):
        pass
    writer.close()
    return int(line.split(b" ", 2)[1])


def good_request(mesh):
    return mesh.request(chat("hello"), extra="Connection: close\r\n")


async def abort_somewhere(mesh, request, dice):
    reader, writer = await asyncio.open_connection(*mesh.address)
    peer = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
    writer.write(request[:dice.randrange(len(request) + 1)] if dice.random() < 0.3 else request)
    how = dice.random()
    try:
        if how < 0.4:
            await asyncio.wait_for(reader.read(dice.randrange(1, 4000)), 0.2)
        elif how < 0.7:
            await asyncio.sleep(dice.random() / 50)
    except (TimeoutError, asyncio.TimeoutError, ConnectionError):
        pass
    writer.close()


async def abort_many(mesh, count, seed):
    dice, left = random.Random(seed), iter(range(count))
    texts = ["[[sim:tokens=200,rate=2000]] a", "[[sim:tokens=5]] b", "[[sim:tokens=20,stall-after=3]] c"]
    requests = [mesh.request(chat(text, stream=stream)) for text in texts
                for stream in (True, False)]

    async def worker():
        for _ in left:
            await abort_somewhere(mesh, dice.choice(requests), dice)
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def test_aborted_requests_leave_nothing(tmp_path):
    mesh = support.Mesh(tmp_path, managed=False)
    try:
        asyncio.run(abort_many(mesh, ABORTS // 10, seed=1))  # pools and caches fill
        wait_for(lambda: value(mesh, "sm_inflight") == 0, seconds=60)
        files, memory = open_files(mesh), resident_kib(mesh)
        asyncio.run(abort_many(mesh, ABORTS, seed=2))
        wait_for(lambda: value(mesh, "sm_inflight") == 0, seconds=60)
        wait_for(lambda: open_files(mesh) <= files + 8, seconds=90)  # idle engine connections
        grown = resident_kib(mesh) - memory
        print(f"{ABORTS} aborts: {grown} KiB more")
        assert grown < 8 * 1024
        assert asyncio.run(ask(mesh, good_request(mesh))) == 200
    finally:
        mesh.stop()
    with contextlib.closing(support.open_ledger(mesh.data)) as ledger:
        rows, finished = ledger.execute("SELECT count(*), count(finish) FROM usage").fetchone()
        assert rows == finished > ABORTS / 10


async def slow_head(mesh, ends, dice):
    reader, writer = await asyncio.open_connection(*mesh.address)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n")
    while time.monotonic() < ends:
        writer.write(b"x-%d: a\r\n" % dice.randrange(10**6))
        await asyncio.sleep(2)
    writer.close()


async def slow_body(mesh, ends, request):
    reader, writer = await asyncio.open_connection(*mesh.address)
    head = request.index(b"\r\n\r\n") + 4
    writer.write(request[:head])
    for i in range(head, len(request)):
        if time.monotonic() >= ends:
            break
        writer.write(request[i:i + 1])
        await asyncio.sleep(2)
    writer.close()


async def slow_reader(mesh, ends, request):
    loop = asyncio.get_running_loop()
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.setblocking(False)
        await loop.sock_connect(peer, mesh.address)
        await loop.sock_sendall(peer, request)
        while time.monotonic() < ends:
            await loop.sock_recv(peer, 16)
            await asyncio.sleep(1)


async def survive(what):
    try:
        await what
    except (ConnectionError, BrokenPipeError):
        pass  # thrown out by then, as it should be


async def good_client(mesh, ends):
    times, statuses = [], set()
    while time.monotonic() < ends:
        began = time.monotonic()
        statuses.add(await ask(mesh, good_request(mesh)))
        times.append(time.monotonic() - began)
        await asyncio.sleep(0.02)
    return times, statuses


async def slow_clients(mesh, ends):
    dice = random.Random(3)
    body = mesh.request(chat("[[sim:tokens=10]] " + "slow " * 100))
    # Most read a slow stream slowly; each fortieth lets one run full that comes at once.
    streams = [mesh.request(chat(f"[[sim:{how}]] go on", stream=True))
               for how in ["tokens=2000"] + ["tokens=2000,rate=5"] * 9]
    kinds = [lambda i: slow_head(mesh, ends, dice), lambda i: slow_head(mesh, ends, dice),
             lambda i: slow_body(mesh, ends, body),
             lambda i: slow_reader(mesh, ends, streams[i // 4 % len(streams)])]
    storm = []
    for i in range(SLOW_CLIENTS):
        storm.append(asyncio.create_task(survive(kinds[i % 4](i))))
        if i % 100 == 99:
            await asyncio.sleep(0.01)
    await asyncio.gather(*storm)


def test_slow_clients_do_not_hinder_good_ones(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3 * SLOW_CLIENTS:
        pytest.skip(f"needs {3 * SLOW_CLIENTS} open files, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Slow readers hold slots of the engine: as many as there are.
    mesh = support.Mesh(tmp_path, managed=False, sim_engine=f"    slots: {SLOW_CLIENTS}\n",
                        sim_options=("--slots", SLOW_CLIENTS),
                        server=f"  connections_per_ip_max: {2 * SLOW_CLIENTS}\n")
    try:
        quiet, _ = asyncio.run(good_client(mesh, time.monotonic() + 3))
        ends = time.monotonic() + SLOW_SECONDS
        storm = multiprocessing.Process(target=lambda: asyncio.run(slow_clients(mesh, ends)))
        storm.start()
        times, statuses = asyncio.run(good_client(mesh, ends))
        storm.join(60)
        assert storm.exitcode == 0
        worst = [statistics.quantiles(some, n=100)[98] * 1000 for some in (quiet, times)]
        print(f"p99 {worst[0]:.1f} ms alone, {worst[1]:.1f} ms beside {SLOW_CLIENTS} slow clients")
        assert statuses == {200} and len(times) > SLOW_SECONDS
        wait_for(lambda: value(mesh, "sm_inflight") == 0, seconds=60)
    finally:
        mesh.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Reloads:
    """Counts what the log says of them."""

    def __init__(self, mesh):
        self.file, self.count = open(mesh.server.log, "rb"), 0

    def now(self):
        self.count += self.file.read().count(b'"event":"config_reload"')
        return self.count


async def reload_many(mesh, good):
    """Valid and broken files in turn; a signal for each, which the watch may have come before."""
    reloads = Reloads(mesh)
    for i in range(RELOADS):
        before = reloads.now()
        mesh.config.with_suffix(".new").write_text(good + (f"# {i}\n" if i % 2 else "colour: red\n"))
        mesh.config.with_suffix(".new").rename(mesh.config)
        mesh.server.child.send_signal(signal.SIGHUP)
        ends = time.monotonic() + 10
        while reloads.now() == before:
            assert time.monotonic() < ends
            await asyncio.sleep(0.001)
    return reloads.now()


async def ask_until(mesh, done):
    statuses = {}
    while not done.is_set():
        status = await ask(mesh, good_request(mesh))
        statuses[status] = statuses.get(status, 0) + 1
    return statuses


async def reload_storm(mesh, good):
    done = asyncio.Event()
    clients = [asyncio.create_task(ask_until(mesh, done)) for _ in range(4)]
    count = await reload_many(mesh, good)
    done.set()
    return count, await asyncio.gather(*clients)


def test_reloads_under_load_harm_nobody(tmp_path):
    mesh = support.Mesh(tmp_path, managed=False)
    good = mesh.config.read_text()
    try:
        count, statuses = asyncio.run(reload_storm(mesh, good))
        print(f"{count} reloads, answers {statuses}")
        assert count >= RELOADS and all(set(some) == {200} for some in statuses)
        mesh.config.write_text(good)
        mesh.server.child.send_signal(signal.SIGHUP)
        wait_for(lambda: value(mesh, "config_last_reload_success") == 1)
    finally:
        mesh.stop()


def certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"],
                   check=True, capture_output=True)


async def shown(mesh, context):
    _, writer = await asyncio.open_connection(*mesh.address, ssl=context)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return der


async def rotate(mesh, folder, names, context, waits):
    for i in range(ROTATIONS):
        name = names[i % 2]
        for end in ("key", "crt"):
            (folder / f"new.{end}").write_bytes((folder / f"{name}.{end}").read_bytes())
            (folder / f"new.{end}").rename(folder / f"tls.{end}")
        wanted = ssl.PEM_cert_to_DER_cert((folder / f"{name}.crt").read_text())
        began = time.monotonic()
        while await shown(mesh, context) != wanted:
            assert time.monotonic() < began + 10
            await asyncio.sleep(0.01)
        waits.append(time.monotonic() - began)
        await asyncio.sleep(max(0.0, 1.0 - waits[-1]))


async def rotation_storm(mesh, folder, names, context, waits):
    done = asyncio.Event()

    async def handshakes():
        count = 0
        while not done.is_set():
            assert await ask(mesh, good_request(mesh), context) == 200
            count += 1
        return count
    client = asyncio.create_task(handshakes())
    await rotate(mesh, folder, names, context, waits)
    done.set()
    return await client


def test_certificates_rotate_without_a_failed_handshake(tmp_path):
    names = ("one", "two")
    for name in names:
        certificate(tmp_path, name)
    for end in ("key", "crt"):
        (tmp_path / f"tls.{end}").write_bytes((tmp_path / f"two.{end}").read_bytes())
    tls = f"  tls: {{certificate: {tmp_path}/tls.crt, key: {tmp_path}/tls.key}}\n"
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    mesh = support.Mesh(tmp_path, managed=False, server=tls)
    waits = []
    try:
        answered = asyncio.run(rotation_storm(mesh, tmp_path, names, context, waits))
        print(f"{ROTATIONS} rotations, {answered} handshakes, new certificate after at most "
              f"{max(waits):.2f} s")
        assert answered > ROTATIONS
    finally:
        mesh.stop()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_server_without_a_free_file_waits_and_comes_back(tmp_path):
    mesh = support.Mesh(tmp_path, managed=False)
    pid = mesh.server.child.pid
    try:
        kept = mesh.connect()
        limit = open_files(mesh) + 20
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
        crowd = [mesh.connect() for _ in range(200)]  # the kernel takes them, the server cannot
        wait_for(lambda: open_files(mesh) >= limit)
        before = cpu_seconds(pid)
        time.sleep(3)
        used = cpu_seconds(pid) - before
        print(f"{used / 3:.1%} of a CPU while no file is free")
        assert used / 3 < 0.05
        # Who is in is still answered, if only that there is no connection to the engine to be had.
        kept.sendall(mesh.request(chat("hello")))
        assert kept.recv(12) in (b"HTTP/1.1 200", b"HTTP/1.1 502", b"HTTP/1.1 503")
        began = time.monotonic()
        for one in [kept, *crowd]:
            one.close()
        assert asyncio.run(asyncio.wait_for(ask(mesh, good_request(mesh)), 10)) == 200
        print(f"{time.monotonic() - began:.2f} s until a new client is served")
    finally:
        mesh.stop()
