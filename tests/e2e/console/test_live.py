"""What happens now: the overview's figures, events, the list of requests."""

import json
import re

from browser import Person, digits
from gateway import TINY
from mesh import wait_for

HIDE = """hidden => {
  Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => hidden ? 'hidden' : 'visible'});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def wants_stream(route):
    return route.request.headers.get("accept") == "text/event-stream"


def streams(person, what):
    return [url for _, url in person.asked if re.search(rf"/api/v1/{what}(\?|$)", url)]


def test_an_operator_sees_what_happens_now(person, gateway):
    page = person.sign_in_as("olga@platform").page
    now = page.get_by_role("region", name="Now")
    now.get_by_text("live", exact=True).wait_for()

    def figure(name):
        return now.locator("dl.figures div").filter(has=page.get_by_text(name, exact=True)).locator("dd").inner_text()

    def busy():
        assert gateway.chat(stream=True)[0] == 200
        return figure("Requests a second") != "0"

    wait_for(busy, 20)
    wait_for(lambda: figure("First token, middle") != "–", 20)
    now.get_by_text("The busiest tenants now").click()
    now.get_by_role("cell", name="aurora").wait_for()
    assert now.locator("canvas").count() == 3
    person.picture("overview-live")
    assert person.axe() == []
    assert len(streams(person, "live")) <= 2


def test_nothing_is_read_while_nobody_looks(person, gateway):
    page = person.sign_in_as("olga@platform").page
    now = page.get_by_role("region", name="Now")
    now.get_by_text("live", exact=True).wait_for()
    page.evaluate(HIDE, True)
    now.get_by_text("paused: nobody is looking").wait_for()
    before = len(streams(person, "live"))
    page.evaluate(HIDE, False)
    now.get_by_text("live", exact=True).wait_for()
    assert len(streams(person, "live")) == before + 1


def test_a_tenants_people_see_their_own_figures_alone(person, gateway):
    page = person.sign_in_as("ann@aurora").page
    now = page.get_by_role("region", name="Now")
    now.get_by_text("live", exact=True).wait_for()
    main = page.locator("main").inner_text()
    assert "gpu-1" not in main and "borealis" not in main


def test_an_event_comes_while_somebody_looks_and_leads_to_what_it_is_about(person, gateway):
    page = person.sign_in_as("olga@platform", "events").page
    page.get_by_text("live", exact=True).wait_for()
    made = gateway.api("POST", "keys", {"tenant": "aurora", "display_name": "to be revoked"})
    gateway.api("POST", f"keys/{made['id']}/revoke", {})
    row = page.get_by_role("table", name="Events").get_by_role("row").filter(has_text=made["id"]).first
    row.wait_for()
    person.picture("events")
    assert person.axe() == []
    page.get_by_label("Kind").select_option("engine")
    wait_for(lambda: page.get_by_role("link", name=made["id"]).count() == 0)
    page.get_by_label("Kind").select_option("key")
    page.get_by_label("Severity").select_option("error")
    wait_for(lambda: page.get_by_role("link", name=made["id"]).count() == 0)
    page.get_by_label("Severity").select_option("")
    page.get_by_role("table", name="Events").get_by_role("link").filter(has_text=made["id"]).first.click()
    person.title("to be revoked")
    page.go_back()
    person.title("Events")
    assert page.get_by_label("Kind").input_value() == "key"


def test_events_are_called_live_when_the_stream_is_there_and_not_before(person):
    page, held = person.page, []
    page.route(re.compile(r"/api/v1/events"), lambda route: held.append(route) if wants_stream(route) else route.continue_())
    person.sign_in_as("olga@platform", "events")
    page.get_by_role("table", name="Events").wait_for()
    wait_for(lambda: page.get_by_text("connecting …", exact=True).count() == 1 and held)
    assert page.get_by_text("live", exact=True).count() == 0
    held[0].continue_()
    page.get_by_text("live", exact=True).wait_for()


def test_where_no_stream_is_to_be_had_only_new_events_are_read(person, gateway):
    page = person.page
    full = json.dumps({"error": {"message": "too many streams", "type": "requests", "param": None, "code": "rate_limit_exceeded"}})
    page.route(re.compile(r"/api/v1/events"), lambda route: route.fulfill(status=429, content_type="application/json", body=full)
               if wants_stream(route) else route.continue_())
    person.sign_in_as("olga@platform", "events")
    page.get_by_text("refreshed every 3 s", exact=True).wait_for()
    made = gateway.api("POST", "keys", {"tenant": "aurora", "display_name": "heard of by asking"})
    page.get_by_role("table", name="Events").get_by_role("row").filter(has_text=made["id"]).first.wait_for()
    _, *later = [url for url in streams(person, "events") if "limit=" in url]
    assert later and all("limit=20" in url for url in later), later


def test_a_tenants_people_see_no_events_of_others(person, gateway):
    made = gateway.api("POST", "keys", {"tenant": "borealis", "display_name": "of borealis"})
    gateway.api("POST", f"keys/{made['id']}/revoke", {})
    page = person.sign_in_as("ann@aurora", "events").page
    page.get_by_text("live", exact=True).wait_for()
    main = page.locator("main").inner_text()
    assert made["id"] not in main and "borealis" not in main and "gpu-1" not in main


def test_requests_are_found_by_tenant_model_status_and_time(person, chromium, gateway):
    gateway.ready("tiny")
    _, mine = gateway.chat(model=TINY)
    key = gateway.api("POST", "keys", {"tenant": "borealis"})["key"]
    _, other = gateway.chat(key)
    page = person.sign_in_as("olga@platform", "requests").page
    table = page.get_by_role("table", name="Requests")
    table.get_by_text(mine).wait_for()
    table.get_by_text(other).wait_for()
    page.get_by_label("Tenant").select_option("aurora")
    page.get_by_label("Model", exact=False).first.fill(TINY)
    page.get_by_label("Status").select_option("completed")
    person.press("Search")
    table.get_by_text(mine).wait_for()
    wait_for(lambda: other not in page.locator("main").inner_text())
    assert f"model={TINY}" in page.url
    person.picture("requests")
    page.get_by_label("Before").fill("2026-01-01T00:00")
    person.press("Search")
    person.sees("No request fits")
    page.go_back()
    table.get_by_role("row").filter(has_text=mine).get_by_role("link").click()
    page.get_by_role("heading", name="Timeline").wait_for()

    ann = Person(chromium, gateway).sign_in_as("ann@aurora", "requests")
    ann.page.get_by_role("table", name="Requests").get_by_text(mine).wait_for()
    assert other not in ann.page.locator("main").inner_text()
    ann.leave()


def test_a_developer_finds_out_what_a_request_cost_and_where_its_time_went(person, gateway):
    dave = gateway.sign_in("dave@aurora")
    key = dave.api("POST", "keys", {"tenant": "aurora", "owner": "dave@aurora"})["key"]
    _, request = gateway.chat(key)
    page = person.sign_in_as("dave@aurora", "requests").page
    row = page.get_by_role("table", name="Requests").get_by_role("row").filter(has_text=request)
    row.wait_for()
    assert "dave@aurora" in row.inner_text() and "DKK" in row.inner_text()
    row.get_by_role("link").click()
    person.sees("The parts make exactly the amount that was charged.")
    assert digits(page.get_by_role("table", name="What it cost").get_by_role("row").nth(1).inner_text()) > 0
