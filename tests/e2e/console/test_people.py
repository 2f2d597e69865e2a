"""Users, their roles and sessions, and one's own account."""

from browser import Person
from gateway import PASSWORD


def test_an_operator_makes_the_administrator_of_a_tenant_who_signs_in(person, chromium, gateway):
    gateway.api("POST", "tenants", {"slug": "fresh"})
    person.sign_in_as("olga@platform", "users")
    person.press("Create user")
    box = person.box()
    box.get_by_label("Sign-in name").fill("mia@fresh")
    box.get_by_label("Shown as").fill("Mia")
    box.get_by_label("Where").select_option("fresh")
    box.get_by_label("Role").select_option("tenant-admin")
    box.get_by_text("The tenant's projects, keys").wait_for()
    box.get_by_label("Password").fill("short")
    person.press("Create", box)
    box.get_by_text("At least 12 characters", exact=True).last.wait_for()
    person.press("Suggest one", box)
    password = box.get_by_label("Password").input_value()
    assert len(password) == 24
    assert box.get_by_text("At least 12 characters", exact=True).count() == 0
    person.picture("user-create", full_page=False)
    person.press("Create", box)
    person.title("Mia")
    person.page.get_by_role("cell", name="tenant-admin", exact=True).wait_for()

    mia = Person(chromium, gateway).sign_in_as("mia@fresh", "tenants/fresh", password)
    mia.title("fresh")
    assert "Engines" not in mia.menu() and "Users" in mia.menu()
    mia.leave()


def test_a_tenant_admin_sees_and_makes_own_people_only(person, gateway):
    gateway.make_user("bo@borealis", "tenant-admin", "borealis")
    page = person.sign_in_as("ann@aurora", "users").page
    page.get_by_role("link", name="dave@aurora").wait_for()
    shown = page.get_by_role("table", name="Users").inner_text()
    assert "bo@borealis" not in shown and "olga@platform" not in shown
    person.press("Create user")
    assert person.box().get_by_label("Where").locator("option").all_inner_texts() == ["aurora"]
    person.box().get_by_label("Sign-in name").fill("eve@aurora")
    person.press("Create", person.box())
    person.title("eve@aurora")
    person.sees("no password yet")
    person.press("Set password")
    person.box().get_by_label("Password").fill(PASSWORD)
    person.press("Set password", person.box())
    person.box().wait_for(state="detached")
    page.get_by_text("active").first.wait_for()
    person.press("Give a role")
    person.box().get_by_label("Role").select_option("tenant-developer")
    person.press("Give a role", person.box())
    page.get_by_role("cell", name="tenant-developer", exact=True).wait_for()
    person.press("Take away: tenant-viewer (aurora)")
    person.press("Take away", person.box())
    page.get_by_role("cell", name="tenant-viewer", exact=True).wait_for(state="detached")
    roles = [one["role"] for one in gateway.api("GET", "users/eve@aurora")["memberships"]]
    assert roles == ["tenant-developer"]


def test_somebody_who_leaves_is_disabled_and_deleted(person, chromium, gateway):
    user = gateway.make_user("lee@aurora", "tenant-viewer", "aurora")
    lee = Person(chromium, gateway).sign_in_as("lee@aurora", "tenants")
    person.sign_in_as("ann@aurora", f"users/{user['id']}")
    person.page.get_by_role("region", name="Sessions").get_by_role("cell", name="127.0.0.1", exact=True).wait_for()
    person.picture("user")
    assert person.axe() == []
    person.press("Disable")
    person.press("Disable", person.box())
    person.page.get_by_role("button", name="Enable").wait_for()
    person.sees("Signed in nowhere.")
    lee.open("models")
    lee.sees("Your session has ended.")
    lee.leave()
    person.press("Delete")
    assert person.box().get_by_role("button", name="Delete").is_disabled()
    person.box().get_by_label("Type lee@aurora to confirm").fill("lee@aurora")
    person.press("Delete", person.box())
    person.title("Users")
    assert "lee@aurora" not in [one["login"] for one in gateway.api("GET", "users")["data"]]


def test_a_role_beyond_whoever_set_the_password_takes_it_and_says_so(person, gateway):
    user = gateway.make_user("cfo@aurora", "tenant-viewer", "aurora")
    ann = gateway.sign_in("ann@aurora")
    ann.api("PATCH", f"users/{user['id']}", {"password": "grey kettle 48 south"})
    person.sign_in(f"users/{user['id']}")
    person.press("Give a role")
    person.box().get_by_label("Where").select_option("borealis")
    person.press("Give a role", person.box())
    person.sees("it is gone, and so are the sessions")
    person.press("Understood", person.box())
    person.sees("no password yet")


def test_somebody_changes_the_own_password_and_ends_the_own_sessions(person, chromium, gateway):
    gateway.make_user("pat@aurora", "tenant-viewer", "aurora", display_name="Pat")
    elsewhere = gateway.sign_in("pat@aurora")
    page = person.sign_in_as("pat@aurora").page
    page.get_by_role("link", name="Pat", exact=True).click()
    person.title("My account")
    page.get_by_role("table", name="Sessions").get_by_text("this one").wait_for()
    person.picture("account")
    assert person.axe() == []
    person.press("Change password")
    person.box().get_by_label("Present password").fill("not my password")
    person.box().get_by_label("New password").fill("green kettle 49 east")
    person.press("Save", person.box())
    person.sees("this is not your password")
    person.box().get_by_label("Present password").fill(PASSWORD)
    person.press("Save", person.box())
    person.box().wait_for(state="detached")
    assert elsewhere.status("GET", "session") == 401
    page.get_by_role("table", name="Sessions").get_by_text("this one").wait_for()

    second = Person(chromium, gateway).sign_in_as("pat@aurora", "account", "green kettle 49 east")
    second.page.get_by_role("button", name="End: 127.0.0.1").click()
    second.press("End", second.box())
    second.page.get_by_role("button", name="End: 127.0.0.1").wait_for(state="detached")
    person.open("tenants")
    person.sees("Your session has ended.")
    second.press("Edit")
    second.box().get_by_label("Shown as").fill("Patricia")
    second.press("Save", second.box())
    second.page.get_by_role("link", name="Patricia", exact=True).wait_for()
    second.press("Sign out everywhere")
    second.press("End", second.box())
    second.title("Sign in")
    second.leave()


def test_the_admin_token_has_no_account(person):
    person.sign_in("account")
    person.sees("The admin token has no account")


def test_a_service_account_gets_a_token_that_works_until_it_is_revoked(person, gateway):
    page = person.sign_in_as("ann@aurora", "users").page
    person.press("Create user")
    person.box().get_by_label("Kind").select_option("service account")
    person.box().get_by_label("Sign-in name").fill("nightly@aurora")
    assert person.box().get_by_label("Password").count() == 0
    person.press("Create", person.box())
    person.title("nightly@aurora")
    person.press("Create token")
    person.box().get_by_label("Name").fill("nightly report")
    person.press("Create", person.box())
    token = person.box().get_by_label("Access token", exact=True).inner_text()
    assert token.startswith("smt-")
    person.picture("token-created", full_page=False)
    person.press("I have copied it", person.box())
    assert page.get_by_text(token).count() == 0  # once

    def status():
        return gateway.fetch("/api/v1/session", authorization=f"Bearer {token}")[0]

    assert status() == 200
    person.press("Revoke token: nightly report")
    person.press("Revoke token", person.box())
    page.get_by_text("No access token.").wait_for()
    assert status() == 401


def test_a_service_account_can_be_the_first_user_of_a_tenant(person, gateway):
    gateway.api("POST", "tenants", {"slug": "machines"})
    page = person.sign_in("users?tenant=machines").page
    person.sees("No user yet")
    page.get_by_role("button", name="Create user").first.click()
    person.box().get_by_label("Kind").select_option("service account")
    person.box().get_by_label("Sign-in name").fill("robot@machines")
    person.press("Create", person.box())
    person.title("robot@machines")
    assert gateway.api("GET", "users/robot@machines")["kind"] == "service"


def test_an_access_token_opens_the_console_for_what_its_user_may(person, gateway):
    dave = gateway.sign_in("dave@aurora")
    user = dave.api("GET", "session")["user"]["id"]
    token = dave.api("POST", f"users/{user}/tokens", {"name": "laptop", "days": 1})["token"]
    person.sign_in("tenants", token=token)
    person.title("Tenants")
    assert "Engines" not in person.menu()
    person.page.get_by_role("link", name="dave@aurora").click()
    person.title("My account")
    person.page.get_by_role("cell", name="laptop").wait_for()
    assert person.page.get_by_role("button", name="Create token").count() == 0  # a token makes no tokens
    assert person.page.get_by_role("button", name="Change password").count() == 0
    ann = gateway.sign_in("ann@aurora")
    kept, = ann.api("GET", f"users/{user}/tokens")["data"]
    assert ann.status("DELETE", f"users/{user}/tokens/{kept['id']}") == 204
    person.open("models")
    person.sees("Your session has ended.")


def test_somebody_makes_an_access_token_for_the_own_programs(person, gateway):
    gateway.make_user("tom@aurora", "tenant-viewer", "aurora")
    person.sign_in_as("tom@aurora", "account")
    person.press("Create token")
    person.box().get_by_label("Name").fill("backup script")
    person.box().get_by_label("Works for").select_option("7")
    person.press("Create", person.box())
    token = person.box().get_by_label("Access token", exact=True).inner_text()
    person.press("I have copied it", person.box())
    person.page.get_by_role("cell", name="backup script", exact=True).wait_for()
    assert gateway.fetch("/api/v1/tenants", authorization=f"Bearer {token}")[0] == 200
