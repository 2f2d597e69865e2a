"""Models, engines, routes and rollouts, made and changed at the console. Nothing is done before it was shown."""

from browser import PHONE, Person
from mesh import wait_for


def writes(person, what):
    """The calls that changed something, those that only tried left out."""
    return [(method, url.rsplit("/api/v1/", 1)[1]) for method, url in person.asked
            if method != "GET" and f"/api/v1/{what}" in url and "dry_run" not in url]


def names(gateway, what):
    return [one["name"] for one in gateway.api("GET", what)["data"]]


def test_the_operator_adds_an_engine_a_model_on_it_and_a_route_and_a_tenants_request_goes_through_it(person, gateway):
    gateway.api("POST", "tenants", {"slug": "writers"})
    key = gateway.api("POST", "keys", {"tenant": "writers"})["key"]
    page = person.sign_in_as("olga@platform", "engines").page
    person.press("Add a remote engine")
    box = person.box()
    box.get_by_label("Name").fill("far")
    box.get_by_label("Address").fill(f"http://{gateway.engines[0].address}/v1")
    box.get_by_label("Kind").select_option("vllm")
    person.confirm("Create")
    page.get_by_role("link", name="far", exact=True).wait_for()
    gateway.ready("far")

    person.follow("Models")
    person.press("New model")
    box.get_by_label("Model", exact=True).fill("letters-v1")
    box.get_by_label("far", exact=True).check()
    box.get_by_label("Name at the engine").fill("sim")
    box.get_by_text("All tenants may use it").click()
    box.get_by_label("Tenants that may use it").fill("writers")
    person.press("See what it does", box)
    made = box.get_by_role("region", name="What it does")
    made.get_by_text("writers").wait_for()
    assert "letters-v1" in made.inner_text() and "far" in made.inner_text()
    assert "letters-v1" not in names(gateway, "models")  # it was only tried
    person.picture("model-create", full_page=False)
    person.press("Create", box)
    person.title("letters-v1")
    model = gateway.api("GET", "models/letters-v1")
    assert (model["engines"], model["engine_model"], model["tenants"]) == (["far"], "sim", ["writers"])

    person.follow("Routes")
    person.press("New route")
    box.get_by_label("Route", exact=True).fill("letters")
    first = box.get_by_role("group", name="Version 1")
    first.get_by_label("Model").select_option("letters-v1")
    person.press("Add a version", box)
    second = box.get_by_role("group", name="Version 2")
    second.get_by_label("Model").select_option("llama-v2")
    second.get_by_role("slider").fill("25")
    first.get_by_role("slider").fill("75")
    box.get_by_role("status", name="Share now: Version 1").get_by_text("75.0%").wait_for()
    person.picture("route-create", full_page=False)
    person.confirm("Create")
    person.title("letters")
    page.get_by_role("table", name="Versions").get_by_text("75%", exact=True).wait_for()

    for i in range(8):
        assert gateway.chat(key, model="letters", session=f"letter-{i}")[0] == 200
    lines = gateway.api("GET", "requests?tenant=writers&model=letters&limit=50")["data"]
    assert "letters-v1" in {line["version"].split("@")[0] for line in lines}
    assert gateway.chat(model="letters-v1")[0] == 404  # it is not for aurora


def test_what_the_server_has_against_it_stands_at_the_field(person, gateway):
    page = person.sign_in_as("olga@platform", "models").page
    person.press("New model")
    box = person.box()
    box.get_by_label("Model", exact=True).fill("wrong")
    box.get_by_label("gpu-1", exact=True).check()
    box.get_by_text("Times", exact=True).click()
    box.get_by_label("In all").fill("0s")
    box.get_by_text("Times", exact=True).click()  # folded again
    person.press("See what it does", box)
    box.get_by_role("alert").get_by_text("total_timeout").wait_for()
    field = box.get_by_label("In all")
    assert field.is_visible() and field.get_attribute("aria-invalid") == "true"
    assert page.evaluate("() => document.activeElement.getAttribute('aria-invalid')") == "true"
    assert person.axe() == []
    field.fill("5m")
    box.get_by_text("All tenants may use it").click()
    box.get_by_label("Tenants that may use it").fill("nobody-of-this-name")
    person.press("See what it does", box)
    box.get_by_role("alert").get_by_text("nobody-of-this-name").wait_for()
    assert box.get_by_label("Tenants that may use it").get_attribute("aria-invalid") == "true"
    assert field.input_value() == "5m"  # what was typed stays
    person.press("Cancel", box)
    assert "wrong" not in names(gateway, "models") and writes(person, "models") == []


def test_a_model_is_changed_and_deleted_when_nothing_needs_it(person, gateway):
    gateway.api("POST", "models", {"name": "passing", "engine": "gpu-1", "engine_model": "sim"})
    gateway.api("POST", "routes", {"name": "on-passing", "versions": [{"model": "passing", "weight": 1}]})
    page = person.sign_in_as("olga@platform", "models/passing").page
    person.press("Edit")
    person.press("See what it does", person.box())
    person.box().get_by_text("Nothing would change").wait_for()
    assert person.box().get_by_role("button", name="Save").is_disabled()
    person.press("Back", person.box())
    person.box().get_by_text("What it offers, and how much").click()
    person.box().get_by_label("Context").fill("2048")
    person.press("See what it does", person.box())
    change = person.box().get_by_role("region", name="What it does")
    change.get_by_text("Context", exact=True).wait_for()
    assert change.locator(".change").count() == 1
    person.press("Save", person.box())
    page.get_by_text("2,048").wait_for()
    assert gateway.api("GET", "models/passing")["context_tokens"] == 2048

    person.press("Delete")
    person.box().get_by_role("alert").get_by_text("on-passing").wait_for()
    assert person.box().get_by_role("button", name="Delete").is_disabled()
    person.box().get_by_role("link", name="Route on-passing").click()
    person.title("on-passing")
    assert person.box().count() == 0
    person.press("Delete")
    person.press("Delete", person.box())
    person.title("Routes and rollouts")
    person.open("models/passing")
    person.press("Delete")
    person.press("Delete", person.box())
    person.title("Models")
    assert "passing" not in names(gateway, "models")


def test_a_change_that_somebody_else_was_faster_with_is_not_made(person, gateway):
    gateway.api("POST", "models", {"name": "shared", "engine": "gpu-1", "engine_model": "sim"})
    person.sign_in_as("olga@platform", "models/shared")
    person.press("Edit")
    person.box().get_by_text("What it offers, and how much").click()
    person.box().get_by_label("Context").fill("1024")
    person.press("See what it does", person.box())
    person.box().get_by_role("region", name="What it does").get_by_text("Context", exact=True).wait_for()
    gateway.api("PATCH", "models/shared", {"context_tokens": 4096})
    person.press("Save", person.box())
    person.sees("Somebody else has changed it meanwhile.")
    assert gateway.api("GET", "models/shared")["context_tokens"] == 4096


def test_weights_are_set_on_what_was_seen(person, gateway):
    gateway.api("POST", "routes", {"name": "weighed", "versions": [{"model": "llama-v1", "weight": 1}, {"model": "llama-v2", "stage": "canary"}]})
    page = person.sign_in_as("olga@platform", "routes/weighed").page
    person.press("Change weights")
    person.box().get_by_role("slider").nth(1).fill("50")
    gateway.api("PATCH", "routes/weighed", {"versions": [{"model": "llama-v2", "weight": 7}]})
    page.locator("main").get_by_text("llama-v1", exact=True).first.wait_for(state="detached")  # the page knows
    assert person.box().get_by_role("slider").count() == 2
    person.press("Save", person.box())
    person.sees("Somebody else has changed it meanwhile.")
    assert [one["weight"] for one in gateway.api("GET", "routes/weighed")["versions"]] == [7]


def test_all_that_a_route_can_have_is_said_changed_and_taken_back(person, gateway):
    for name in ("whole-v1", "whole-v2"):
        gateway.api("POST", "models", {"name": name, "engine": "gpu-1", "engine_model": "sim"})
    gateway.api("POST", "routes", {"name": "whole", "versions": [{"model": "whole-v1", "weight": 1}, {"model": "whole-v2", "stage": "canary"}]})
    page = person.sign_in_as("olga@platform", "routes/whole").page
    person.press("Edit")
    box = person.box()
    for part in ("Falls back to", "Times", "Mirror", "Grey channel", "Conditions"):
        box.get_by_text(part, exact=True).click()
    box.get_by_label("Stays together by").select_option("user")
    box.get_by_label("Another one").select_option("model:llama-v1")
    person.press("Add", box)
    box.get_by_label("In all").fill("5m")
    box.get_by_text("Copy requests to a version").click()
    box.get_by_label("Share in percent").fill("5")
    box.get_by_text("Tenants that take part get another version").click()
    box.get_by_label("Tenants that take part", exact=True).fill("aurora")
    person.press("Add a condition", box)
    condition = box.get_by_role("group", name="Condition 1")
    condition.get_by_label("Name").fill("beta-app")
    condition.get_by_label("Headers").fill("x-app: beta")
    assert person.axe() == []
    person.confirm("Save")
    box.wait_for(state="detached")
    route = gateway.api("GET", "routes/whole")
    assert route["sticky"] == "user" and route["fallbacks"] == [{"model": "llama-v1"}]
    assert route["timeouts"]["total"] == "300s" and route["timeouts"]["connect"] is None
    assert (route["mirror"]["version"], route["mirror"]["share"]) == ("whole-v2", 5)
    assert (route["grey"]["version"], route["grey"]["tenants"]) == ("whole-v2", ["aurora"])
    assert route["conditions"][0]["headers"] == [{"name": "x-app", "value": "beta"}]
    page.get_by_text("whole-v2 5 %").wait_for()

    person.press("Edit")
    box.get_by_text("Mirror", exact=True).click()
    box.get_by_text("Copy requests to a version").click()
    box.get_by_text("Conditions", exact=True).click()
    person.press("Take away: Condition 1", box)
    person.press("See what it does", box)
    change = box.get_by_role("region", name="What it does")
    change.get_by_text("Mirror", exact=True).wait_for()
    assert change.locator("dt").all_inner_texts() == ["Mirror", "Conditions"]
    person.press("Save", box)
    box.wait_for(state="detached")
    route = gateway.api("GET", "routes/whole")
    assert route["mirror"] is None and route["conditions"] == [] and route["sticky"] == "user"

    person.press("Edit")
    box.get_by_role("group", name="Version 2").get_by_label("Stage").select_option("stable")
    person.press("See what it does", box)
    box.get_by_role("alert").get_by_text("versions").wait_for()
    person.press("Take away: Version 2", box)  # the grey channel went there
    person.press("See what it does", box)
    choice = box.get_by_label("Version", exact=True)
    assert choice.is_visible() and choice.input_value() == "" and not choice.evaluate("one => one.checkValidity()")
    assert box.get_by_role("region", name="What it does").count() == 0
    choice.select_option("whole-v1")
    person.press("See what it does", box)
    box.get_by_role("region", name="What it does").get_by_text("version whole-v1").first.wait_for()
    person.press("Back", box)
    person.press("Cancel", box)


def test_a_rollout_begins_with_gates_of_its_own(person, gateway):
    gateway.api("POST", "routes", {"name": "gated", "versions": [{"model": "llama-v1", "weight": 1}, {"model": "llama-v2", "stage": "canary"}]})
    page = person.sign_in_as("olga@platform", "routes/gated").page
    person.press("Start a rollout")
    box = person.box()
    box.get_by_label("Steps").fill("20%:10m 10%:10m")
    person.press("See what it does", box)
    box.get_by_role("alert").get_by_text("steps").wait_for()
    box.get_by_label("Steps").fill("10%:10m 50%:10m")
    box.get_by_text("Gates", exact=True).click()
    for measure in ("refusal_rate", "tpot"):
        box.get_by_role("checkbox", name=measure).uncheck()
    rate = box.get_by_role("group", name="error_rate")
    rate.get_by_label("Tolerance in percent").fill("2")
    rate.get_by_label("Objective").fill("5%")
    person.confirm("Start a rollout")
    page.get_by_role("heading", name="Rollout of gated").wait_for()
    rollout = gateway.api("GET", "rollouts/gated")
    assert len(rollout["steps"]) == 2
    assert len(rollout["gates"]) == 2 and rollout["gates"][0].startswith("error_rate:2%:5%")
    wait_for(lambda: gateway.api("GET", "rollouts/gated")["state"] == "holding")
    person.press("Delete")
    person.box().get_by_role("alert").get_by_text("abort that first").wait_for()
    person.press("Cancel", person.box())
    gateway.api("POST", "rollouts/gated/abort", {})


def test_what_a_file_declares_or_somebody_may_not_change_has_no_button(person, chromium, gateway):
    page = person.sign_in_as("olga@platform", "models/llama-v1").page
    for path in ("models/llama-v1", "routes/llama", "engines/gpu-1"):
        person.open(path)
        person.title(path.split("/")[1])
        person.sees("Declared in the configuration file")
        for name in ("Edit", "Delete", "Change weights"):
            assert page.get_by_role("button", name=name).count() == 0, (path, name)
    audrey = Person(chromium, gateway).sign_in_as("audrey@platform", "models")
    for path, title, button in (("models", "Models", "New model"), ("routes", "Routes and rollouts", "New route"), ("engines", "Engines", "Add a remote engine")):
        audrey.open(path)
        audrey.title(title)
        audrey.settled()
        assert audrey.page.get_by_role("button", name=button).count() == 0, button
    audrey.leave()


def test_a_tenants_people_see_a_model_without_links_that_lead_nowhere(chromium, gateway):
    dave = Person(chromium, gateway).sign_in_as("dave@aurora", "models/llama-v1")
    dave.title("llama-v1")
    dave.settled()
    main = dave.page.locator("main")
    main.get_by_role("region", name="Model", exact=True).get_by_text("Context").wait_for()
    assert main.locator("a[href*='/engines/']").count() == 0
    assert main.get_by_role("alert").count() == 0
    assert "()" not in main.inner_text()
    dave.leave()


def test_the_boxes_have_no_serious_fault_and_fit_a_phone(chromium, gateway):
    gateway.api("POST", "models", {"name": "small-screen", "engine": "gpu-1", "engine_model": "sim"})
    one = Person(chromium, gateway, viewport=PHONE, has_touch=True, is_mobile=True).sign_in()
    faults = []
    for path, button in (("engines", "Add a remote engine"), ("models", "New model"), ("routes", "New route"),
                         ("models/small-screen", "Edit"), ("models/small-screen", "Delete")):
        one.open(path)
        one.settled()
        before = len(one.asked)
        one.page.get_by_role("button", name=button).first.click()
        one.box().wait_for()
        one.settled()
        for part in one.box().locator("summary").all():
            part.click()
        faults += one.axe()
        wide = one.page.evaluate("() => document.querySelector('.modal').scrollWidth - document.querySelector('.modal').clientWidth")
        assert wide <= 0, f"{button} is {wide} px wider than its box"
        assert len([url for _, url in one.asked[before:] if "/api/v1/" in url]) <= 6, button
        one.picture(f"{path.replace('/', '-')}-{button.split()[0].lower()}-phone", full_page=False)
        one.press("Cancel", one.box())
    assert faults == []
    one.leave()
