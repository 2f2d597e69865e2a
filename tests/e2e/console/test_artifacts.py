"""What was imported, at the console: its stages, its test runs, who may call the models that serve it."""

import json

import pytest

from gateway import SignedIn
from mesh import wait_for


def case(name, passed, *failures):
    return {"name": name, "passed": passed, "failures": list(failures), "output_tokens": 12, "ms": 40}


def keep_run(gateway, artifact, model, *cases):
    """As `sovmesh model test` tells it."""
    gateway.api("POST", f"artifacts/{artifact}/tests", {"set": "smoke", "model": model, "results": list(cases)})


@pytest.fixture(scope="module")
def keys(gateway):
    """Of tenants without a limit in money, which a model without a price could not be counted against."""
    for slug in ("lab", "field"):
        gateway.api("POST", "tenants", {"slug": slug})
    return {slug: gateway.api("POST", "keys", {"tenant": slug})["key"] for slug in ("lab", "field")}


@pytest.fixture
def imported(gateway):
    """Imports an artifact, and makes a model that serves it, for as long as the test runs."""
    made = []

    def make(name):
        artifact = f"{name}@1.0"
        gateway.import_model(artifact, "--owner", "ml-team", "--licence", "Apache-2.0", "--label", "team=search")
        gateway.api("POST", "models", {"name": name, "engine": "gpu-1", "engine_model": "sim", "artifact": artifact})
        made.append(name)
        return artifact
    yield make
    there = [model["name"] for model in gateway.api("GET", "models")["data"]]
    for name in set(made) & set(there):
        gateway.api("DELETE", f"models/{name}")


def stage(person):
    return person.page.get_by_role("region", name="Stage").get_by_role("listitem").and_(person.page.locator("[aria-current=step]")).inner_text()


def step(person, name, choose=lambda box: None):
    """Takes a step, once the server has said what it changes."""
    person.press(name, person.page.get_by_role("region", name="Stage"))
    box = person.box()
    choose(box)
    box.get_by_role("status", name="What it changes").locator("ins").first.wait_for()
    person.press(name, box)
    box.wait_for(state="detached")


def test_the_operator_releases_a_model_version(person, gateway, imported, keys):
    artifact = imported("assistant")

    def seen_by():
        return [tenant for tenant, key in keys.items() if gateway.chat(key, model="assistant")[0] == 200]

    page = person.sign_in_as("olga@platform", "artifacts").page
    row = page.get_by_role("table", name="Artifacts").get_by_role("row").filter(has_text=artifact)
    row.wait_for()
    for shown in ("draft", "gguf", "Apache-2.0", "ml-team", "assistant"):
        assert shown in row.inner_text()
    row.get_by_role("link", name=artifact).click()
    person.title(artifact)
    assert "draft" in stage(person)
    assert page.url.endswith("/artifacts/assistant%401.0")
    assert seen_by() == []

    step(person, "Give to testers", lambda box: box.get_by_label("lab", exact=True).check())
    page.locator("[aria-current=step]").get_by_text("testing", exact=True).wait_for()
    assert seen_by() == ["lab"]

    # The rule is told before anything is done, and there is no way around it by haste.
    person.press("Release")
    person.box().get_by_label("All tenants, new ones too").check()
    person.box().get_by_role("alert").get_by_text("its latest test run did not pass, or there was none").wait_for()
    assert person.box().get_by_role("button", name="Release").is_disabled()
    person.press("Cancel", person.box())

    keep_run(gateway, artifact, "assistant", case("greets", True), case("no secrets", False, "has 'swordfish'"), case("json", True))
    keep_run(gateway, artifact, "assistant", case("greets", True), case("no secrets", True), case("json", True))
    page.reload()
    page.get_by_role("table", name="Test runs").get_by_text("2/3").wait_for()
    compared = page.get_by_role("table", name="Case by case")
    better = compared.get_by_role("row").filter(has_text="no secrets")
    better.get_by_text("better").wait_for()
    assert "has 'swordfish'" in better.inner_text()
    person.sees("1 of 3 cases differ.")

    person.press("Release")
    person.box().get_by_label("All tenants, new ones too").check()
    change = person.box().get_by_role("status", name="What it changes")
    change.locator("ins").get_by_text("released", exact=True).wait_for()
    assert person.axe() == []
    person.picture("artifact-release", full_page=False)
    person.press("Release", person.box())
    page.locator("[aria-current=step]").get_by_text("released", exact=True).wait_for()
    assert seen_by() == ["lab", "field"]
    person.settled()
    person.picture("artifact")
    assert person.axe() == []


def test_a_version_is_retired_after_the_day_that_was_named_and_not_before(person, gateway, imported, keys):
    artifact = imported("old")
    page = person.sign_in(f"artifacts/{artifact}").page
    step(person, "Give to testers", lambda box: box.get_by_label("All tenants, new ones too").check())

    def waived(box):
        box.get_by_label("All tenants, new ones too").check()
        box.get_by_label("Why it needs no test run").fill("same weights as 0.9")
    step(person, "Release", waived)
    assert gateway.api("GET", f"artifacts/{artifact}")["stage"] == "released"
    page.locator("[aria-current=step]").get_by_text("released", exact=True).wait_for()
    assert page.get_by_role("button", name="Retire").count() == 0

    person.press("Deprecate")
    person.box().get_by_label("May be retired from (UTC)").fill("2020-01-01")
    person.box().get_by_role("alert").get_by_text("want a time that is yet to come").wait_for()
    day = person.box().get_by_label("May be retired from (UTC)")
    wait_for(lambda: day.get_attribute("aria-invalid") == "true")
    assert day.input_value() == "2020-01-01"
    assert day.evaluate("one => document.activeElement === one")  # nobody is taken away from it
    person.press("Cancel", person.box())
    step(person, "Deprecate", lambda box: box.get_by_label("May be retired from (UTC)").fill("2199-01-01"))
    assert gateway.api("GET", f"artifacts/{artifact}")["retires_at"].startswith("2199-01-01T00:00:00")
    assert gateway.chat(keys["lab"], model="old")[0] == 200
    person.press("Retire")
    person.box().get_by_role("alert").get_by_text("it stays until a later day").wait_for()
    assert person.box().get_by_role("button", name="Retire").is_disabled()
    person.press("Cancel", person.box())

    def kept(box):
        assert box.get_by_label("All tenants, new ones too").is_checked()
    step(person, "Release again", kept)
    assert gateway.chat(keys["lab"], model="old")[0] == 200


def test_who_may_call_a_model_is_narrowed_by_its_own_list(person, gateway, imported, keys):
    artifact = imported("narrow")
    gateway.api("POST", f"artifacts/{artifact}/move", {"stage": "testing", "tenants": ["lab", "field"]})
    page = person.sign_in_as("olga@platform", f"artifacts/{artifact}").page
    row = page.get_by_role("table", name="Models that serve it").get_by_role("row").filter(has_text="narrow")
    assert "all tenants" in row.inner_text() and "field, lab" in row.inner_text()
    assert gateway.chat(keys["lab"], model="narrow")[0] == 200
    person.press("Change the list: narrow")
    box = person.box()
    box.get_by_label("All tenants, new ones too").uncheck()
    box.get_by_label("field", exact=True).check()
    box.get_by_label("All tenants, new ones too").check()
    box.get_by_label("All tenants, new ones too").uncheck()
    wait_for(box.get_by_label("field", exact=True).is_checked)
    box.get_by_text("May call it then: field.").wait_for()
    box.get_by_role("status", name="What it changes").locator("ins").get_by_text("field").wait_for()
    person.press("Save", box)
    box.wait_for(state="detached")
    assert gateway.api("GET", "models/narrow")["tenants"] == ["field"]
    assert [gateway.chat(keys[tenant], model="narrow")[0] for tenant in ("lab", "field")] == [404, 200]


def test_two_test_runs_stand_side_by_side_at_an_address_of_their_own(person, gateway, imported):
    artifact = imported("compared")
    for passed in (True, False, True):
        keep_run(gateway, artifact, "compared", case("always", True), case("sometimes", passed, *([] if passed else ["lacks 'ello'"])))
    first, second, third = [one["id"] for one in gateway.api("GET", f"artifacts/{artifact}/tests")["data"]]
    page = person.sign_in_as("audrey@platform", f"artifacts/{artifact}?first={first}&second={second}").page
    table = page.get_by_role("table", name="Case by case")
    table.get_by_role("row").filter(has_text="sometimes").get_by_text("worse").wait_for()
    assert "lacks 'ello'" in table.inner_text()
    page.get_by_role("combobox", name="Test run").select_option(third)
    table.get_by_role("row").filter(has_text="sometimes").get_by_text("better").wait_for()
    page.get_by_label("Compared with").select_option(first)
    person.sees("Both runs gave the same.")
    assert f"first={first}" in page.url and f"second={third}" in page.url
    page.get_by_label("Compared with").select_option("none")
    table.get_by_role("columnheader", name="Difference").wait_for(state="detached")


def test_a_draft_is_forgotten_once_nothing_serves_it(person, gateway, imported):
    artifact = imported("draft")
    page = person.sign_in_as("olga@platform", f"artifacts/{artifact}").page
    person.press("Forget")
    person.box().get_by_text("the model 'draft' serves it").wait_for()
    person.box().get_by_label(f"Type {artifact} to confirm").fill(artifact)
    assert person.box().get_by_role("button", name="Forget").is_disabled()
    person.press("Cancel", person.box())
    gateway.api("DELETE", "models/draft")
    person.press("Forget")
    person.box().get_by_text("The server would delete it.").wait_for()
    assert person.box().get_by_role("button", name="Forget").is_disabled()
    person.box().get_by_label(f"Type {artifact} to confirm").fill(artifact)
    assert person.axe() == []
    person.press("Forget", person.box())
    person.title("Artifacts")
    page.get_by_role("table", name="Artifacts").wait_for()
    assert artifact not in [one["artifact"] for one in gateway.api("GET", "artifacts")["data"]]


def test_what_is_said_of_an_artifact_is_changed_and_what_was_imported_is_not(person, gateway, imported):
    artifact = imported("described")
    page = person.sign_in_as("olga@platform", f"artifacts/{artifact}").page
    digest = gateway.api("GET", f"artifacts/{artifact}")["digest"]
    page.get_by_text(digest).first.wait_for()
    person.press("Edit")
    person.box().get_by_label("Owner").fill("search-team")
    person.box().get_by_label("Labels").fill("team=search\nnonsense")
    assert person.box().get_by_role("button", name="Save").is_disabled()
    person.box().get_by_label("Labels").fill("team=search\nreviewed = yes")
    person.press("Save", person.box())
    person.box().wait_for(state="detached")
    person.sees("search-team")
    after = gateway.api("GET", f"artifacts/{artifact}")
    assert (after["owner"], after["labels"], after["digest"]) == ("search-team", {"team": "search", "reviewed": "yes"}, digest)


def test_how_to_import_is_ready_to_paste(person, gateway, imported):
    imported("pasted")
    page = person.sign_in_as("olga@platform", "artifacts").page
    page.get_by_text("How to import").click()
    page.get_by_label("File or folder").fill("./it's mine.gguf")
    page.get_by_label("Name").fill("mine")
    page.get_by_label("Data folder of the server").fill(str(gateway.data))
    command = page.get_by_label("Import", exact=True).inner_text()
    assert command == f"sovmesh model import './it'\\''s mine.gguf' --name mine --version 1.0 --data-dir {gateway.data}"
    assert page.get_by_label("Model on an engine elsewhere", exact=True).inner_text() == "sovmesh model create mine --engine ENGINE --artifact mine@1.0"
    assert person.axe() == []


def test_who_may_only_look_has_no_buttons_and_a_tenants_people_no_entry(person, chromium, gateway, imported):
    artifact = imported("seen")
    page = person.sign_in_as("audrey@platform", f"artifacts/{artifact}").page
    page.get_by_role("heading", name="Test runs").wait_for()
    person.settled()
    for name in ("Edit", "Forget", "Give to testers", "Retire", "Change the list: seen"):
        assert page.get_by_role("button", name=name).count() == 0, name
    assert "Artifacts" in person.menu()
    ann = SignedIn(gateway, "ann@aurora", "blue kettle 47 north")
    assert ann.status("GET", f"artifacts/{artifact}") == 403
    assert "artifact" not in json.dumps(ann.api("GET", "session")["may"])
