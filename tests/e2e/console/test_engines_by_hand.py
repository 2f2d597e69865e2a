"""An operator stops the real engine, reads what it wrote, and starts it again."""

import pytest
from mesh import wait_for

TINY = "sovmesh-tiny"


@pytest.fixture
def tiny(gateway):
    gateway.ready("tiny")
    yield "tiny"
    gateway.api("POST", "engines/tiny/start")
    gateway.ready("tiny")


def test_the_real_engine_is_stopped_and_started(person, gateway, tiny):
    page = person.sign_in_as("olga@platform", f"engines/{tiny}").page
    person.title(tiny)
    assert gateway.chat(model=TINY, max_tokens=4)[0] == 200
    page.get_by_text(" MiB").first.wait_for()  # of its process

    person.press("Stop")
    person.box().get_by_label("Seconds for what runs there").fill("5")
    assert person.axe() == []
    person.press("Stop", person.box())
    page.get_by_text("stopped by an administrator").wait_for()
    wait_for(lambda: gateway.api("GET", "engines/tiny")["state"] == "stopped", 20)
    page.locator("main").get_by_text("stopped", exact=True).wait_for()
    assert page.get_by_role("button", name="Stop", exact=True).count() == 0
    assert gateway.chat(model=TINY, max_tokens=4)[0] == 503
    assert gateway.api("GET", "engines/tiny")["state"] == "stopped", "no request wakes it"

    person.press("Start")
    person.press("Start", person.box())
    page.locator("main").get_by_text("ready", exact=True).wait_for(timeout=60_000)
    assert gateway.chat(model=TINY, max_tokens=4)[0] == 200


def test_a_cancelled_question_stops_nothing(person, gateway, tiny):
    person.sign_in_as("olga@platform", "engines")
    person.press("Stop tiny")
    person.press("Cancel", person.box())
    assert gateway.api("GET", "engines/tiny")["out_of_service"] is False


def test_what_was_asked_about_stays_the_same_while_the_list_changes(person, gateway):
    def add(name):
        gateway.api("POST", "engines", {"name": name, "url": f"http://{gateway.engines[0].address}/v1", "slots": 1})
    add("middle")
    try:
        page = person.sign_in_as("olga@platform", "engines").page
        person.press("Stop middle")
        add("aaa")  # it comes first
        page.locator("table tbody tr").first.get_by_text("aaa").wait_for(state="attached")
        assert person.box().get_by_role("heading").inner_text() == "Stop middle"
        person.press("Stop", person.box())
        person.box().wait_for(state="detached")
        stopped = [one["name"] for one in gateway.api("GET", "engines")["data"] if one.get("out_of_service")]
        assert stopped == ["middle"]
    finally:
        for one in gateway.api("GET", "engines")["data"]:
            if one["name"] in ("middle", "aaa"):
                gateway.api("DELETE", f"engines/{one['name']}")


def test_the_log_says_what_it_withholds_and_never_a_prompt(person, gateway, tiny):
    secret = "zanzibar marmalade"
    assert gateway.chat(model=TINY, text=secret, max_tokens=4)[0] == 200
    page = person.sign_in_as("olga@platform", f"engines/{tiny}").page
    person.press("Show the log")
    log = page.get_by_role("region", name="Log").locator("pre")
    log.wait_for()
    assert "may quote requests" in log.inner_text()
    assert secret not in page.locator("main").inner_text()
    assert person.axe() == []
    withheld = gateway.api("GET", "engines/tiny/log")["withheld"]
    assert page.get_by_text("lines are withheld").count() == min(withheld, 1)


def test_how_much_of_the_log_is_withheld_is_said(person, gateway):
    page = person.sign_in_as("olga@platform", "engines/tiny").page
    page.route("**/api/v1/engines/tiny/log", lambda call: call.fulfill(json={"name": "tiny", "lines": ["ready"], "withheld": 12}))
    person.press("Show the log")
    page.get_by_text("12 lines are withheld.").wait_for()


def test_who_only_looks_has_no_buttons_and_no_log(person, gateway, tiny):
    page = person.sign_in_as("audrey@platform", f"engines/{tiny}").page
    person.title(tiny)
    page.get_by_text("Memory", exact=True).wait_for()
    for name in ("Stop", "Start", "Show the log"):
        assert page.get_by_role("button", name=name, exact=True).count() == 0
    audrey = gateway.sign_in("audrey@platform")
    assert audrey.status("POST", "engines/tiny/stop", {}) == 403
    assert audrey.status("GET", "engines/tiny/log") == 403
