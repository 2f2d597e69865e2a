import asyncio
import http.server
import inspect
import json
import pathlib
import socketserver
import threading

import pytest
import yaml

from fake import Answer
from sovmesh import ConfigurationError, RetryPolicy
from sovmesh.admin import (
    Admin, AdminError, AsyncAdmin, Conflict, Forbidden, NotFound, PreconditionFailed, Unauthorized,
    Unavailable, etag)

DOCUMENT = pathlib.Path(__file__).resolve().parents[3] / "api" / "openapi.yaml"
TENANT = {"id": "1", "slug": "aurora", "display_name": "a", "revision": 1}


def error(status, code, param=None, **headers):
    return Answer(status, {"error": {"message": "no", "type": "t", "param": param, "code": code}}, headers)


@pytest.fixture
def admin(serve):
    def made(*answers, **options):
        server = serve(*answers)
        return server, Admin(server.root, token="t", **options)
    return made


def test_every_operation_of_the_document_is_a_method():
    import re
    document = yaml.safe_load(DOCUMENT.read_text())
    names = {re.sub(r"(?<=[a-z])([A-Z])", r"_\1", said["operationId"]).lower()
             for item in document["paths"].values() for method, said in item.items()
             if method != "parameters"}
    assert len(names) > 80
    for kind in (Admin, AsyncAdmin):
        assert {name for name in names if not callable(getattr(kind, name, None))} == set()
    assert all(inspect.iscoroutinefunction(getattr(AsyncAdmin, name)) for name in names)


def test_the_token_and_what_is_asked(admin):
    server, client = admin(Answer(body=TENANT), Answer(201, TENANT), Answer(204))
    with client:
        assert client.get_tenant("org/model x")["slug"] == "aurora"
        client.create_tenant({"slug": "aurora"}, dry_run=True)
        assert client.delete_tenant("aurora", if_match='"1"') is None
    get, post, delete = server.asked
    assert get.path == "/api/v1/tenants/org%2Fmodel%20x" and get.headers["authorization"] == "Bearer t"
    assert (post.path, post.body) == ("/api/v1/tenants?dry_run=true", {"slug": "aurora"})
    assert post.headers["content-type"] == "application/json"
    assert (delete.method, delete.path) == ("DELETE", "/api/v1/tenants/aurora")
    assert delete.headers["if-match"] == '"1"'


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_what_would_be_another_path_is_not_sent(admin, name):
    server, client = admin(Answer(body={}))
    with client, pytest.raises(ValueError):
        client.get_tenant(name)
    assert server.asked == []


def test_a_list_is_read_page_after_page(admin):
    server, client = admin(
        Answer(body={"data": [{"id": "1"}, {"id": "2"}], "has_more": True, "next": "2"}),
        Answer(body={"data": [{"id": "3"}], "has_more": False, "next": None}))
    with client:
        assert [key["id"] for key in client.iter_keys(tenant="aurora", limit=2)] == ["1", "2", "3"]
    assert [each.path for each in server.asked] == [
        "/api/v1/keys?limit=2&tenant=aurora", "/api/v1/keys?limit=2&tenant=aurora&after=2"]


@pytest.mark.parametrize("status, kind", [
    (401, Unauthorized), (403, Forbidden), (404, NotFound), (409, Conflict), (412, PreconditionFailed),
    (503, Unavailable), (400, AdminError)])
def test_refusals_have_classes(admin, status, kind):
    server, client = admin(error(status, "some_code", "slug"), retry=RetryPolicy(attempts_max=1))
    with client, pytest.raises(AdminError) as caught:
        client.get_tenant("a")
    assert type(caught.value) is kind and caught.value.status == status
    assert (caught.value.problem.code, caught.value.problem.param) == ("some_code", "slug")


def test_an_answer_of_a_proxy_is_an_error_too(admin):
    server, client = admin(Answer(502, "bad gateway"), retry=RetryPolicy(attempts_max=1))
    with client, pytest.raises(AdminError, match="no error of the admin API"):
        client.get_tenant("a")


def test_what_is_put_off_is_tried_again_writes_as_well(admin):
    later = error(503, "dependency_unavailable", **{"retry-after": "0", "retry-after-ms": "1"})
    server, client = admin(later, Answer(201, TENANT))
    with client:
        client.create_tenant({"slug": "aurora"})
    assert len(server.asked) == 2


def test_a_write_whose_answer_is_lost_is_not_made_twice(admin):
    server, client = admin(Answer(drop=True), Answer(201, TENANT))
    with client, pytest.raises(Exception):
        client.create_tenant({"slug": "aurora"})
    assert len(server.asked) == 1


def test_a_change_is_made_to_what_was_read(admin):
    server, client = admin(Answer(body=TENANT), error(412, "precondition_failed"),
                           Answer(body={**TENANT, "revision": 2}), Answer(body={**TENANT, "revision": 3}))
    with client:
        done = client.change(
            lambda: client.get_tenant("aurora"),
            lambda shown, at: client.update_tenant(
                "aurora", {"display_name": shown["display_name"] + "!"}, if_match=at))
    assert done["revision"] == 3
    assert [each.headers.get("if-match") for each in server.asked] == [None, '"1"', None, '"2"']
    assert etag(TENANT) == '"1"'


def test_a_change_gives_up(admin):
    server, client = admin(*[Answer(body=TENANT), error(412, "precondition_failed")] * 2)
    with client, pytest.raises(PreconditionFailed):
        client.change(lambda: client.get_tenant("aurora"),
                      lambda _, at: client.update_tenant("aurora", {}, if_match=at), attempts_max=2)
    assert len(server.asked) == 4


def test_people_sign_in_and_out(serve):
    server = serve(Answer(201, {"csrf_token": "c-1"},
                          {"set-cookie": "sm_session=s-1; HttpOnly; SameSite=Strict; Path=/"}),
                   Answer(body=TENANT), Answer(201, TENANT), Answer(204))
    with Admin.signed_in(server.root, "ann@example.org", "a long password") as client:
        client.get_tenant("a")
        client.create_tenant({"slug": "aurora"})
    sign_in, get, post, sign_out = server.asked
    assert sign_in.body == {"login": "ann@example.org", "password": "a long password"}
    assert "authorization" not in sign_in.headers
    assert get.headers["cookie"] == "sm_session=s-1" and "x-sm-csrf" not in get.headers
    assert post.headers["x-sm-csrf"] == "c-1" and post.headers["cookie"] == "sm_session=s-1"
    assert (sign_out.method, sign_out.path) == ("DELETE", "/api/v1/session")
    assert sign_out.headers["x-sm-csrf"] == "c-1"


def test_a_wrong_password_leaves_nothing_open(serve):
    server = serve(error(401, "invalid_api_key"))
    with pytest.raises(Unauthorized):
        Admin.signed_in(server.root, "ann", "wrong")
    assert len(server.asked) == 1


def test_the_socket_needs_no_token(tmp_path):
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("authorization")))
            data = json.dumps({"ready": True}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def address_string(self):
            return "socket"

        def log_message(self, *_):
            pass

    with socketserver.UnixStreamServer(str(tmp_path / "admin.sock"), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with Admin(socket=tmp_path / "admin.sock") as client:
            assert client.get_system()["ready"] is True
        server.shutdown()
    assert asked == [("/api/v1/system", None)]


def test_the_environment(monkeypatch, serve, tmp_path):
    with pytest.raises(ConfigurationError, match="SOVMESH_ADMIN_URL"):
        Admin()
    server = serve(Answer(body={"ready": True}))
    monkeypatch.setenv("SOVMESH_ADMIN_URL", server.root)
    with pytest.raises(ConfigurationError, match="SOVMESH_ADMIN_TOKEN"):
        Admin()
    monkeypatch.setenv("SOVMESH_ADMIN_TOKEN", "t-1")
    with Admin() as client:
        client.get_system()
    assert server.asked[0].headers["authorization"] == "Bearer t-1"


@pytest.mark.parametrize("wrong", [
    {"url": "mesh:8081"}, {"url": "http://mesh/api"}, {"url": "http://mesh", "socket": "s", "token": "t"},
    {"socket": "s", "token": "t"}, {"url": "http://mesh", "token": "a b"}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        Admin(**wrong)


def test_texts_for_people(admin):
    server, client = admin(Answer(body="model ..."))
    with client:
        assert "model" in client.get_usage_text(tenant="aurora", by="model", from_="2026-11-01")
    assert server.asked[0].path == "/api/v1/usage?tenant=aurora&by=model&from=2026-11-01&format=text"


def test_the_same_for_asyncio(serve):
    server = serve(Answer(201, {"csrf_token": "c-1"}, {"set-cookie": "sm_session=s-1; Path=/"}),
                   Answer(body={"data": [TENANT], "has_more": True, "next": "1"}),
                   Answer(body={"data": [TENANT], "has_more": False, "next": None}),
                   Answer(body=TENANT), error(412, "precondition_failed"),
                   Answer(body={**TENANT, "revision": 2}), Answer(body=TENANT), Answer(204))

    async def all_of_it():
        async with await AsyncAdmin.signed_in(server.root, "ann", "p") as client:
            assert [each["slug"] async for each in client.iter_tenants()] == ["aurora", "aurora"]
            await client.change(lambda: client.get_tenant("aurora"),
                                lambda _, at: client.update_tenant("aurora", {}, if_match=at))
    asyncio.run(all_of_it())
    assert [each.headers.get("if-match") for each in server.asked][4:7] == ['"1"', None, '"2"']
    assert server.asked[-1].path == "/api/v1/session"
