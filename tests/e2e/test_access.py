"""People who sign in: cookies, writes from other sites, the first administrator."""

import http.client
import json
import re
import subprocess

import pytest

import mesh as support

PASSWORD = "blue kettle 47 north"
CONFIG = """\
server:
  workers: 1
  listen: ["127.0.0.1:0"]
  admin_listen: ["127.0.0.1:0"]
  metrics_listen: []
  accept_after_term: 0s
tenants:
  - name: aurora
  - name: borealis
"""


class Answer:
    def __init__(self, reply):
        self.status = reply.status
        self.headers = reply.headers
        self.bytes = reply.read()
        self.json = json.loads(self.bytes) if self.bytes else None


class Gateway:
    def __init__(self, folder):
        self.folder, self.data = folder, folder / "data"
        (folder / "sovmesh.yaml").write_text(CONFIG)
        self.start()

    def start(self):
        self.process = support.Process(
            ["serve", "--config", self.folder / "sovmesh.yaml", "--data-dir", self.data],
            self.folder / "serve.log")
        self.admin = self.process.ready["admin_listen"][0]

    def tokens(self):
        return re.findall(r"^    ([0-9a-f]{64})$", self.process.log.read_text(), re.MULTILINE)

    def run(self, *words, code=0, stdin=""):
        done = subprocess.run([support.BINARY, *words, "--data-dir", str(self.data)], input=stdin,
                              capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stderr if code else done.stdout

    def ask(self, method, path, body=None, **fields):
        connection = http.client.HTTPConnection(self.admin, timeout=10)
        try:
            connection.request(method, "/api/v1/" + path,
                               None if body is None else json.dumps(body),
                               {"content-type": "application/json",
                                **{name.replace("_", "-"): value for name, value in fields.items()}})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def sign_in(self, login, password=PASSWORD, **fields):
        return self.ask("POST", "sessions", {"login": login, "password": password}, **fields)

    def session(self, login):
        answer = self.sign_in(login)
        assert answer.status == 201, answer.bytes
        return Browser(self, answer)


class Browser:
    def __init__(self, gateway, answer):
        self.gateway = gateway
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        self.csrf = answer.json["csrf_token"]

    def ask(self, method, path, body=None, **fields):
        return self.gateway.ask(method, path, body, cookie=self.cookie, **fields)

    def write(self, method, path, body=None, **fields):
        return self.ask(method, path, body, **{"x-sm-csrf": self.csrf, **fields})


@pytest.fixture
def gateway(tmp_path):
    one = Gateway(tmp_path)
    yield one
    assert one.process.stop() == 0


@pytest.fixture
def people(gateway):
    for login, *where in (("root@example", "--role", "platform-admin"),
                          ("ann@aurora", "--role", "tenant-admin", "--tenant", "aurora"),
                          ("bo@borealis", "--role", "tenant-admin", "--tenant", "borealis")):
        gateway.run("user", "create", login, *where, "--password-file", "-", stdin=PASSWORD + "\n")
    return gateway


def test_the_first_administrator(gateway):
    token, = gateway.tokens()
    wrong = gateway.ask("POST", "setup", {"token": "0" * 64, "login": "root", "password": PASSWORD})
    assert wrong.status == 401
    weak = gateway.ask("POST", "setup", {"token": token, "login": "root", "password": "password1234"})
    assert (weak.status, weak.json["error"]["param"]) == (400, "password")
    assert gateway.process.stop() == 0
    gateway.start()
    assert gateway.tokens() == [token], "a start shows no second one while one is out"
    wanted = {"token": token, "login": "Root@Example", "password": PASSWORD}
    assert gateway.ask("POST", "setup", wanted).status == 201
    assert gateway.ask("POST", "setup", wanted).status == 401
    assert gateway.session("root@example").ask("GET", "engines").status == 200
    assert token.encode() not in b"".join(
        file.read_bytes() for file in gateway.data.rglob("*") if file.is_file())


def test_the_cookie_and_the_answers_are_strict(people):
    answer = people.sign_in("ann@aurora")
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(r"sm_session=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=/", cookie)
    browser = Browser(people, answer)
    secret = browser.cookie.split("=")[1].encode()
    assert secret not in answer.bytes
    for one in (answer, browser.ask("GET", "session"), people.ask("GET", "session")):
        assert one.headers["cache-control"].endswith("no-store")
        assert one.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in one.headers["content-security-policy"]
    shown = browser.ask("GET", "session").json
    assert shown["user"]["login"] == "ann@aurora"
    assert [m["tenant"] for m in shown["memberships"]] == ["aurora"]
    assert shown["csrf_token"] == browser.csrf


def test_writes_with_a_cookie_want_the_token_and_our_own_page(people):
    browser = people.session("ann@aurora")
    body = {"tenant": "aurora", "slug": "shop"}
    assert browser.ask("POST", "projects", body).status == 403
    for fields in ({"x-sm-csrf": "0" * 64}, {"x-sm-csrf": browser.csrf, "origin": "https://evil.example"},
                   {"x-sm-csrf": browser.csrf, "sec-fetch-site": "cross-site"},
                   {"x-sm-csrf": browser.csrf, "origin": "http://127.0.0.1:1"},
                   {"x-sm-csrf": people.session("bo@borealis").csrf}):
        assert browser.ask("POST", "projects", body, **fields).status == 403, fields
    assert browser.ask("GET", "projects", **{"sec-fetch-site": "cross-site"}).status == 403
    assert len(browser.ask("GET", "projects").json["data"]) == 1
    assert browser.write("POST", "projects", body, origin=f"http://{people.admin}",
                         sec_fetch_site="same-origin").status == 201
    assert people.sign_in("ann@aurora", origin="https://evil.example").status == 403
    behind_proxy = people.sign_in("ann@aurora", origin=f"https://{people.admin}")
    assert behind_proxy.headers["set-cookie"].endswith("; Secure")
    token = (people.data / "admin.token").read_text().strip()
    assert people.ask("POST", "projects", {"tenant": "aurora", "slug": "other"},
                      authorization=f"Bearer {token}").status == 201


def test_each_tenants_administrator_has_his_own(people):
    ann, bo = people.session("ann@aurora"), people.session("bo@borealis")
    made = ann.write("POST", "keys", {"tenant": "aurora"})
    assert made.status == 201
    assert ann.ask("GET", f"keys/{made.json['id']}").status == 200
    foreign = bo.ask("GET", f"keys/{made.json['id']}")
    unknown = bo.ask("GET", "keys/abcdefghijkl")
    assert foreign.status == unknown.status == 404
    assert foreign.bytes.replace(made.json["id"].encode(), b"#") == \
        unknown.bytes.replace(b"abcdefghijkl", b"#")
    for path in ("engines", "routes", "prices", "pools", "system", "rollouts", "audit/holds"):
        assert ann.ask("GET", path).status == 403, path
    entries = ann.ask("GET", "audit/entries")
    assert entries.status == 200
    assert b"borealis" not in entries.bytes
    assert b"key.create" in entries.bytes
    indices = {one["index"] for one in entries.json["data"]}
    hidden = next(i for i in range(50) if i not in indices)
    assert ann.ask("GET", f"audit/entries/{hidden}").status == 404
    assert ann.ask("GET", f"audit/entries/{hidden}").bytes == \
        ann.ask("GET", "audit/entries/99999999").bytes
    shown = max(indices)
    assert ann.ask("GET", f"audit/entries/{shown}/proof").status == 200
    assert ann.ask("GET", f"audit/entries/{shown}?detail=true").status == 403


def test_a_session_is_replayed_in_vain_once_it_is_over(people):
    browser = people.session("ann@aurora")
    assert browser.write("DELETE", "session").headers["set-cookie"].startswith("sm_session=; ")
    assert browser.ask("GET", "session").status == 401
    again = people.session("ann@aurora")
    rotated = people.sign_in("ann@aurora", cookie=again.cookie)
    assert rotated.status == 201
    assert again.ask("GET", "session").status == 401
    planted = "sm_session=" + "1" * 64
    fixed = people.sign_in("ann@aurora", cookie=planted)
    assert fixed.headers["set-cookie"].split(";")[0] != planted
    assert people.ask("GET", "session", cookie=planted).status == 401


def test_guessing_is_slowed_and_tells_nothing(people):
    wrong = {people.sign_in(login, "wrong").bytes for login in ("ann@aurora", "nobody@nowhere")}
    assert len(wrong) == 1
    answers = [people.sign_in("ann@aurora", "wrong") for _ in range(10)]
    slowed = [answer for answer in answers if answer.status == 429]
    assert slowed and slowed[0].headers["retry-after"]
    assert people.sign_in("bo@borealis").status == 201


def test_the_commands_for_people(people):
    run = people.run
    assert "ann@aurora" in run("user", "list", "--tenant", "aurora")
    assert "bo@borealis" not in run("user", "list", "--tenant", "aurora")
    run("user", "grant", "ann@aurora", "--role", "tenant-viewer", "--tenant", "borealis")
    ann = people.session("ann@aurora")
    assert len(ann.ask("GET", "tenants").json["data"]) == 2
    run("user", "revoke", "ann@aurora", "--role", "tenant-viewer", "--tenant", "borealis")
    assert len(ann.ask("GET", "tenants").json["data"]) == 1
    assert "has no role" in run("user", "revoke", "ann@aurora", "--role", "finance", code=1)
    run("user", "passwd", "ann@aurora", "--password-file", "-", stdin="orange ladder 12 south\n")
    assert ann.ask("GET", "session").status == 401
    assert people.sign_in("ann@aurora", "orange ladder 12 south").status == 201
    run("user", "update", "ann@aurora", "--disable")
    assert people.sign_in("ann@aurora", "orange ladder 12 south").status == 401
    assert "argon2" not in run("user", "show", "ann@aurora", "--json")
    run("user", "delete", "ann@aurora")
    run("user", "show", "ann@aurora", code=1)
    assert "at least 12" in run("user", "create", "eve", "--password-file", "-", stdin="short\n", code=1)
    assert re.search(r"token: [0-9a-f]{64}", run("user", "setup-token"))
