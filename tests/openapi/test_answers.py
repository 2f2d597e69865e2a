"""Every operation of api/openapi.yaml against the real server: requests and answers are as it says."""

import datetime

import document
import pytest
from mesh import wait_for
from world import World, quoted


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    running = World(tmp_path_factory.mktemp("openapi"))
    yield running
    running.stop()


def tenants(api):
    made = api.post("tenants", {"slug": "boreal", "hosts": ["boreal.example"], "currency": "EUR"},
                    status=201)
    tried = api.call("PATCH", "tenants/boreal?dry_run=true", {"suspended": True})
    assert tried["changes"] == [{"member": "suspended", "before": False, "after": True}]
    now = api.call("PATCH", "tenants/boreal", {"display_name": "Boreal"},
                   **{"If-Match": tried.headers["etag"]})
    assert now.headers["etag"] != made.headers["etag"]
    api.call("PATCH", "tenants/boreal", {"display_name": "B"}, status=412,
             **{"If-Match": made.headers["etag"]})
    assert api.get(f"tenants/{made['id']}")["display_name"] == "Boreal"
    first = api.get("tenants?limit=1")
    assert first["has_more"] and api.get(f"tenants?limit=1&after={first['next']}")["data"]
    api.post("tenants", {"slug": "boreal"}, status=409)
    api.post("tenants", {"slug": "B"}, status=400)
    api.call("DELETE", "tenants/aurora", status=409)
    whole = {"slug": "boreal", "currency": "EUR", "hosts": ["boreal.example"]}
    assert api.call("PUT", "tenants/boreal", whole)["display_name"] == "boreal"
    api.call("PUT", "tenants/cirrus", {"slug": "cirrus"}, status=201)
    api.call("DELETE", "tenants/cirrus", status=204)


def projects(api):
    made = api.post("projects", {"tenant": "boreal", "slug": "web", "cost_centre": "42"}, status=201)
    place = f"projects/{made['id']}"
    api.get(place)
    assert api.call("PATCH", place, {"cost_centre": None})["cost_centre"] == ""
    assert len(api.get("projects?tenant=boreal")["data"]) == 2
    assert [each["slug"] for each in api.get("projects?q=WE&managed_by=api")["data"]] == ["web"]
    whole = {"tenant": "boreal", "slug": "web", "display_name": "Web"}
    first, again = (api.call("PUT", "projects", whole) for _ in range(2))
    assert (first["id"], first["cost_centre"]) == (made["id"], "")
    assert first.headers["etag"] == again.headers["etag"] != made.headers["etag"]
    other = api.call("PUT", "projects", {"tenant": "boreal", "slug": "other"}, status=201)
    api.call("DELETE", f"projects/{other['id']}", status=204)
    assert api.call("DELETE", place + "?dry_run=true")["action"] == "delete"
    api.call("DELETE", place, status=204)
    api.get(place, status=404)


def tenant_settings(api):
    place = "tenants/boreal/settings"
    bare = api.get(place)
    assert bare["revision"] == 0 and bare["models"] is None
    whole = {"models": ["small"], "defaults": {"temperature": 0.2, "max_tokens": 64},
             "maximums": {"temperature": 1, "n": 2}, "on_excess": "clamp",
             "system_prompts": [{"name": "house", "text": "Today is {{date}}.", "models": ["small"],
                                 "projects": ["default"], "mode": "default"}],
             "disclaimer": {"text": " (by a machine)"}}
    tried = api.call("PUT", place + "?dry_run=true", whole)
    assert {each["member"] for each in tried["changes"]} == whole.keys()
    made = api.call("PUT", place, whole, **{"If-Match": tried.headers["etag"]})
    assert {name: made[name] for name in whole} == whole
    less = api.call("PATCH", place, {"maximums": {"n": None}, "disclaimer": None})
    assert less["maximums"] == {"temperature": 1} and less["disclaimer"] is None
    api.call("PATCH", place, {"models": None}, status=412, **{"If-Match": made.headers["etag"]})
    for wrong in ({"models": ["nobody's"]}, {"maximums": {"temperature": 0.1}},
                  {"defaults": {"n": 2}}, {"system_prompts": [{"name": "a", "text": "{{key}}"}]}):
        assert api.send("PATCH", "/api/v1/" + place, wrong).status == 400
    api.call("PATCH", "tenants/aurora/settings", {})
    api.get("tenants/nobody/settings", status=404)
    api.call("PUT", place, {})


def keys(api):
    made = api.post("keys", {"tenant": "boreal", "owner": "ann", "scopes": ["inference"],
                             "expires_at": "2100-01-01T00:00:00+02:00"}, status=201)
    assert made["key"].startswith(f"sm-{made['id']}-")
    place = f"keys/{made['id']}"
    assert "key" not in api.get(place).body
    assert api.call("PATCH", place, {"models": ["small"], "expires_at": None})["models"] == ["small"]
    whole = {"display_name": "bot", "owner": "ann", "scopes": ["inference"]}
    first, again = (api.call("PUT", place, whole) for _ in range(2))
    assert first["models"] is None and first.headers["etag"] == again.headers["etag"]
    api.call("PUT", "keys/abcdefghijkl", whole, status=404)
    assert api.post(place + "/rotate", {"overlap": "1h"})["key"] != made["key"]
    assert api.post(place + "/revoke")["revoked_at"]
    api.post(place + "/rotate", status=409)
    api.post("keys?dry_run=true", {"tenant": "boreal"})
    assert api.get("keys?tenant=boreal&owner=ann&limit=10")["data"]
    api.call("DELETE", place, status=204)


def engines_and_models(api):
    engine = {"name": "extra", "url": f"http://{api.sim.address}/v1", "dialect": "vllm"}
    assert api.post("engines?dry_run=true", engine)["action"] == "create"
    api.post("engines", engine, status=201)
    api.post("engines", engine, status=409)
    first, again = (api.call("PUT", "engines/extra", engine) for _ in range(2))
    assert first.headers["etag"] == again.headers["etag"]
    slots = api.call("PUT", "engines/extra", {**engine, "slots": 7})
    assert slots["slots"] == 7 and slots.headers["etag"] != first.headers["etag"]
    wait_for(lambda: api.get("engines/extra")["slots"] == 7)
    assert api.post("engines/extra/stop?dry_run=true", {"grace_s": 5})["after"]["out_of_service"] is True
    assert api.post("engines/extra/stop", {})["out_of_service"] is True
    api.post("engines/extra/stop", {"grace_s": 601}, status=400)
    api.post("engines/nobody/stop", {}, status=404)
    api.get("engines/extra/log", status=409)
    assert api.post("engines/extra/start")["out_of_service"] is False
    api.call("PUT", "engines/more", {**engine, "name": "more"}, status=201)
    api.call("DELETE", "engines/more", status=204)
    assert api.get("engines/extra")["managed_by"] == "api"
    assert {each["name"] for each in api.get("engines")["data"]} == {"near", "far", "extra"}
    model = {"name": "org/made", "engine": "extra", "engine_model": "sim", "tenants": ["aurora"],
             "commit_after": "never"}
    api.post("models", model, status=201)
    place = "models/" + quoted("org/made")
    assert api.call("PATCH", place, {"tenants": None, "total_timeout": "2m"})["total_timeout"] == "120s"
    assert api.call("PUT", place, model)["tenants"] == ["aurora"]
    api.get(place)
    api.get("models")
    api.call("DELETE", "engines/extra", status=409)
    api.call("PUT", "engines/extra", {**engine, "slots": 8}, status=409)
    api.call("PUT", "engines/extra", {**engine, "slots": 7})
    api.call("DELETE", place, status=204)
    api.call("DELETE", "engines/extra", status=204)


def artifacts(api):
    digest = "ab" * 32
    made = {"name": "tiny", "version": "1.0", "format": "gguf", "digest": digest, "bytes": 4, "licence": "mit",
            "labels": {"team": "a"}}
    api.post("artifacts", made, status=409)  # its file is not there
    folder = api.data / "models"
    folder.mkdir()
    (folder / f"{digest}.gguf").write_bytes(b"GGUF")
    assert api.post("artifacts?dry_run=true", made)["action"] == "create"
    one = api.post("artifacts", made, status=201)
    assert one["artifact"] == "tiny@1.0" and one["stage"] == "draft" and one["test"] is None
    place = "artifacts/" + quoted("tiny@1.0")
    assert api.call("PATCH", place, {"owner": "ann"})["owner"] == "ann"
    assert api.get(place)["owner"] == "ann"
    api.post(place + "/tests", {"set": "s", "model": "small-v1", "results": [{"name": "a", "passed": True}]}, status=400)
    api.post("models", {"name": "served", "engine": "near", "engine_model": "sim", "artifact": "tiny@1.0"}, status=201)
    assert api.post(place + "/move", {"stage": "testing", "tenants": ["aurora"]})["tenants"] == ["aurora"]
    api.post(place + "/move", {"stage": "released", "tenants": None}, status=409)
    case = {"name": "hello", "passed": True, "failures": [], "output_tokens": 3, "ms": 12}
    assert api.post(place + "/tests", {"set": "s", "model": "served", "results": [case]}, status=201)["passed"] == 1
    assert api.get(place + "/tests")["data"][0]["results"] == [case]
    assert api.post(place + "/move?dry_run=true", {"stage": "released", "tenants": None})["action"] == "change"
    api.post(place + "/move", {"stage": "released", "tenants": None})
    later = api.post(place + "/move", {"stage": "deprecated", "retires_at": "2100-01-01T00:00:00Z"})
    assert later["retires_at"].startswith("2100-01-01")
    api.post(place + "/move", {"stage": "retired"}, status=409)
    api.call("DELETE", place, status=409)
    assert len(api.get("artifacts?stage=deprecated&name=tiny")["data"]) == 1
    draft = api.post("artifacts", {**made, "version": "1.1"}, status=201)
    api.call("DELETE", f"artifacts/{draft['id']}", status=204)
    assert (folder / f"{digest}.gguf").exists()  # the other one has it still


def routes_and_rollouts(api):
    versions = [{"model": "small-v1", "weight": 1}, {"model": "small-v2", "stage": "canary"}]
    route = {"name": "made", "versions": versions}
    api.post("routes", route, status=201)
    full = {**route, "sticky": "tenant", "grey": {"name": "beta", "version": "small-v2", "tenants": ["aurora"]},
            "conditions": [{"name": "new", "version": "small-v2",
                            "headers": [{"name": "x-new", "value": "1"}]}],
            "mirror": {"version": "small-v2", "share": 12.5}, "fallbacks": [{"model": "small-v3"}],
            "timeouts": {"first_token": "5s", "total": "60s"}}
    tried = api.call("PUT", "routes/made?dry_run=true", full)
    assert {each["member"] for each in tried["changes"]} >= {"sticky", "grey", "mirror"}
    api.call("PUT", "routes/made", full)
    assert api.call("PATCH", "routes/made", {"mirror": None})["mirror"] is None
    api.get("routes/made/mirror", status=404)
    api.get("routes/made")
    api.get("routes")
    started = api.post("rollouts", {"route": "made", "candidate": "small-v2", "steps": ["5%:10m", "50%:30m"],
                                    "gates": ["error_rate:1%", "ttft:41%:p95<2s"]}, status=201)
    assert started["state"] == "waiting"
    api.post("rollouts", {"route": "made", "candidate": "small-v2"}, status=409)
    assert api.post("rollouts/made/pause?dry_run=true", {})["action"] == "change"
    for verb in ("pause", "resume", "promote"):
        api.post(f"rollouts/made/{verb}")
    api.post("rollouts/made/abort", {"reason": "it was a try"}, status=409)
    api.post("rollouts", {"route": "small", "candidate": "small-v2"}, status=201)
    assert api.post("rollouts/small/abort", {"reason": "it was a try"})["state"] == "rolled_back"
    api.get("rollouts/small")
    assert len(api.get("rollouts")["data"]) == 2
    api.call("DELETE", "routes/made", status=204)
    api.call("DELETE", "routes/small", status=409)


def limits(api):
    limit = {"tenant": "boreal", "measure": "money", "window": "month", "amount": "250.5"}
    made = api.call("PUT", "limits", limit, status=201)
    assert api.call("PUT", "limits", {**limit, "amount": 300})["amount"] == "300.00"
    api.post("limits", limit, status=409)
    api.call("PUT", "limits?dry_run=true", {**limit, "amount": 400})
    api.post("limits", {"tenant": "boreal", "user": "*", "measure": "concurrency", "amount": 2}, status=201)
    api.post("limits", {"pool": "gpu", "measure": "requests", "window": "minute", "amount": 100,
                        "rolling": True}, status=201)
    assert api.call("PATCH", f"limits/{made['id']}", {"name": "cap", "shadow": True})["name"] == "cap"
    api.get("limits/cap")
    assert len(api.get("limits?tenant=boreal")["data"]) == 2
    api.get("limits")
    api.call("DELETE", "limits/cap", status=204)


def prices_and_pools(api):
    price = api.get("prices?model=small-v1")["data"][0]
    api.get(f"prices/{price['id']}")
    share = {"tenant": "boreal", "guaranteed": "0.25", "weight": 2, "cohort": "east"}
    api.post("pools/gpu/set", share, status=201)
    assert api.post("pools/gpu/set", {"tenant": "boreal", "cohort": None})["cohort"] is None
    tried = api.post("pools/gpu/set?dry_run=true", {"tenant": "boreal", "weight": 3})
    assert tried["changes"] == [{"member": "weight", "before": "2", "after": "3"}]
    api.get("pools")
    api.get("pools?pool=gpu")
    api.get("pools/gpu")
    api.post("pools/gpu/remove", {"tenant": "boreal"}, status=204)
    api.post("pools/gpu/remove", {"tenant": "boreal"}, status=404)


def reports(api):
    request = api.ask()
    for form in ("json", "text"):
        api.get(f"requests/{request}?format={form}")
    listed = api.get("requests?tenant=aurora&model=small&status=completed&limit=1")
    assert listed["data"][0]["id"] == request
    api.get(f"requests?after={listed['next']}&since=2026-01-31T12:00:00Z")
    api.get("requests?tenant=nobody", status=404)
    assert api.get("live")["engines"]
    api.get("live?tenant=aurora")
    assert api.get("events?kind=key.*&limit=2")["data"]
    api.get("events?severity=warning")
    api.get("events?severity=bad", status=400)
    groups = ("model", "key", "project", "user", "cost_centre", "day", "month", "engine", "tenant",
              "revision", "price")
    for group in groups:
        assert api.get(f"usage?by={group}")["data"]
    for form in ("json", "csv", "text"):
        api.get(f"usage?tenant=aurora&format={form}")
        api.get(f"usage/forecast?tenant=aurora&format={form}")
    api.get("usage?by=day&chart=cost&width=60")
    month = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m")
    adjustment = {"id": "outage", "amount": "-0.5", "reason": "outage"}
    api.post("statements/aurora/adjustments", adjustment, status=201)
    api.post("statements/aurora/adjustments", {**adjustment, "amount": "1"}, status=409)
    for form in ("json", "csv", "text", "html"):
        api.get(f"statements/aurora/{month}?format={form}")
    api.get("statements/aurora/2001-01", status=404)
    assert api.post("ledger/verify")["clean"]
    api.post("ledger/verify?format=text")
    assert api.get("system")["ready"]
    assert api.get("routes/small/mirror")["version"] == "small-v3"


def audit(api):
    page = api.get("audit/entries?limit=3&action=key.*")
    assert page["data"] and api.get(f"audit/entries?limit=3&after={page['next']}")["data"]
    request = api.ask()
    wait_for(lambda: api.send("GET", f"/api/v1/audit/entries/{request}").status == 200)
    shown = api.get(f"audit/entries/{request}")
    assert shown["entry"]["kind"] == "request"
    index = next(each["index"] for each in api.get("audit/entries?action=tenant.create")["data"])
    assert "actor" in api.get(f"audit/entries/{index}?detail=true")["detail"]
    api.get(f"audit/entries/{index}/proof")
    api.get("audit/entries/0")
    size = api.get("audit/checkpoint")["size"]
    assert api.get(f"audit/export?tenant=aurora&size={size}")["data"]
    ann = {"tenant": "aurora", "subject": "ann", "reason": "a claim"}
    assert api.post("audit/hold", ann)["known"] is False
    api.post("audit/hold", ann, status=409)
    assert len(api.get("audit/holds?tenant=aurora")["data"]) == 1
    api.post("audit/erase", {"tenant": "aurora", "subject": "ann"}, status=409)
    api.post("audit/release", ann)
    assert api.post("audit/erase", {"tenant": "aurora", "subject": "ann"})["log_key"]
    api.post("audit/erase", {"tenant": "aurora", "subject": "nobody"}, status=404)
    api.post("audit/witnessed", {"note": "no note"}, status=400)
    api.post("audit/backup", {"created_at": "2027-01-31T12:00:00Z", "ledger_seq": 1})
    api.post("audit/rotate-key", {"reason": "every year"})
    api.get("audit/holds")


def people(api):
    login = {"login": "ann@example.org", "password": "correct horse battery 7"}
    ann = api.post("users", {**login, "display_name": "Ann"}, status=201)
    role = {"user": ann["id"], "role": "tenant-admin", "tenant": "boreal"}
    membership = api.post("memberships", role, status=201)
    api.post("memberships", role, status=409)
    place = f"users/{ann['id']}"
    assert api.call("PATCH", place, {"display_name": "Ann B."})["display_name"] == "Ann B."
    assert api.get(place)["memberships"]
    assert api.get("users?tenant=boreal")["data"]
    assert api.get("memberships?user=ann@example.org")["data"]
    api.get(f"memberships/{membership['id']}")
    assert api.get("session")["user"] is None

    nobody = {"Authorization": None}
    api.post("sessions", {**login, "password": "wrong"}, status=401, **nobody)
    signed_in = api.post("sessions", login, status=201, **nobody)
    cookie = {"Cookie": signed_in.headers["set-cookie"].split(";")[0], **nobody}
    writes = {**cookie, "x-sm-csrf": signed_in["csrf_token"]}
    assert api.get("session", **cookie)["user"]["id"] == ann["id"]
    assert [each["slug"] for each in api.get("tenants", **cookie)["data"]] == ["boreal"]
    api.get("tenants/aurora", status=404, **cookie)
    api.call("PUT", "tenants/boreal", {"slug": "boreal"}, status=403, **writes)
    api.call("PUT", "tenants/aurora", {"slug": "aurora"}, status=403, **writes)
    tried = api.post("keys?dry_run=true", {"tenant": "boreal"}, **writes)
    assert tried["action"] == "create"
    api.post("keys?dry_run=true", {"tenant": "aurora"}, status=404, **writes)
    api.post("keys", {"tenant": "boreal"}, status=403, **cookie)  # without x-sm-csrf
    session = api.get(place + "/sessions")["data"][0]
    api.call("DELETE", "session", status=204, **writes)
    api.get("session", status=401, **cookie)
    api.post("sessions", login, status=201, **nobody)
    session = api.get(place + "/sessions")["data"][0]
    api.call("DELETE", f"{place}/sessions/{session['id']}", status=204)
    api.call("DELETE", place + "/sessions", status=204)

    robot = api.post("users", {"login": "robot", "kind": "service", "role": "tenant-admin",
                               "tenant": "boreal"}, status=201)
    made = api.post("users/robot/tokens", {"name": "ci", "days": 30}, status=201)
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert api.get("session", **bearer)["user"]["id"] == robot["id"]
    assert api.get("keys", **bearer).status == 200
    api.post("users/robot/tokens", {"name": "more"}, status=403, **bearer)
    listed, = api.get("users/robot/tokens")["data"]
    assert listed["id"] == made["id"] and listed["used_at"] and "token" not in listed
    api.post("users/robot/tokens", {"name": "ci"}, status=409)
    place_of = f"users/robot/tokens/{made['id']}"
    api.call("DELETE", place_of, status=412, **{"If-Match": '"1"'})
    api.call("DELETE", place_of, status=204)
    api.get("keys", status=401, **bearer)
    assert {each["name"] for each in api.get("roles")["data"]} >= {"auditor", "tenant-admin"}
    given = api.post("memberships", {"user": "robot", "role": "auditor"}, status=201)
    etag = api.get("users/robot").headers["etag"]
    api.call("DELETE", f"memberships/{given['id']}", status=204)
    api.call("DELETE", "users/robot", status=412, **{"If-Match": etag})
    api.call("DELETE", "users/robot", status=204)

    shown = api.get("config")
    assert shown["config"]["tenants"][0]["keys"][0]["secret"] == "env:OPENAPI_KEY"
    assert api.key not in str(shown.body) and shown["refused"] is None

    token = api.post("setup/token", status=201)["token"]
    first = {"login": "root@example.org", "password": "another horse battery 8"}
    api.post("setup", {**first, "token": "wrong"}, status=401, **nobody)
    api.post("setup", {**first, "token": token}, status=201, **nobody)
    api.call("DELETE", f"memberships/{membership['id']}", status=204)
    api.call("DELETE", place, status=204)


def webhooks(api):
    made = {"name": "pager", "url": "http://127.0.0.1:9/hooks/a", "events": ["*"]}
    assert api.post("webhooks?dry_run=true", made)["action"] == "create"
    one = api.post("webhooks", made, status=201)
    assert one["tenant"] is None and one["secret"].startswith("whsec_")
    api.post("webhooks", made, status=409)
    for wrong in ({"url": "http://127.0.0.1:9/"}, {"url": "https://example.org/"}, {"events": ["budget.*"]},
                  {"events": []}, {"name": "x"}, {"tenant": 7}):
        api.post("webhooks", {**made, "name": "other", **wrong}, status=400)
    api.post("webhooks", {**made, "tenant": "nobody"}, status=404)
    theirs = api.post("webhooks", {**made, "tenant": "boreal", "enabled": False}, status=201)
    assert theirs["state"] == "disabled"
    place = f"webhooks/{theirs['id']}"
    api.post(place + "/test", status=409)
    assert api.get("webhooks?tenant=boreal")["data"][0]["id"] == theirs["id"]
    api.get("webhooks?tenant=nobody", status=404)
    shown = api.get("webhooks/pager")
    assert "secret" not in shown.body and shown["state"] in ("ok", "failing")
    etag = shown.headers["etag"]
    assert api.post("webhooks/pager/rotate")["secret"] != one["secret"]
    assert "secret" not in api.post("webhooks/pager/rotate?dry_run=true")["after"]
    api.call("PATCH", "webhooks/pager", {"enabled": True}, status=412, **{"If-Match": etag})
    assert api.call("PATCH", "webhooks/pager", {"events": ["key.*", "limit.threshold"]})["events"] == [
        "key.*", "limit.threshold"]
    assert api.call("PUT", "webhooks/pager", made)["events"] == ["*"]
    api.call("PUT", "webhooks/pager", {"name": "pager"}, status=400)
    api.call("PUT", "webhooks/nobody", made, status=404)
    assert api.post("webhooks/pager/test", status=202)["name"] == "pager"
    assert api.post("webhooks/pager/test?dry_run=true")["dry_run"]
    assert api.call("DELETE", "webhooks/pager?dry_run=true")["action"] == "delete"
    api.call("DELETE", "webhooks/pager", status=204)
    api.get("webhooks/pager", status=404)


def gone(api):
    api.call("DELETE", "tenants/boreal", status=204)
    api.get("tenants/boreal", status=404)


def test_every_operation_answers_as_it_is_described(world):
    for part in (tenants, projects, tenant_settings, keys, engines_and_models, artifacts, routes_and_rollouts, limits,
                 prices_and_pools, reports, audit, people, webhooks, gone):
        part(world)
    fine = {name for name, statuses in world.met.items() if any(each < 400 for each in statuses)}
    # A cosignature needs a witness, whom tests/e2e/test_audit.py has; a log an engine of ours, as in test_engines.py.
    elsewhere = {"addWitnessed", "getEngineLog"}
    missing = {each["operationId"] for _, _, each in document.operations()} - fine - elsewhere
    assert not missing, missing


def test_what_is_not_described_is_refused(world):
    """Paths, methods, members, parameters, types of body; each with an error of the one form."""
    error = {"$ref": "#/components/schemas/Error"}

    def refused(status, method, path, body=None, **headers):
        answer = world.send(method, "/api/v1/" + path, body, **headers)
        assert answer.status == status, (method, path, answer.status, answer.body)
        document.check(answer.body, error)
        return answer

    refused(404, "GET", "nothing")
    refused(404, "GET", "tenants/")
    refused(405, "DELETE", "tenants")
    refused(400, "GET", "tenants?colour=red")
    refused(400, "GET", "tenants?after=")
    refused(400, "POST", "tenants", {"slug": "good", "colour": "red"})
    refused(400, "POST", "audit/backup?dry_run=true", {"created_at": "2027-01-31T12:00:00Z"})
    refused(401, "GET", "tenants", Authorization=None)
    refused(401, "GET", "tenants", Authorization="Bearer wrong")
    refused(412, "POST", "tenants", {"slug": "good"}, **{"If-Match": "*"})
    refused(413, "POST", "tenants", b"[" + b"0," * (1 << 19) + b"0]")
    refused(414, "GET", "tenants?after=" + "a" * 9000)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", None):
        refused(415, "POST", "tenants", b'{"slug":"good"}', **{"Content-Type": kind})
    refused(415, "POST", "tenants", b"..", **{"Content-Encoding": "gzip"})
    refused(404, "GET", "tenants/good")


@pytest.mark.parametrize("path", sorted(document.load()["paths"]))
def test_other_methods_are_told_the_right_ones(world, path):
    target = path.replace("{", "").replace("}", "")
    methods = set(document.load()["paths"][path]) & set(document.METHODS)
    allowed = {each.upper() for each in methods} | ({"HEAD"} if "get" in methods else set())
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - allowed:
        answer = world.send(method, target)
        assert answer.status == 405, (method, answer.status, answer.body)
        told = set(answer.headers["allow"].split(", "))
        # HTTP itself refuses what it does not know, before anybody looks at the path.
        assert told == allowed if method != "TRACE" else told >= allowed


def test_what_can_be_read_answers_head(world):
    for path in ("tenants", "tenants/aurora", "usage", "system"):
        full, head = (world.send(method, "/api/v1/" + path) for method in ("GET", "HEAD"))
        assert (head.status, head.body) == (200, "")
        for name in ("content-type", "etag", "cache-control"):
            assert head.headers.get(name) == full.headers.get(name)
    assert world.send("HEAD", "/api/v1/tenants/nobody").status == 404
