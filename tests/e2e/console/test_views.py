"""Every view, looked at: nothing is too wide, nobody is kept out, and few requests make a page."""

import pytest

from browser import PHONE, Person
from gateway import TINY

VIEWS = {
    "overview": "overview", "playground-empty": "playground", "tenants": "tenants", "tenant": "tenants/aurora",
    "users": "users", "user": "users/{user}", "models": "models", "model": "models/llama-v1", "artifacts": "artifacts",
    "artifact-draft": "artifacts/looked-at@1.0", "engines": "engines",
    "engine": "engines/tiny", "routes": "routes", "route": "routes/llama", "pools": "pools", "limits": "limits",
    "usage": "usage?by=model&tenant=aurora", "statement": "statements/aurora/{month}", "requests": "requests",
    "request": "requests/{request}", "events": "events", "webhooks-empty": "webhooks", "audit": "audit", "audit-entry": "audit/2",
    "audit-verifying": "audit/verify", "key": "keys/{key}", "settings": "settings", "account": "account", "nothing": "nothing",
}
CALLS_MAX = 10  # of the API, for one view


@pytest.fixture(scope="module")
def places(gateway):
    """Where there is something to see."""
    gateway.ready("tiny")
    gateway.import_model("looked-at@1.0", "--owner", "ml-team")
    requests = [gateway.chat(model=model, session=f"look-{i}")[1] for i, model in enumerate(("llama", "llama", TINY))]
    names = {
        "month": gateway.api("GET", "usage?tenant=aurora&by=month")["data"][-1]["group"],
        "user": gateway.api("GET", "users/ann@aurora")["id"],
        "key": gateway.api("GET", "keys?tenant=aurora")["data"][0]["id"],
        "request": requests[-1],
    }
    return {name: path.format(**names) for name, path in VIEWS.items()}


def look_at_all(person, places, suffix="", kept=lambda _: False):
    faults = {}
    for name, path in places.items():
        before = len(person.asked)
        person.open(path)
        person.page.get_by_role("heading", level=1).first.wait_for()
        person.settled()
        calls = [url for _, url in person.asked[before:] if "/api/v1/" in url]
        assert len(calls) <= CALLS_MAX, f"{name} asks {len(calls)} times: {calls}"
        if kept(name):
            person.picture(name + suffix)
        wide = person.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} is {wide} px wider than the screen"
        assert person.page.locator("a[href*=undefined], a[href*=null]").count() == 0, f"{name} has a link to nothing"
        if found := person.axe():
            faults[name] = found
    assert faults == {}


def test_every_view_in_the_light(person, places):
    look_at_all(person.sign_in(), places, "", lambda name: name != "account")  # test_people.py has one


def test_every_view_in_the_dark(chromium, gateway, places):
    one = Person(chromium, gateway, color_scheme="dark").sign_in()
    look_at_all(one, places, "-dark", lambda name: name in ("overview", "users", "events", "requests", "settings"))
    one.leave()


def test_every_view_on_a_phone(chromium, gateway, places):
    one = Person(chromium, gateway, viewport=PHONE, has_touch=True, is_mobile=True).sign_in()
    look_at_all(one, places, "-phone", lambda name: name != "account")
    one.leave()


def test_every_view_of_a_tenants_administrator(person, places):
    """With what is his: where something is not, it says so and asks no more often."""
    look_at_all(person.sign_in_as("ann@aurora"), places)


def test_every_view_of_a_developer(person, places):
    look_at_all(person.sign_in_as("dave@aurora"), places)


def test_every_view_in_danish(person, places):
    person.sign_in()
    person.page.get_by_label("Language").select_option("da")
    person.title("Overblik")
    for name in ("users", "user", "artifact-draft", "requests", "events", "webhooks-empty", "settings", "account"):
        person.open(places[name])
        person.page.get_by_role("heading", level=1).first.wait_for()
        person.settled()
    person.open("overview")
    person.settled()
    person.picture("overview-danish")
    person.page.get_by_label("Sprog").select_option("en")


def test_boxes_and_the_door_have_no_serious_fault(person, gateway):
    person.page.goto(f"{gateway.url}/console/overview")
    person.title("Sign in")
    faults = person.axe()
    person.sign_in("tenants/aurora")
    for path, button in (("tenants/aurora", "Create key"), ("users", "Create user"), ("limits", "Set a limit")):
        person.open(path)
        person.settled()
        person.page.get_by_role("button", name=button).first.click()
        person.box().wait_for()
        faults += person.axe()
        person.press("Cancel", person.box())
    assert faults == []
