"""Webhooks of the admin API: made by the command line, told of a tenant's budget by the real server,
signed, changed, ended, kept over a restart."""

import base64
import json
import subprocess
import urllib.request

import pytest

import mesh as support
from books import Gateway
from mesh import chat, wait_for
from receiver import Receiver, check_signed


def limited(name):
    return {"name": name, "limits": [{"measure": "requests", "window": "day", "amount": 20}]}


@pytest.fixture
def receiver():
    with Receiver(refusals=0) as one:
        yield one


@pytest.fixture
def gateway(tmp_path, receiver):
    origin = receiver.url.rsplit("/", 1)[0]
    running = Gateway(tmp_path, [limited("aurora"), limited("boreal")],
                      webhooks={"allowed": [origin + "/budgets"]})
    yield running
    running.stop()


def run(gateway, *words, code=0):
    done = subprocess.run([support.BINARY, *words, "--data-dir", str(gateway.data)],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done.stderr if code else done.stdout


def made(gateway, *words):
    return json.loads(run(gateway, *words, "--json"))


def use(gateway, tenant, times):
    for _ in range(times):
        request = urllib.request.Request(
            f"http://{gateway.server.address}/v1/chat/completions", json.dumps(chat("hello")).encode(),
            {"Authorization": f"Bearer {gateway.keys[tenant]}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


def key_of(secret):
    assert secret.startswith("whsec_")
    return base64.b64decode(secret.removeprefix("whsec_"))


def types(receiver):
    return [json.loads(body)["type"] for _, body in receiver.taken]


def test_a_tenant_is_told_of_its_own_budget_and_can_tell_that_it_is_ours(gateway, receiver):
    hook = made(gateway, "webhook", "create", "budgets", "--tenant", "aurora", "--url", receiver.url,
                "--event", "limit.*")
    key = key_of(hook["secret"])
    assert (hook["tenant"], hook["events"], hook["state"]) == ("aurora", ["limit.*"], "ok")
    use(gateway, "boreal", 10)
    use(gateway, "aurora", 16)
    wait_for(lambda: len(receiver.taken) >= 2, seconds=20)
    assert types(receiver) == ["limit.threshold"] * 2
    for headers, body in receiver.taken:
        check_signed(key, headers, body)
        with pytest.raises(AssertionError):  # the check can fail
            check_signed(key, headers, body + b" ")
        event = json.loads(body)
        assert event["data"]["tenant"] == "aurora" and event["timestamp"].endswith("Z")
    assert [json.loads(body)["data"]["data"]["percent"] for _, body in receiver.taken] == [50, 80]
    wait_for(lambda: made(gateway, "webhook", "show", hook["id"])["deliveries"]["delivered"] == 2)
    shown = made(gateway, "webhook", "show", hook["id"])
    assert "secret" not in shown and shown["deliveries"]["last_status"] == 204
    files = [path for path in gateway.data.rglob("*") if path.is_file()]
    assert not [path for path in files if hook["secret"].encode() in path.read_bytes()
                or key in path.read_bytes()], "not in clear anywhere"


def test_changes_are_in_force_at_once_and_a_restart_keeps_them(gateway, receiver):
    run(gateway, "webhook", "create", "pager", "--url", receiver.url, "--event", "disk.*")
    assert "pager" in run(gateway, "webhook", "list")
    run(gateway, "webhook", "update", "pager", "--event", "key.*", "--event", "webhook.test")
    key = key_of(made(gateway, "webhook", "rotate", "pager")["secret"])
    run(gateway, "webhook", "test", "pager")
    wait_for(lambda: types(receiver) == ["webhook.test"])
    run(gateway, "key", "create", "--tenant", "aurora")
    wait_for(lambda: types(receiver) == ["webhook.test", "key.create"])

    gateway.restart()
    run(gateway, "webhook", "test", "pager")
    wait_for(lambda: len(receiver.taken) == 3)
    for headers, body in receiver.taken:
        check_signed(key, headers, body)

    run(gateway, "webhook", "update", "pager", "--disabled")
    assert "disabled" in run(gateway, "webhook", "test", "pager", code=1)
    run(gateway, "webhook", "update", "pager", "--enabled")
    run(gateway, "webhook", "delete", "pager")
    assert "no webhook 'pager'" in run(gateway, "webhook", "show", "pager", code=1)
    run(gateway, "key", "create", "--tenant", "aurora")
    run(gateway, "webhook", "create", "other", "--url", receiver.url + "/other", "--event", "key.*")
    run(gateway, "webhook", "test", "other")
    wait_for(lambda: len(receiver.taken) == 4)
    assert types(receiver)[3] == "webhook.test", "the deleted one is told of nothing"


def test_only_what_the_file_names_is_called(gateway, receiver):
    origin = receiver.url.rsplit("/", 1)[0]
    for url in (origin + "/other", origin + "/budgets-not", "http://169.254.169.254/latest", "unix:/x"):
        why = run(gateway, "webhook", "create", "pager", "--url", url, code=1)
        assert "(url)" in why, why
    assert "webhooks.allowed" in run(gateway, "webhook", "create", "pager", "--url",
                                     "https://evil.example/", code=1)
    why = run(gateway, "webhook", "create", "pager", "--url", receiver.url, "--event", "budget.*", code=1)
    assert "limit.threshold" in why
    run(gateway, "webhook", "create", "pager", "--url", receiver.url)
    gateway.config["webhooks"] = {"allowed": ["https://elsewhere.example"]}
    gateway.write_config()
    gateway.restart()
    assert made(gateway, "webhook", "show", "pager")["state"] == "not_allowed"
    assert "webhooks.allowed" in run(gateway, "webhook", "test", "pager", code=1)
    run(gateway, "key", "create", "--tenant", "aurora")
    assert made(gateway, "webhook", "show", "pager")["deliveries"]["waiting"] == 0
    assert not receiver.attempts


def test_documents_have_no_secret_and_make_a_new_one(gateway, receiver, tmp_path):
    secret = made(gateway, "webhook", "create", "pager", "--url", receiver.url, "--event", "key.*")["secret"]
    run(gateway, "webhook", "create", "budgets", "--tenant", "aurora", "--url", receiver.url, "--disabled")
    folder = tmp_path / "mesh"
    run(gateway, "export", "-o", str(folder))
    text = (folder / "webhooks.yaml").read_text()
    assert "whsec_" not in text and "tenant: aurora" in text and receiver.url in text
    file = str(folder / "webhooks.yaml")
    assert run(gateway, "diff", "-f", file) == ""
    run(gateway, "webhook", "update", "pager", "--event", "disk.*")
    assert "~ webhook pager" in run(gateway, "apply", "-f", file)
    run(gateway, "webhook", "delete", "pager")
    run(gateway, "apply", "-f", file)  # nobody asked for new secrets
    assert [each["name"] for each in made(gateway, "webhook", "list")["data"]] == ["budgets"]
    told = run(gateway, "apply", "-f", file, "--create-keys")
    assert "webhook pager: whsec_" in told and secret not in told
    assert run(gateway, "diff", "-f", file) == ""


def test_deliveries_are_counted(gateway, receiver):
    run(gateway, "webhook", "create", "pager", "--url", receiver.url)
    run(gateway, "webhook", "test", "pager")
    wait_for(lambda: types(receiver) == ["webhook.test"])
    address = gateway.server.ready["metrics_listen"][0]

    def delivered():
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return 'sm_webhook_deliveries_total{webhook="api",outcome="delivered"} 1' in text
    wait_for(delivered)
