"""What people do at the console, each as they would tell it."""

import gzip
import re

from browser import PHONE, Person, digits
from gateway import PASSWORD
from mesh import wait_for


def test_what_the_console_is_made_of_is_locked_down(gateway):
    zipped = {"accept-encoding": "gzip"}
    status, head, body = gateway.fetch("/", **zipped)
    assert status == 200 and head["content-encoding"] == "gzip" and head["cache-control"] == "no-cache"
    page = gzip.decompress(body).decode()
    assert "http" not in page.replace("http-equiv", "")
    for name in ("content-security-policy", "x-content-type-options", "referrer-policy"):
        assert head[name], name
    assert "unsafe" not in head["content-security-policy"]
    assert "frame-ancestors 'none'" in head["content-security-policy"]
    scripts = re.findall(r'"(/assets/[^"]+\.js)"', page)
    assert scripts
    for path in scripts:
        status, head, _ = gateway.fetch(path, **zipped)
        assert status == 200 and "immutable" in head["cache-control"]
        assert head["content-type"].startswith("text/javascript") and head["x-content-type-options"] == "nosniff"
        assert gateway.fetch(path, **zipped, **{"if-none-match": head["etag"]})[0] == 304
    assert gateway.fetch("/console/tenants/aurora", **zipped)[2] == body
    assert gateway.fetch("/assets/none.js")[0] == 404
    assert gateway.fetch("/assets/../api/v1/tenants")[0] in (400, 401, 404)
    assert gateway.fetch("/other")[0] == 401
    assert gateway.fetch("/", method="POST")[0] == 405


def test_the_first_page_is_small(person):
    sizes = {}
    person.page.on("requestfinished", lambda request: sizes.update(
        {request.url: request.sizes()["responseBodySize"]}) if request.url.endswith(".js") else None)
    person.sign_in()
    person.settled()
    person.page.get_by_role("table", name="Engines").wait_for()  # a stream keeps the network busy for ever
    scripts = sum(sizes.values())
    assert 0 < scripts < 300 * 1024, f"{scripts} bytes of script"
    asked = {url for method, url in person.asked if "/api/" in url}
    assert len(asked) <= 10, asked


def test_an_operator_signs_in_with_the_token_which_is_kept_nowhere(person, gateway):
    page = person.page
    page.goto(f"{gateway.url}/console/tenants")
    person.title("Sign in")
    person.picture("sign-in")
    page.get_by_role("tab", name="Admin token").click()
    page.get_by_label("Token", exact=True).fill("wrong")
    person.press("Sign in")
    person.sees("The server does not know this token.")
    page.get_by_label("Token", exact=True).fill(gateway.token)
    person.press("Sign in")
    person.title("Tenants")  # where he wanted to go
    stored = page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert gateway.token not in stored
    page.reload()
    person.title("Sign in")


def test_somebody_signs_in_with_a_password_and_sees_what_he_may(person, gateway):
    page = person.page
    page.goto(f"{gateway.url}/console/tenants")
    page.get_by_role("textbox", name="Name").fill("olga@platform")
    page.get_by_role("textbox", name="Password").fill("not her password")
    person.press("Sign in")
    person.sees("The server does not know this name and password.")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    person.press("Sign in")
    person.title("Tenants")
    assert gateway.token not in str(page.context.cookies())
    assert {"Engines", "Users", "Settings"} <= set(person.menu())
    person.press("Create tenant")
    person.box().get_by_label("Name").fill("x")  # too short: the browser says so before the server
    person.press("Create", person.box())
    assert not [one for one in person.asked if one == ("POST", f"{gateway.url}/api/v1/tenants")]
    person.box().get_by_label("Name").fill("made-by-olga")
    person.press("Create", person.box())
    person.title("made-by-olga")
    page.reload()
    person.title("made-by-olga")  # the cookie is still there
    person.press("Sign out")
    person.title("Sign in")
    page.reload()
    person.title("Sign in")


def test_what_somebody_may_not_do_has_no_button(person):
    person.sign_in_as("dave@aurora", "tenants/aurora")
    assert not {"Engines", "Users", "Audit", "Statements"} & set(person.menu())
    person.page.get_by_role("button", name="Create key").first.wait_for()  # of his own
    assert person.page.get_by_role("button", name="Create project").count() == 0
    person.open("engines")
    person.sees("You may not do this.")


def test_a_new_tenant_gets_a_key_and_its_first_request_is_in_the_usage(person, gateway):
    page = person.sign_in("tenants").page
    person.press("Create tenant")
    person.box().get_by_label("Name").fill("northwind")
    person.box().get_by_label("Currency").fill("DKK")
    person.press("Create", person.box())
    person.title("northwind")
    person.sees("No key yet")
    page.get_by_role("region", name="Keys").get_by_role("button", name="Create key").first.click()
    person.box().get_by_label("Name").fill("web app")
    person.box().get_by_label("Owner").fill("grace")
    person.press("Create", person.box())
    person.sees("Copy it now.")
    person.picture("key-created", full_page=False)
    key = person.box().get_by_label("Key", exact=True).inner_text()
    assert key.startswith("sm-")
    address = f"http://{gateway.process.address}"
    person.box().get_by_label("Address of the API").fill(address)
    curl = person.box().get_by_label("curl").first.inner_text()
    assert f"{address}/v1/chat/completions" in curl and key in curl and '"llama"' in curl
    person.box().get_by_role("tab", name="Python").click()
    assert f'base_url="{address}/v1"' in person.box().get_by_label("Python").first.inner_text()
    person.press("I have copied it", person.box())
    assert page.get_by_text(key).count() == 0  # once

    assert gateway.chat(key)[0] == 200
    page.get_by_role("link", name="Usage", exact=True).click()
    person.title("Usage and cost")
    row = page.get_by_role("table", name="Usage and cost").get_by_role("row").nth(1)
    row.wait_for()
    assert digits(row.get_by_role("cell").nth(1).inner_text()) == 1
    assert "DKK" in row.inner_text()


def test_from_the_door_to_a_streamed_answer_in_eight_clicks(person):
    page = person.sign_in().page
    clicks = []

    def click(role, name, within=None):
        (within or page).get_by_role(role, name=name, exact=True).first.click()
        clicks.append(name)

    click("link", "Tenants")
    click("link", "aurora")
    click("button", "Create key")
    person.box().get_by_label("Name").fill("my first")
    click("button", "Create", person.box())
    click("button", "Try it", person.box())
    person.title("Playground")
    page.get_by_label("Message").fill("Hello")
    click("button", "Send")
    page.get_by_role("link", name="Details").wait_for()
    answer = page.get_by_role("region", name="Answer of llama")
    assert digits(answer.locator("dd").nth(1).inner_text()) > 0  # tokens out
    assert answer.locator(".answer").inner_text() != ""
    assert len(clicks) + 2 <= 8, clicks  # and the two of signing in
    person.picture("playground")
    assert person.axe() == []
    page.get_by_label("Compare with").select_option("llama-v2")
    person.press("Send")
    page.get_by_role("region", name="Answer of llama-v2").get_by_role("link", name="Details").wait_for()
    person.picture("playground-two")
    page.get_by_role("region", name="Answer of llama-v2").get_by_role("link", name="Details").click()
    person.page.get_by_role("heading", name="Timeline").wait_for()


def test_the_playground_wants_a_key_and_says_what_is_wrong_with_it(person, gateway):
    person.sign_in("playground")
    person.sees("Fill in a key")
    person.page.get_by_label("Key of a tenant").fill("sm-000000000000-" + "0" * 43 + "-000000")
    person.page.get_by_role("alert").wait_for()
    person.page.get_by_label("Key of a tenant").fill(gateway.key)
    person.page.get_by_label("Message").fill("Hello")
    person.page.get_by_label("Tokens at most").fill("0")
    person.press("Send")
    person.sees("max_tokens")


def test_a_key_is_rotated_and_revoked(person, gateway):
    made = gateway.api("POST", "keys", {"tenant": "aurora", "display_name": "to rotate"})
    person.sign_in(f"keys/{made['id']}")
    person.press("Rotate")
    person.box().get_by_label("The old text works for another").select_option("0s")
    person.press("Rotate", person.box())
    fresh = person.box().get_by_label("Key", exact=True).inner_text()
    person.press("I have copied it", person.box())
    assert gateway.chat(made["key"])[0] == 401 and gateway.chat(fresh)[0] == 200
    person.press("Revoke")
    person.sees("is refused from now on")
    person.press("Cancel", person.box())
    assert gateway.chat(fresh)[0] == 200
    person.press("Revoke")
    person.press("Revoke", person.box())
    person.box().wait_for(state="detached")
    person.page.locator("dd", has_text="revoked").first.wait_for()
    assert gateway.chat(fresh)[0] == 401


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(person, gateway):
    gateway.api("POST", "tenants", {"slug": "contested"})
    person.sign_in("tenants/contested")
    person.press("Edit")
    person.box().get_by_label("Shown as").fill("mine")
    gateway.api("PATCH", "tenants/contested", {"display_name": "theirs"})
    person.press("Save", person.box())
    person.sees("Somebody else has changed it meanwhile.")
    assert gateway.api("GET", "tenants/contested")["display_name"] == "theirs"


def test_a_tenant_is_deleted_only_by_who_types_its_name(person, gateway):
    gateway.api("POST", "tenants", {"slug": "leaving"})
    page = person.sign_in("tenants/leaving").page
    person.press("Delete")
    button = person.box().get_by_role("button", name="Delete")
    assert button.is_disabled()
    page.get_by_label("Type leaving to confirm").fill("leaving")
    button.click()
    person.title("Tenants")
    assert "leaving" not in [one["slug"] for one in gateway.api("GET", "tenants")["data"]]


def test_what_a_file_declares_is_only_shown(person):
    person.sign_in("tenants/aurora")
    person.sees("Declared in the configuration file")
    assert person.page.get_by_role("button", name="Edit").count() == 0


def test_a_rollout_is_started_watched_and_promoted(person, gateway):
    page = person.sign_in("routes/llama").page
    person.sees("No rollout of this route has been started.")
    person.press("Start a rollout")
    person.box().get_by_label("Steps").fill("50%:10m")
    person.box().get_by_label("Requests that a gate needs at least").fill("5")
    person.confirm("Start a rollout")
    page.get_by_role("heading", name="Rollout of llama").wait_for()
    wait_for(lambda: gateway.api("GET", "rollouts/llama")["state"] == "holding")
    for i in range(40):
        assert gateway.chat(session=f"conversation-{i}")[0] == 200
    wait_for(lambda: gateway.api("GET", "rollouts/llama")["candidate_requests"] > 0)
    page.get_by_role("table", name="Versions").get_by_text("50%").first.wait_for()
    page.get_by_role("table", name="Gates").get_by_text("error_rate").wait_for()
    person.picture("rollout")
    person.press("Promote")
    assert "50% → 100%" in re.sub(r"\s+", " ", person.box().locator(".change").inner_text().replace("before", "").replace("after", ""))
    person.picture("rollout-promote", full_page=False)
    person.press("Promote", person.box())
    page.get_by_text("promoted").first.wait_for()
    assert gateway.api("GET", "rollouts/llama")["state"] == "promoted"


def test_a_rollout_is_paused_and_rolled_back(person, gateway):
    gateway.api("POST", "routes", {"name": "second", "versions": [
        {"model": "llama-v1", "weight": 1}, {"model": "llama-v2", "stage": "canary"}]})
    gateway.api("POST", "rollouts", {"route": "second", "candidate": "llama-v2", "steps": ["20%:10m"]})
    wait_for(lambda: gateway.api("GET", "rollouts/second")["state"] == "holding")
    page = person.sign_in("routes/second").page
    person.press("Pause")
    person.press("Pause", person.box())
    page.get_by_role("button", name="Resume").wait_for()
    assert gateway.api("GET", "rollouts/second")["state"] == "paused"
    person.press("Roll back")
    person.box().get_by_label("Why").fill("complaints")
    person.press("Roll back", person.box())
    page.get_by_role("button", name="Change weights").wait_for()
    assert gateway.api("GET", "rollouts/second")["state"] == "rolled_back"
    person.press("Change weights")
    person.box().get_by_label("llama-v2").fill("3")
    person.sees("75.0%")
    person.press("Save", person.box())
    wait_for(lambda: gateway.api("GET", "routes/second")["versions"][1]["share"] == "75%")


def test_an_engine_is_added_and_removed(person, gateway):
    person.sign_in("engines")
    person.press("Add a remote engine")
    person.box().get_by_label("Name").fill("spare")
    person.box().get_by_label("Address").fill(f"http://{gateway.engines[0].address}/v1")
    person.confirm("Create")
    person.page.get_by_role("link", name="spare").click()
    person.title("spare")
    person.press("Delete")
    person.press("Delete", person.box())
    person.title("Engines")
    assert "spare" not in [one["name"] for one in gateway.api("GET", "engines")["data"]]
    person.press("Add a remote engine")
    person.box().get_by_label("Name").fill("gpu-1")
    person.box().get_by_label("Address").fill("http://127.0.0.1:1/v1")
    person.press("See what it does", person.box())
    person.box().get_by_text("is declared in the configuration file").wait_for()


def test_a_tenants_share_of_a_pool_is_changed(person, gateway):
    gateway.api("POST", "tenants", {"slug": "sharing"})
    person.sign_in("pools")

    def share():
        return next((one["guaranteed"], one["weight"]) for one in
                    gateway.api("GET", "pools?pool=gpu")["data"] if one["part"] == "sharing")

    person.press("Give a tenant a share")
    person.box().get_by_label("Tenant").select_option("sharing")
    person.box().get_by_label("Guaranteed").fill("0.25")
    person.press("Save", person.box())
    person.box().wait_for(state="detached")
    assert share() == ("0.25", "1")
    person.press("Change share: sharing")
    person.box().get_by_label("Weight").fill("2")
    person.press("Save", person.box())
    person.box().wait_for(state="detached")
    assert share() == ("0.25", "2")


def test_a_tenant_is_suspended_and_has_projects(person, gateway):
    gateway.api("POST", "tenants", {"slug": "pausing"})
    key = gateway.api("POST", "keys", {"tenant": "pausing"})["key"]
    person.sign_in("tenants/pausing")
    person.press("Create project")
    person.box().get_by_label("Name").fill("research")
    person.box().get_by_label("Cost centre").fill("4711")
    person.press("Create", person.box())
    person.page.get_by_role("cell", name="4711").wait_for()
    person.press("Delete project: research")
    person.press("Delete", person.box())
    person.page.get_by_role("cell", name="4711").wait_for(state="detached")
    person.press("Suspend")
    person.press("Suspend", person.box())
    person.page.get_by_role("button", name="Take back into service").wait_for()
    assert gateway.chat(key)[0] == 401
    person.press("Take back into service")
    person.press("Take back into service", person.box())
    person.page.get_by_role("button", name="Suspend").wait_for()
    assert gateway.chat(key)[0] == 200


def test_a_limit_is_set_changed_and_removed(person, gateway):
    gateway.api("POST", "tenants", {"slug": "limited"})
    person.sign_in("limits?tenant=limited")
    person.page.get_by_role("button", name="Set a limit").first.click()
    person.box().get_by_label("Amount").fill("2")
    person.press("Create", person.box())
    cell = person.page.get_by_role("table", name="Limits").get_by_role("row").nth(1)
    cell.wait_for()
    key = gateway.api("POST", "keys", {"tenant": "limited"})["key"]
    assert [gateway.chat(key)[0] for _ in range(3)] == [200, 200, 429]
    person.page.get_by_text("100 %").wait_for()
    person.press("Edit:", exact=False)
    person.box().get_by_label("Amount").fill("50")
    person.press("Save", person.box())
    person.page.get_by_role("cell", name="50", exact=True).wait_for()
    assert gateway.chat(key)[0] == 200
    person.press("Delete:", exact=False)
    person.press("Delete", person.box())
    person.page.get_by_text("No limit yet").wait_for()


def test_a_request_is_explained_by_its_id(person, gateway):
    _, request = gateway.chat()
    person.sign_in("requests")
    person.page.get_by_label("Request id").fill(request)
    person.press("Show")
    person.page.get_by_role("heading", name="Timeline").wait_for()
    person.sees("at the engine")
    person.sees("The parts make exactly the amount that was charged.")
    person.picture("request")
    person.page.get_by_label("Request id").fill("req_" + "0" * 32)
    person.press("Show")
    person.sees("It is not there, or not yours.")


def test_an_auditor_verifies_the_log_in_the_browser(person, gateway):
    before = gateway.api("GET", "audit/checkpoint")
    gateway.chat()
    gateway.api("GET", "audit/checkpoint")
    page = person.sign_in("audit").page
    page.get_by_role("link", name="Verify").click()
    page.get_by_label("Your earlier checkpoint").fill(before["checkpoint"])
    page.get_by_label("Verifier keys that you hold").fill(before["keys"])
    person.press("Verify in this browser")
    person.sees(f"The log's first {before['size']} entries are those of your checkpoint")
    person.picture("audit-verify")

    lines = before["checkpoint"].split("\n")
    lines[1] = str(int(lines[1]) - 1)
    page.get_by_label("Your earlier checkpoint").fill("\n".join(lines))
    person.press("Verify in this browser")
    person.sees("Not proven")

    person.open("audit/1")
    person.title("Entry 1")
    person.press("Verify in this browser")
    person.sees("This entry is in the signed tree")


def test_it_is_used_by_keyboard_alone(person, gateway):
    page = person.page
    page.goto(f"{gateway.url}/console/tenants")
    page.get_by_role("tab", name="Name and password").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.type(gateway.token)
    page.keyboard.press("Enter")
    person.title("Tenants")
    page.keyboard.press("Tab")
    create = page.get_by_role("button", name="Create tenant")
    create.focus()
    page.keyboard.press("Enter")
    person.box().wait_for()
    assert page.evaluate("() => document.activeElement.closest('[role=dialog]') !== null")
    page.keyboard.press("Escape")
    person.box().wait_for(state="detached")
    assert create.evaluate("one => one === document.activeElement")


def test_it_speaks_danish(person):
    person.sign_in()
    person.page.get_by_label("Language").select_option("da")
    person.title("Overblik")
    assert person.page.evaluate("() => document.documentElement.lang") == "da"
