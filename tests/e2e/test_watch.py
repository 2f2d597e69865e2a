"""What people look at while it happens: requests, figures of this moment, events; over real sockets."""

import contextlib
import json
import subprocess
import threading
import time

import httpx2
import pytest

import mesh as support
from mesh import SIM, chat, wait_for

PASSWORD = "blue kettle 47 north"


class Watched(support.Mesh):
    def __init__(self, folder):
        super().__init__(folder, managed=False)
        self.admin = self.server.ready["admin_listen"][0]
        self.token = (self.data / "admin.token").read_text().strip()

    def run(self, *words, stdin=""):
        done = subprocess.run([support.BINARY, *words, "--data-dir", str(self.data)], input=stdin,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def owner(self):
        return httpx2.Client(base_url=f"http://{self.admin}/api/v1/", timeout=20,
                             headers={"Authorization": f"Bearer {self.token}"})

    @contextlib.contextmanager
    def person(self, login, *where):
        """A browser that is signed in."""
        self.run("user", "create", login, *where, "--password-file", "-", stdin=PASSWORD + "\n")
        with httpx2.Client(base_url=f"http://{self.admin}/api/v1/", timeout=20) as client:
            answer = client.post("sessions", json={"login": login, "password": PASSWORD})
            assert answer.status_code == 201, answer.text
            client.headers["x-sm-csrf"] = answer.json()["csrf_token"]
            yield client

    def ask(self, tenant="aurora"):
        answer = httpx2.post(f"{self.base_url}/chat/completions",
                             json={**chat("hello", model=SIM), "stream": True},
                             headers={"Authorization": f"Bearer {self.keys[tenant]}"}, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.headers["x-sm-request-id"]


class Stream:
    """Server-sent events, read on a thread of their own."""

    def __init__(self, client, path, **headers):
        self.client, self.path = client, path
        self.headers = {"Accept": "text/event-stream",
                        **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.status, self.events, self.ended = None, [], False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        wait_for(lambda: self.status is not None)

    def read(self):
        with contextlib.suppress(httpx2.ReadError):  # the test is over, and so is its client
            self.read_all()
        self.ended = True

    def read_all(self):
        event = {}
        with self.client.stream("GET", self.path, headers=self.headers) as answer:
            self.status, self.type = answer.status_code, answer.headers["content-type"]
            for line in answer.iter_lines():
                if not line and event:
                    self.events.append(event)
                    event = {}
                elif line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    event[name] = value

    def of(self, kind):
        return [each for each in map(self.data, self.events) if each.get("kind") == kind]

    @staticmethod
    def data(event):
        return json.loads(event["data"])


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    one = Watched(tmp_path_factory.mktemp("watch"))
    yield one
    one.stop()


def test_live_figures_follow_what_happens(watched):
    with watched.owner() as client:
        stream = Stream(client, "live")
        assert (stream.status, stream.type.split(";")[0]) == (200, "text/event-stream")
        for _ in range(20):
            watched.ask()
        wait_for(lambda: any(Stream.data(each)["requests_per_s"] > 0 for each in stream.events))
        busy = next(each for each in map(Stream.data, stream.events) if each["requests_per_s"] > 0)
        assert busy["output_tokens_per_s"] > 0 and busy["ttft_ms"]["p50"] > 0
        assert [each["tenant"] for each in busy["tenants"]] == ["aurora"]
        assert {each["name"]: each["state"] for each in busy["engines"]} == {"sim": "ready"}
        one = client.get("live", headers={"Accept": "application/json"})
        assert one.json().keys() == busy.keys()
        before = len(stream.events)
        time.sleep(2.5)  # that it tells once a second is the point
        assert 1 <= len(stream.events) - before <= 4


def test_a_tenants_people_see_their_own(watched):
    with watched.person("viewer@borealis", "--role", "tenant-viewer", "--tenant", "borealis") as own:
        watched.ask("aurora")
        watched.ask("borealis")
        stream = Stream(own, "live")
        wait_for(lambda: any(Stream.data(each)["requests_per_s"] > 0 for each in stream.events))
        for each in map(Stream.data, stream.events):
            assert "engines" not in each and "pools" not in each
            assert {one["tenant"] for one in each["tenants"]} <= {"borealis"}
        assert own.get("live?tenant=aurora").status_code == 404


def test_events_come_as_they_happen_and_again_after_a_break(watched):
    with watched.owner() as client, watched.owner() as writer:
        stream = Stream(client, "events?kind=key.*")
        made = writer.post("keys", json={"tenant": "aurora"}).json()
        wait_for(lambda: stream.of("key.create"))
        event = stream.of("key.create")[0]
        assert (event["subject"], event["tenant"]) == (f"keys/{made['id']}", "aurora")
        assert writer.post(f"keys/{made['id']}/revoke").status_code == 200
        wait_for(lambda: stream.of("key.revoke"))
        again = Stream(writer, "events", Last_Event_ID=event["id"])
        wait_for(lambda: again.of("key.revoke"))
        assert not again.of("key.create")
        listed = httpx2.get(f"http://{watched.admin}/api/v1/events?tenant=aurora&limit=2",
                            headers=client.headers).json()["data"]
        assert [each["kind"] for each in listed] == ["key.revoke", "key.create"]


def test_a_stream_ends_with_its_session(watched):
    with watched.person("admin@aurora", "--role", "tenant-admin", "--tenant", "aurora") as browser:
        stream = Stream(browser, "live")
        assert stream.status == 200
        with httpx2.Client(cookies=browser.cookies, headers=browser.headers, timeout=20) as other:
            gone = other.delete(f"http://{watched.admin}/api/v1/session")
        assert gone.status_code == 204, gone.text
        wait_for(lambda: stream.ended, seconds=10)
        assert stream.events[-1]["event"] == "end"


def test_requests_are_listed(watched):
    ids = [watched.ask() for _ in range(3)]
    foreign = watched.ask("borealis")
    with watched.owner() as client:
        page = client.get("requests?tenant=aurora&limit=2").json()
        assert [each["id"] for each in page["data"]] == [ids[2], ids[1]] and page["has_more"]
        row = page["data"][0]
        assert (row["status"], row["model"], row["tenant"]) == ("completed", SIM, "aurora")
        assert row["prompt_tokens"] > 0 and row["output_tokens"] > 0 and row["total_ms"] >= 0
        rest = client.get(f"requests?tenant=aurora&limit=2&after={page['next']}").json()
        assert rest["data"][0]["id"] == ids[0]
        assert foreign in [each["id"] for each in client.get("requests").json()["data"]]
    printed = watched.run("request", "list", "--tenant", "aurora", "--max", "2")
    assert ids[2] in printed and ids[1] in printed and foreign not in printed
    listed = json.loads(watched.run("request", "list", "--json", "--status", "completed"))
    assert {ids[0], foreign} <= {each["id"] for each in listed["data"]}


def test_a_stop_waits_for_no_stream(tmp_path):
    mesh = Watched(tmp_path)
    try:
        with mesh.owner() as client:
            stream = Stream(client, "events")
            began = time.monotonic()
            mesh.stop()
            assert time.monotonic() - began < 5
            wait_for(lambda: stream.ended)
            assert stream.events[-1]["event"] == "end"
    finally:
        mesh.sim.stop()
