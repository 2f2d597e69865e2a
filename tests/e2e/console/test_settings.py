"""What a tenant sets for its own requests, at the console."""

import json

import pytest


@pytest.fixture
def settled(gateway):
    """A tenant whose administrator signs in, and a key of it."""
    if "words" not in [one["slug"] for one in gateway.api("GET", "tenants")["data"]]:
        gateway.api("POST", "tenants", {"slug": "words", "currency": "DKK"})
        gateway.make_user("wilma@words", "tenant-admin", "words")
    return gateway.api("POST", "keys", {"tenant": "words"})["key"]


def sent(page):
    return json.loads(page.get_by_label("The request").inner_text())


def test_a_tenant_admin_sets_prompt_maximum_and_disclaimer_and_sees_what_a_request_becomes(person, gateway, settled):
    page = person.sign_in_as("wilma@words", "settings").page
    page.get_by_role("group", name="Maximums").get_by_label("max_tokens").fill("20")
    page.get_by_role("group", name="Defaults").get_by_label("temperature").fill("0.2")
    person.press("Add a prompt")
    prompt = page.get_by_role("group", name="Prompt 1")
    prompt.get_by_label("Name").fill("house")
    prompt.get_by_label("Text").fill("You answer for {{tenant}}.")
    page.get_by_label("Behind every answer").fill("Made by a machine.")
    assert sent(page)["messages"][0] == {"role": "system", "content": "You answer for words."}
    assert sent(page)["temperature"] == 0.2
    page.get_by_role("region", name="What a request becomes").get_by_label("max_tokens").fill("21")
    person.sees("400: max_tokens is more than the tenant's maximum of 20.")
    page.get_by_role("region", name="What a request becomes").get_by_label("max_tokens").fill("")
    person.press("Save")
    person.sees("Saved, and in force.")
    person.picture("settings-tenant")
    assert person.axe() == []
    assert gateway.chat(settled, max_tokens=21)[0] == 400
    assert gateway.chat(settled, max_tokens=20)[0] == 200
    stored = gateway.api("GET", "tenants/words/settings")
    assert stored["disclaimer"] == {"text": "Made by a machine."} and stored["system_prompts"][0]["name"] == "house"


def test_a_model_that_a_tenant_leaves_out_is_unknown_to_its_programs(person, gateway, settled):
    page = person.sign_in_as("wilma@words", "settings").page
    page.get_by_label("All models that the tenant may use").uncheck()
    page.get_by_label("llama-v1", exact=True).check()
    person.press("Save")
    person.sees("Saved, and in force.")
    assert gateway.chat(settled, model="llama-v1", max_tokens=5)[0] == 200
    assert gateway.chat(settled, model="llama-v2", max_tokens=5)[0] == 404
    page.get_by_label("All models that the tenant may use").check()
    person.press("Save")
    person.sees("Saved, and in force.")


def test_what_the_server_refuses_is_said_where_it_is_typed(person, gateway, settled):
    page = person.sign_in_as("wilma@words", "settings").page
    page.get_by_role("group", name="Maximums").get_by_label("temperature").fill("9")
    person.press("Save")
    page.get_by_role("alert").get_by_text("temperature").first.wait_for()


def test_settings_that_somebody_else_changed_meanwhile_are_not_overwritten(person, gateway, settled):
    page = person.sign_in_as("wilma@words", "settings").page
    page.get_by_label("Behind every answer").fill("mine")
    gateway.api("PATCH", "tenants/words/settings", {"disclaimer": {"text": "theirs"}})
    person.press("Save")
    person.sees("Somebody else has changed it meanwhile.")
    assert gateway.api("GET", "tenants/words/settings")["disclaimer"] == {"text": "theirs"}
    assert page.get_by_label("Behind every answer").input_value() == "mine"
    person.press("Load again")
    assert page.get_by_label("Behind every answer").input_value() == "theirs"


def test_a_developer_only_reads_the_settings(person, gateway, settled):
    page = person.sign_in_as("dave@aurora", "settings").page
    page.get_by_role("heading", name="System prompts").wait_for()
    assert page.get_by_role("button", name="Save").count() == 0
    assert page.get_by_label("Behind every answer").is_disabled() or page.get_by_label("Behind every answer").get_attribute("readonly") is not None
