"""Webhooks at the console: made, tested, told, given a new secret, switched off and deleted."""

import base64
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from browser import PHONE, Person
from gateway import Gateway
from mesh import wait_for
from receiver import Receiver, signature
from test_views import CALLS_MAX

NOWHERE = "http://127.0.0.1:9"


def key_of(secret):
    return base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()


def signed(secret, receiver):
    """Bodies of what it has taken that is signed with this secret."""
    def is_signed(head, body):
        head = {name.lower(): value for name, value in head.items()}
        return signature(key_of(secret), head["webhook-id"], head["webhook-timestamp"], body) in head["webhook-signature"].split(" ")
    return [body for head, body in list(receiver.taken) if is_signed(head, body)]


@pytest.fixture(scope="module")
def receiver():
    with Receiver(refusals=0) as running:
        yield running


@pytest.fixture(scope="module")
def told(receiver, tmp_path_factory):
    """A server whose file allows the receiver, and an address at which nobody listens."""
    origin = receiver.url.rsplit("/", 1)[0]
    running = Gateway(tmp_path_factory.mktemp("webhooks"), f'webhooks: {{allowed: ["{origin}", "{NOWHERE}"]}}\n')
    running.make_people()
    yield running
    running.stop()


@pytest.fixture
def guest(chromium, told):
    one = Person(chromium, told)
    yield one
    one.leave()


def make(person, name, url, whose=None, *events):
    person.page.get_by_role("button", name="Create webhook", exact=True).first.click()
    box = person.box()
    if whose is not None:
        box.get_by_label("Whose events").select_option(whose)
    box.get_by_label("Name").fill(name)
    box.get_by_label("Address").fill(url)
    if events:
        box.get_by_label("Events", exact=True).fill(", ".join(events))
    person.press("Create", box)


def made(gateway, name, url, events=("limit.*",), **more):
    return gateway.api("POST", "webhooks", {"name": name, "url": url, "events": list(events), **more})


def test_a_tenant_admin_gets_told_of_a_budget(guest, told, receiver):
    page = guest.sign_in_as("ann@aurora", "webhooks").page
    make(guest, "budget-alerts", receiver.url)
    secret = guest.box().get_by_label("Secret", exact=True).inner_text()
    assert guest.axe() == []
    guest.picture("webhook-created", full_page=False)
    guest.press("I have copied it", guest.box())
    assert page.get_by_text(secret).count() == 0  # once
    page.get_by_role("link", name="budget-alerts").click()
    guest.title("budget-alerts")

    guest.press("Send a test")
    page.get_by_text("Delivered: the receiver answered 204.").wait_for(timeout=20_000)
    assert len(signed(secret, receiver)) == 1

    told.api("POST", "limits", {"tenant": "aurora", "user": "ada", "measure": "requests", "window": "day", "amount": 2})
    assert told.chat()[0] == 200
    wait_for(lambda: any(b"threshold" in body for body in signed(secret, receiver)), 20)
    delivered = page.get_by_role("region", name="Deliveries").locator("dl.figures div").filter(has_text="Delivered").locator("dd")
    wait_for(lambda: int(delivered.inner_text()) >= 2, 20)
    guest.settled()
    guest.picture("webhook")
    assert guest.axe() == []


def test_an_address_that_the_file_does_not_allow_is_refused_with_the_reason(guest, told):
    guest.sign_in_as("ann@aurora", "webhooks")
    make(guest, "elsewhere", "https://elsewhere.example/hook")
    guest.box().get_by_role("alert").get_by_text("allowed").first.wait_for()
    guest.box().get_by_label("Events", exact=True).fill("limit*")
    assert guest.box().get_by_role("button", name="Create").is_disabled()
    guest.press("Cancel", guest.box())
    assert "elsewhere" not in [one["name"] for one in told.api("GET", "webhooks")["data"]]


def test_a_test_says_what_is_wrong_with_the_receiver(guest, told):
    hook = made(told, "nobody-there", f"{NOWHERE}/hook", tenant="aurora")
    page = guest.sign_in_as("ann@aurora", f"webhooks/{hook['id']}").page
    guest.press("Send a test")
    page.get_by_text("A test is on its way").first.wait_for()
    page.get_by_text("The receiver did not take it").wait_for(timeout=20_000)
    page.get_by_text("failing", exact=True).first.wait_for()


def test_an_operator_hears_of_all_and_gives_a_new_secret(guest, told, receiver):
    page = guest.sign_in_as("olga@platform", "webhooks").page
    make(guest, "operations", receiver.url, "", "engine.*", "rollout.rolled_back")
    first = guest.box().get_by_label("Secret", exact=True).inner_text()
    guest.press("I have copied it", guest.box())
    row = page.get_by_role("table", name="Webhooks").get_by_role("row").filter(has_text="operations")
    assert "engine.*, rollout.rolled_back" in row.inner_text() and "the platform's" in row.inner_text()
    row.get_by_role("link").click()
    guest.title("operations")
    guest.press("New secret")
    guest.press("New secret", guest.box())
    second = guest.box().get_by_label("Secret", exact=True).inner_text()
    assert second != first
    guest.press("I have copied it", guest.box())
    guest.press("Send a test")
    page.get_by_text("Delivered: the receiver answered 204.").wait_for(timeout=20_000)
    wait_for(lambda: told.api("POST", f"webhooks/{page.url.rsplit('/', 1)[1]}/test", {}) and signed(second, receiver), 20, 1)


def test_one_is_changed_switched_off_and_deleted(guest, told, receiver):
    hook = made(told, "short-lived", receiver.url, tenant="aurora")
    page = guest.sign_in_as("ann@aurora", f"webhooks/{hook['id']}").page
    guest.press("Edit")
    guest.box().get_by_label(re.compile(r"^key\.\*")).check()
    guest.press("Save", guest.box())
    guest.box().wait_for(state="detached")
    assert sorted(told.api("GET", f"webhooks/{hook['id']}")["events"]) == ["key.*", "limit.*"]
    guest.press("Disable")
    guest.press("Disable", guest.box())
    page.get_by_text("disabled", exact=True).first.wait_for()
    wait_for(page.get_by_role("button", name="Send a test").is_disabled)
    guest.press("Enable")
    guest.press("Enable", guest.box())
    page.get_by_role("button", name="Disable").wait_for()
    guest.press("Delete")
    assert guest.box().get_by_role("button", name="Delete").is_disabled()
    guest.box().get_by_label("Type short-lived to confirm").fill("short-lived")
    guest.press("Delete", guest.box())
    guest.title("Webhooks")
    assert "short-lived" not in [one["name"] for one in told.api("GET", "webhooks")["data"]]


def test_a_tenants_people_see_their_own_alone(guest, told, receiver):
    theirs = made(told, "of-borealis", receiver.url, tenant="borealis")
    made(told, "of-the-platform", receiver.url)
    mine = made(told, "of-aurora", receiver.url, tenant="aurora")
    page = guest.sign_in_as("ann@aurora", "webhooks").page
    page.get_by_role("link", name="of-aurora").wait_for()
    main = page.locator("main").inner_text()
    assert "of-borealis" not in main and "of-the-platform" not in main and "borealis" not in main
    guest.open(f"webhooks/{theirs['id']}")
    guest.sees("It is not there, or not yours.")
    assert told.sign_in("ann@aurora").status("GET", f"webhooks/{mine['id']}") == 200


def test_the_receiver_to_paste_takes_what_is_signed_and_nothing_else(guest, told, receiver, tmp_path):
    hook = made(told, "pasted", receiver.url, tenant="aurora")
    page = guest.sign_in_as("ann@aurora", f"webhooks/{hook['id']}").page
    program = page.get_by_role("tabpanel", name="Python").locator("pre").inner_text()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert '("", 8000)' in program
    path = tmp_path / "receiver.py"
    path.write_text(program.replace('("", 8000)', f'("127.0.0.1", {port})'))
    child = subprocess.Popen([sys.executable, path], env={**os.environ, "WEBHOOK_SECRET": hook["secret"]},
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def status(secret, moment):
        body, now = b'{"type":"test"}', str(int(moment))
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, {
            "webhook-id": "msg_1", "webhook-timestamp": now, "webhook-signature": signature(secret, "msg_1", now, body)})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return None  # not listening yet

    key = key_of(hook["secret"])
    try:
        wait_for(lambda: status(key, time.time()) == 204, 20)
        assert status(b"another secret...", time.time()) == 401
        assert status(key, time.time() - 3_600) == 401
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("options, suffix", [({}, ""), ({"color_scheme": "dark"}, "-dark"),
                                             ({"viewport": PHONE, "has_touch": True, "is_mobile": True}, "-phone")])
def test_both_views_look_well(chromium, told, receiver, options, suffix):
    hook = made(told, f"looked-at{suffix}", receiver.url)
    one = Person(chromium, told, **options).sign_in()
    for name, path in (("webhooks", "webhooks"), ("webhook", f"webhooks/{hook['id']}")):
        before = len(one.asked)
        one.open(path)
        one.page.get_by_role("heading", level=1).first.wait_for()
        one.settled()
        assert len([url for _, url in one.asked[before:] if "/api/v1/" in url]) <= CALLS_MAX
        assert one.page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0, name
        assert one.axe() == [], name
        if suffix == "-phone" or name == "webhooks" and not suffix:
            one.picture(name + suffix)
    one.leave()
