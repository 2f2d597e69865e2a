"""What an attacker tries at each operation of api/openapi.yaml, generated from the document: members that
only the server settles, pages of other sites, paths that lead out, redirects, frames."""

import json

import document
import pytest
from world import World, quoted

PASSWORD = "correct horse battery 7"
ADMINS = {"admin", "is_admin", "isAdmin", "root", "superuser", "role", "roles", "permissions", "grants",
          "memberships", "password_hash", "hash", "hmac", "pepper_id", "proof", "secret", "token",
          "by_platform", "trusted", "tenant_id", "project_id", "user_id", "owner_id", "kind", "source",
          "managed_by", "id", "revision", "created_at", "updated_at", "used_at", "last_four", "verified",
          "__proto__", "constructor", "$ref"}
ERROR = {"$ref": "#/components/schemas/Error"}
DIGEST = "ab" * 32
ARTIFACT = {"name": "tiny", "version": "1.0", "format": "gguf", "digest": DIGEST, "bytes": 4, "licence": "mit"}
OUTSIDE = {"signIn", "setUp"}  # without credentials; tried by themselves below


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    running = World(tmp_path_factory.mktemp("attacks"))
    running.post("users", {"login": "ann@example.org", "password": PASSWORD, "role": "platform-admin"},
                 status=201)
    running.post("tenants", {"slug": "boreal"}, status=201)
    running.post("projects", {"tenant": "boreal", "slug": "web"}, status=201)
    running.post("keys", {"tenant": "boreal", "display_name": "bot"}, status=201)
    running.post("limits", {"tenant": "boreal", "name": "cap", "measure": "requests", "window": "day",
                            "amount": 5}, status=201)
    running.post("engines", {"name": "extra", "url": f"http://{running.sim.address}/v1"}, status=201)
    running.post("models", {"name": "made", "engine": "extra"}, status=201)
    running.post("models", {"name": "other", "engine": "extra"}, status=201)
    running.post("routes", {"name": "both", "versions": [{"model": "made", "weight": 1}]}, status=201)
    running.post("users", {"login": "robot", "kind": "service"}, status=201)
    folder = running.data / "models"
    folder.mkdir()
    (folder / f"{DIGEST}.gguf").write_bytes(b"GGUF")
    running.post("artifacts", ARTIFACT, status=201)
    running.post("webhooks", {"name": "pager", "url": "http://127.0.0.1:9/hooks", "events": ["key.*"],
                              "enabled": False}, status=201)
    running.known = {
        "webhook": "pager",
        "artifact": "tiny@1.0",
        "tenant": "boreal", "project": running.get("projects?tenant=boreal")["data"][0]["id"],
        "key": running.get("keys?tenant=boreal")["data"][0]["id"], "model": "made", "engine": "extra",
        "route": "both", "limit": "cap", "pool": "gpu", "month": "2026-11", "user": "robot",
        "price": running.get("prices")["data"][0]["id"], "entry": "0", "request": running.ask(),
        "membership": running.get("memberships?user=ann@example.org")["data"][0]["id"],
        "session": "01J9Z3M4N5P6Q7R8S9TAVBWCXD", "token": "abcdefghijkl"}
    yield running
    running.stop()


class Browser:
    def __init__(self, world):
        answer = world.send("POST", "/api/v1/sessions", {"login": "ann@example.org", "password": PASSWORD},
                            Authorization=None)
        assert answer.status == 201, answer.body
        self.world, self.csrf = world, answer["csrf_token"]
        self.cookie = answer.headers["set-cookie"].split(";")[0]

    def send(self, method, target, body=None, **fields):
        return self.world.send(method, target, body, Authorization=None, Cookie=self.cookie, **fields)


def target_of(world, path, **others):
    for name, value in {**world.known, **others}.items():
        path = path.replace("{" + name + "}", value if name in others else quoted(value))
    assert "{" not in path, path
    return path


def snapshot(world):
    """All that is stored, as its lists show it."""
    state = {}
    for kind in ("tenants", "projects", "keys", "limits", "models", "engines", "routes", "rollouts",
                 "artifacts", "webhooks", "users", "memberships", "users/robot/tokens", "users/ann@example.org/tokens"):
        rows = world.get(f"{kind}?limit=1000")["data"]
        for row in rows:  # that goes by itself
            for name in ("used", "reserved", "balances", "deliveries", "state", "load", "since", "reason", "restarts",
                         "reset_at", "window_start", "used_at", "condition", "pid", "memory_bytes", "in_flight"):
                row.pop(name, None)
        state[kind] = rows
    return state


def writes():
    return [each for each in document.operations()
            if each[1] != "get" and each[2]["operationId"] not in OUTSIDE]


def with_bodies():
    return [each for each in writes() if "requestBody" in each[2]]


def members_of(operation):
    schema = document.resolve(operation["requestBody"]["content"]["application/json"]["schema"])
    return schema.get("properties", {})


def all_members():
    """Of every object that the API shows."""
    found = set(ADMINS)
    for schema in document.load()["components"]["schemas"].values():
        found |= set(schema.get("properties", {}))
    return found


def sample_of(operation):
    """A body that lacks nothing, so that the one member too many is what is wrong with it."""
    schema = document.resolve(operation["requestBody"]["content"]["application/json"]["schema"])

    def value_of(node):
        node = document.resolve(node)
        for word in ("anyOf", "oneOf"):
            if word in node:
                return value_of(node[word][0])
        if "enum" in node:
            return node["enum"][0]
        kind = node.get("type", "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return {name: value_of(node["properties"][name]) for name in node.get("required", [])}
        if kind == "array":
            return [value_of(node["items"])]
        return {"integer": 1, "boolean": True, "number": 1}.get(kind, "word")

    return {name: value_of(schema["properties"][name]) for name in schema.get("required", [])}


def test_no_body_says_what_the_server_settles(world):
    """Mass assignment: each member of any object that is not one of the body's own is refused by name."""
    before = snapshot(world)
    tried = 0
    for path, method, operation in with_bodies():
        for name in sorted(all_members() - set(members_of(operation))):
            body = {**sample_of(operation), name: "x"}
            answer = world.send(method.upper(), target_of(world, path), body)
            where = (method, path, name, answer.status, answer.body)
            document.check(answer.body, ERROR)
            assert answer.status == 400, where
            error = answer["error"]
            assert (error["code"], error["param"]) == ("unsupported_parameter", name), where
            tried += 1
    assert snapshot(world) == before
    assert tried > 2_000


def test_a_writable_member_gives_nobody_more_than_he_has(world):
    """The members that are a body's own, but not for everybody."""
    for tenant in ("aurora", "boreal"):
        world.post("users", {"login": f"head@{tenant}", "password": PASSWORD, "role": "tenant-admin",
                             "tenant": tenant}, status=201)
    answer = world.send("POST", "/api/v1/sessions", {"login": "head@boreal", "password": PASSWORD},
                        Authorization=None)
    fields = {"Authorization": None, "Cookie": answer.headers["set-cookie"].split(";")[0],
              "x-sm-csrf": answer["csrf_token"]}
    key = world.known["key"]
    before = snapshot(world)
    for method, path, body in (
            ("POST", "users", {"login": "eve", "role": "platform-admin"}),
            ("POST", "users", {"login": "eve"}),
            ("POST", "users", {"login": "eve", "role": "tenant-admin", "tenant": "aurora"}),
            ("POST", "memberships", {"user": "head@boreal", "role": "platform-admin"}),
            ("POST", "memberships", {"user": "head@boreal", "role": "tenant-admin", "tenant": "aurora"}),
            ("PATCH", "users/head@boreal", {"disabled": False}),
            ("PATCH", "users/ann@example.org", {"password": "another horse battery 8"}),
            ("PATCH", "users/head@aurora", {"password": "another horse battery 8"}),
            ("POST", "users/ann@example.org/tokens", {"name": "mine"}),
            ("POST", "users/robot/tokens", {"name": "mine"}),
            ("POST", "keys", {"tenant": "boreal", "labels": {"tier": "gold"}}),
            ("PATCH", f"keys/{key}", {"labels": {"tier": "gold"}}),
            ("PUT", f"keys/{key}", {"labels": {"tier": "gold"}}),
            ("PUT", "limits", {"tenant": "boreal", "measure": "requests", "window": "day", "amount": 9}),
            ("PUT", "limits", {"pool": "gpu", "measure": "requests", "window": "day", "amount": 9}),
            ("PATCH", "tenants/boreal", {"suspended": True}),
            ("PUT", "tenants/boreal", {"slug": "boreal", "currency": "DKK"}),
            ("PUT", "projects", {"tenant": "aurora", "slug": "mine"}),
            ("PUT", "models/mine", {"name": "mine", "engine": "near"}),
            ("PUT", "engines/mine", {"name": "mine", "url": "http://127.0.0.1:1/v1"})):
        refused = world.send(method, "/api/v1/" + path, body, **fields)
        if (method, path) == ("PATCH", "users/head@boreal"):  # of himself: allowed, and nothing new
            assert refused.status == 200
            continue
        assert refused.status in (403, 404), (method, path, body, refused.status, refused.body)
    after = snapshot(world)
    for row in before["users"] + after["users"]:
        if row["login"] == "head@boreal":
            row.pop("revision"), row.pop("updated_at")
    assert after == before


def test_no_write_happens_without_the_sessions_token_and_page(world):
    """CSRF, at every operation that changes something."""
    browser, other = Browser(world), Browser(world)
    ours = f"http://{world.admin}"
    host, port = world.admin.rsplit(":", 1)
    foreign = [{"x-sm-csrf": ""}, {"x-sm-csrf": None}, {"x-sm-csrf": "0" * 64}, {"x-sm-csrf": other.csrf}]
    foreign += [{"x-sm-csrf": browser.csrf, "Origin": origin} for origin in
                ("https://evil.example", "null", f"http://{host}:{int(port) ^ 1}", f"http://{host}",
                 f"http://{host}.evil.example:{port}", f"http://evil@{world.admin}")]
    foreign += [{"x-sm-csrf": browser.csrf, "Origin": ours, "Sec-Fetch-Site": site} for site in
                ("cross-site", "same-site")]
    before = snapshot(world)
    tried = 0
    for path, method, operation in writes():
        body = sample_of(operation) if "requestBody" in operation else None
        for fields in foreign:
            answer = browser.send(method.upper(), target_of(world, path), body, **fields)
            assert answer.status == 403, (method, path, fields, answer.status, answer.body)
            tried += 1
        if body is None:
            continue
        # What a form of another site can send without being asked.
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            answer = browser.send(method.upper(), target_of(world, path), json.dumps(body).encode(),
                                  **{"x-sm-csrf": browser.csrf, "Content-Type": kind})
            assert answer.status == 415, (method, path, kind, answer.status)
    for path in ("sessions", "setup"):
        for fields in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = world.send("POST", "/api/v1/" + path, {}, Authorization=None, **fields)
            assert answer.status == 403, (path, fields, answer.status)
    assert browser.send("GET", "/api/v1/session").status == 200, "and it is signed in all the while"
    assert browser.send("GET", "/api/v1/users", Origin="https://evil.example").status == 403
    assert snapshot(world) == before
    assert tried > 400


# Valid, so that nothing but the revision is wrong.
VERSIONS = [{"model": "made", "weight": 1}]
BODIES = {
    "createTenant": {"slug": "nimbus"}, "putTenant": {"slug": "boreal"},
    "createProject": {"tenant": "boreal", "slug": "new"}, "putProject": {"tenant": "boreal", "slug": "web"},
    "createKey": {"tenant": "boreal"}, "createModel": {"name": "new", "engine": "extra"},
    "putModel": {"name": "made", "engine": "extra"}, "createRoute": {"name": "new", "versions": VERSIONS},
    "createEngine": {"name": "new", "url": "http://127.0.0.1:1/v1"},
    "putEngine": {"name": "extra", "url": "http://127.0.0.1:1/v1"},
    "putRoute": {"name": "both", "versions": VERSIONS}, "setPoolShare": {"tenant": "boreal", "weight": "2"},
    "createLimit": {"tenant": "boreal", "measure": "requests", "window": "minute", "amount": 5},
    "putLimit": {"tenant": "boreal", "name": "cap", "measure": "requests", "window": "day", "amount": 5},
    "createUser": {"login": "new"}, "createMembership": {"user": "robot", "role": "auditor"},
    "createWebhook": {"name": "new", "url": "http://127.0.0.1:9/hooks", "events": ["*"]},
    "putWebhook": {"name": "pager", "url": "http://127.0.0.1:9/hooks", "events": ["*"]},
    "createToken": {"name": "new"}, "createArtifact": {**ARTIFACT, "version": "1.1"},
    "moveArtifact": {"stage": "testing", "tenants": ["aurora"]},
    "addArtifactTest": {"set": "s", "model": "m", "results": [
        {"name": "hello", "passed": True, "failures": [], "output_tokens": 3, "ms": 12}]}}
# There is none: 404, as long as nothing happens.
ABSENT = {"pauseRollout", "resumeRollout", "promoteRollout", "abortRollout", "removePoolShare",
          "deleteToken", "endSession", "startRollout", "signOut"}


def test_every_write_honours_if_match(world):
    before = snapshot(world)
    for path, method, operation in writes():
        name = operation["operationId"]
        body = None
        if "requestBody" in operation:
            body = BODIES.get(name, {} if method in ("patch", "put") else sample_of(operation))
        answer = world.send(method.upper(), target_of(world, path), body, **{"If-Match": '"999"'})
        wanted = (412, 404, 400) if name in ABSENT else (412,)
        assert answer.status in wanted, (name, answer.status, answer.body)
    assert snapshot(world) == before


OUT = ["..", ".", "../..", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e", "%2e%2e%2f%2e%2e%2fadmin.token",
       "..%5c..%5cadmin.token", "....%2f%2f", "%2fetc%2fpasswd", "file:%2f%2f%2fetc%2fpasswd",
       "%00", "boreal%00", "..;%2f", "%c0%ae%c0%ae%2f", "%252e%252e%252fadmin.token", "~root", "a%0d%0ab"]


def test_no_name_leads_out_of_its_place(world):
    """Path traversal, in every parameter of every path."""
    before = snapshot(world)
    secret = world.token
    tried = 0
    for path, method, operation in document.operations():
        for parameter in map(document.resolve, operation.get("parameters", [])):
            if parameter["in"] != "path":
                continue
            for out in OUT:
                body = sample_of(operation) if "requestBody" in operation else None
                answer = world.send(method.upper(),
                                    target_of(world, path, **{parameter["name"]: out}), body)
                where = (method, path, parameter["name"], out, answer.status, answer.body)
                assert 400 <= answer.status < 500, where
                document.check(answer.body, ERROR)
                assert "root:" not in str(answer.body) and secret not in str(answer.body), where
                tried += 1
    for place in ("/audit/", "/assets/", "/console/", "/"):
        for out in OUT + ["../api/v1/system", "..%2fapi%2fv1%2fsystem", "../data/admin.token"]:
            answer = world.send("GET", place + out, **{"Accept-Encoding": "gzip"})
            assert secret not in str(answer.body) and "root:" not in str(answer.body), (place, out)
            assert answer.status < 500, (place, out, answer.status)
    assert snapshot(world) == before
    assert tried > 500


def answers(world):
    """(target, answer) of everything that can be read, and of what cannot be."""
    targets = [target_of(world, path) for path, method, _ in document.operations() if method == "get"]
    targets += ["/", "/console", "/console/tenants", "/favicon.ico", "/assets/none.js", "/audit/checkpoint",
                "/audit/none", "/api/v1/none", "/api/v1/tenants/nobody", "/api/v1/tenants?colour=red"]
    for target in targets:
        yield target, world.send("GET", target, **{"Accept-Encoding": "gzip"})
        yield target, world.send("GET", target, Authorization=None, **{"Accept-Encoding": "gzip"})
    yield "a body", world.send("POST", "/api/v1/tenants", b"{", **{"Content-Type": "text/plain"})
    yield "a method", world.send("DELETE", "/api/v1/tenants")


def test_no_answer_can_be_framed_guessed_or_run(world):
    """Clickjacking, and what else a browser could make of an answer."""
    for target, answer in answers(world):
        headers = answer.headers
        assert headers.get("x-frame-options") == "DENY", (target, answer.status)
        policy = headers.get("content-security-policy", "")
        assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy, (target, policy)
        assert headers.get("x-content-type-options") == "nosniff", target
        assert headers.get("referrer-policy") == "no-referrer", target
        assert "access-control-allow-origin" not in headers, target


def test_nothing_sends_anybody_elsewhere(world):
    """Open redirects: there are no redirects at all."""
    for target, answer in answers(world):
        assert not 300 <= answer.status < 400 and "location" not in answer.headers, target
    for target in ("//evil.example/", "//evil.example/console", "/%2f%2fevil.example", "/%5cevil.example",
                   "/console?next=https://evil.example", "/?redirect=//evil.example",
                   "/api/v1/session?return_to=https://evil.example", "/console/..//evil.example",
                   "/console/https://evil.example", "/api/v1//evil.example"):
        answer = world.send("GET", target, **{"Accept-Encoding": "gzip", "X-Forwarded-Host": "evil.example"})
        assert not 300 <= answer.status < 400, (target, answer.status)
        assert "location" not in answer.headers and "refresh" not in answer.headers, target


def test_a_weak_password_is_refused_wherever_one_is_set(world):
    weak = ["", "short", "password1234", "aaaaaaaaaaaaaaaa", "abcabcabcabcabc",
            "weak@example.org"]
    before = snapshot(world)
    for password in weak:
        for method, path, body in (("POST", "users", {"login": "weak@example.org"}),
                                   ("PATCH", "users/ann@example.org", {})):
            if password == "weak@example.org" and method == "PATCH":
                continue
            answer = world.send(method, "/api/v1/" + path, {**body, "password": password})
            assert answer.status == 400, (password, method, answer.body)
            assert answer["error"]["param"] == "password", (password, method, answer.body)
    assert snapshot(world) == before


def test_a_table_without_a_member_is_noticed(monkeypatch):
    """The first test finds what it is for: a body that takes a member too many."""
    _, _, operation = next(each for each in with_bodies() if each[2]["operationId"] == "createUser")
    assert "password_hash" in all_members() - set(members_of(operation))
    assert "login" in sample_of(operation)
