"""Every view, looked at: nothing is too wide, nobody is kept out, and few requests make a page."""

from browser import PHONE, Person
from gateway import TINY

VIEWS = {
    "overview": "overview", "tenants": "tenants", "tenant": "tenants/aurora", "models": "models",
    "model": "models/llama-v1", "engines": "engines", "engine": "engines/gpu-1", "routes": "routes",
    "route": "routes/llama", "pools": "pools", "limits": "limits", "usage": "usage?by=model&tenant=aurora",
    "statement": "statements/aurora/{month}", "requests": "requests", "audit": "audit",
    "audit-entry": "audit/2", "audit-verifying": "audit/verify", "nothing": "nothing",
}


def look_at_all(person, gateway, suffix):
    for _ in range(3):
        gateway.chat()
    month = gateway.api("GET", "usage?tenant=aurora&by=month")["data"][-1]["group"]
    person.sign_in()
    faults = {}
    for name, path in VIEWS.items():
        person.open(path.format(month=month))
        person.page.get_by_role("heading", level=1).first.wait_for()
        person.settled()
        if suffix != "-dark" or name == "overview":
            person.picture(name + suffix)
        wide = person.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} is {wide} px wider than the screen"
        found = person.axe()
        if found:
            faults[name] = found
    key = gateway.api("GET", "keys?tenant=aurora")["data"][0]["id"]
    person.open(f"keys/{key}")
    person.settled()
    if suffix != "-dark":
        person.picture("key" + suffix)
    if found := person.axe():
        faults["key"] = found
    assert faults == {}


def test_every_view_in_the_light(person, gateway):
    look_at_all(person, gateway, "")


def test_every_view_in_the_dark(chromium, gateway):
    one = Person(chromium, gateway, color_scheme="dark")
    look_at_all(one, gateway, "-dark")
    one.leave()


def test_every_view_on_a_phone(chromium, gateway):
    one = Person(chromium, gateway, viewport=PHONE, has_touch=True, is_mobile=True)
    look_at_all(one, gateway, "-phone")
    one.leave()


def test_boxes_and_the_door_have_no_serious_fault(person, gateway):
    person.page.goto(f"{gateway.url}/console/overview")
    person.title("Sign in")
    faults = person.axe()
    person.sign_in("tenants/northwind" if any(
        one["slug"] == "northwind" for one in gateway.api("GET", "tenants")["data"]) else "tenants/aurora")
    person.page.get_by_role("button", name="Create key").first.click()
    person.box().wait_for()
    faults += person.axe()
    assert faults == []
