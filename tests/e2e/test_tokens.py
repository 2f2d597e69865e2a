"""Service accounts and access tokens, the rate of the admin API, the configuration in force: with the real server."""

import http.client
import re

import pytest
from mesh import wait_for
from test_access import PASSWORD, Gateway

RATED = """\
server:
  workers: 1
  listen: ["127.0.0.1:0"]
  admin_listen: ["127.0.0.1:0"]
  metrics_listen: ["127.0.0.1:0"]
  accept_after_term: 0s
  admin_rate: 2
  admin_burst: 10
tenants:
  - name: aurora
"""


@pytest.fixture
def gateway(tmp_path):
    one = Gateway(tmp_path)
    yield one
    assert one.process.stop() == 0


def make_robot(gateway, *where):
    gateway.run("user", "create", "robot", "--service", *where)
    shown = gateway.run("user", "token", "create", "robot", "--name", "ci", "--days", "30")
    return re.search(r"smt-[0-9A-Za-z]{12}-[0-9A-Za-z]{43}-[0-9A-Za-z]{6}", shown)[0]


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def test_a_program_acts_with_a_token(gateway):
    token = make_robot(gateway, "--role", "tenant-admin", "--tenant", "aurora")
    made = gateway.ask("POST", "projects", {"tenant": "aurora", "slug": "web"}, **bearer(token))
    assert made.status == 201
    assert gateway.ask("GET", "tenants/borealis", **bearer(token)).status == 404
    assert gateway.ask("GET", "engines", **bearer(token)).status == 403
    assert gateway.ask("GET", "session", **bearer(token)).json["user"]["login"] == "robot"
    assert gateway.sign_in("robot", "").status in (400, 401)
    other = token[:-1] + ("a" if token[-1] != "a" else "b")
    assert gateway.ask("GET", "projects", **bearer(other)).status == 401
    listed = gateway.run("user", "token", "list", "robot")
    assert token[4:16] in listed and token not in listed
    gateway.run("user", "token", "revoke", "robot", token[4:16])
    assert gateway.ask("GET", "projects", **bearer(token)).status == 401
    gateway.run("user", "token", "revoke", "robot", token[4:16], code=1)


def test_a_tokens_text_is_in_no_file_and_its_acts_are_in_the_log(gateway):
    token = make_robot(gateway, "--role", "platform-operator")
    assert gateway.ask("POST", "tenants", {"slug": "boreal"}, **bearer(token)).status == 201
    admin = bearer((gateway.data / "admin.token").read_text().strip())
    entries = gateway.ask("GET", "audit/entries?action=tenant.create&limit=1", **admin).json["data"]
    assert (entries[0]["entry"]["actor_type"], entries[0]["entry"]["auth"]) == ("user", "token")
    assert gateway.process.stop() == 0
    secret = token[17:60].encode()
    for file in gateway.data.rglob("*"):
        if file.is_file():
            assert secret not in file.read_bytes(), file
    assert secret not in gateway.process.log.read_bytes()
    gateway.start()
    assert gateway.ask("GET", "tenants", **bearer(token)).status == 200, "and it outlives a restart"


def test_a_disabled_account_is_out_for_good(gateway):
    token = make_robot(gateway, "--role", "auditor")
    assert gateway.ask("GET", "tenants", **bearer(token)).status == 200
    gateway.run("user", "update", "robot", "--disable")
    assert gateway.ask("GET", "tenants", **bearer(token)).status == 401
    gateway.run("user", "update", "robot", "--enable")
    assert gateway.ask("GET", "tenants", **bearer(token)).status == 401


def until_refused(ask, most):
    for count in range(most):
        answer = ask()
        if answer.status == 429:
            return count, answer
    raise AssertionError(f"{most} calls and none was refused")


def test_the_rate_of_each_caller(tmp_path):
    (tmp_path / "sovmesh.yaml").write_text(RATED)
    gateway = Gateway.__new__(Gateway)
    gateway.folder, gateway.data = tmp_path, tmp_path / "data"
    gateway.start()
    try:
        robot = make_robot(gateway, "--role", "auditor")
        gateway.run("user", "create", "ann", "--role", "auditor", "--password-file", "-",
                    stdin=PASSWORD + "\n")
        ann = gateway.session("ann")
        count, refused = until_refused(lambda: gateway.ask("GET", "tenants", **bearer(robot)), 200)
        assert count >= 10
        assert refused.json["error"]["code"] == "rate_limit_exceeded"
        assert int(refused.headers["retry-after"]) >= 1
        assert ann.ask("GET", "tenants").status == 200, "who has a bucket of her own"
        until_refused(lambda: ann.ask("GET", "tenants"), 200)
        assert until_refused(lambda: gateway.ask("GET", "tenants"), 200)[0] >= 5, "of the address"
        assert gateway.sign_in("ann").status == 429, "before a password is looked at"
        for _ in range(20):
            gateway.run("user", "list")  # the socket has no bound
        admin = (gateway.data / "admin.token").read_text().strip()
        assert gateway.ask("GET", "tenants", **bearer(admin)).status == 200
        wait_for(lambda: gateway.ask("GET", "tenants", **bearer(robot)).status == 200)
        page = metrics_of(gateway)
        for kind in ("token", "session", "address"):
            assert re.search(rf'sm_admin_rate_limited_total{{caller="{kind}"}} [1-9]', page), kind
    finally:
        assert gateway.process.stop() == 0


def metrics_of(gateway):
    connection = http.client.HTTPConnection(gateway.process.ready["metrics_listen"][0], timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_the_configuration_in_force_and_why_a_reload_was_refused(gateway):
    admin = bearer((gateway.data / "admin.token").read_text().strip())
    first = gateway.ask("GET", "config", **admin).json
    assert first["file"].endswith("sovmesh.yaml") and first["refused"] is None
    assert [each["name"] for each in first["config"]["tenants"]] == ["aurora", "borealis"]
    assert first["config"]["server"]["drain_time"] == "300s"
    file = gateway.folder / "sovmesh.yaml"
    text = file.read_text()

    def changed(wanted):
        wait_for(lambda: wanted(gateway.ask("GET", "config", **admin).json), seconds=20)
        return gateway.ask("GET", "config", **admin).json

    file.write_text(text + "colour: red\n")
    refused = changed(lambda shown: shown["refused"])
    assert "colour" in refused["refused"]["error"] and refused["revision"] == first["revision"]
    file.write_text(text.replace("workers: 1", "workers: 1\n  drain_time: 7s") + "  - name: cirrus\n")
    taken = changed(lambda shown: shown["revision"] != first["revision"])
    assert taken["refused"] is None and taken["restart_pending"] == ["server"]
    assert taken["config"]["server"]["drain_time"] == "300s", "as it runs"
    assert taken["config"]["tenants"][-1]["name"] == "cirrus"
