"""The most frequent jobs of each person, beside those of the other files, with the password of each and
the real engine.

platform operator   a tenant with its first key; its administrator; an engine; a rollout; a share of a pool
tenant admin        people and roles; a project and a key; limits; settings; the own bill
developer           a first streamed answer; a new text for the own key; what a request cost and why it took
                    so long; what limits leave; the own password and tokens
auditor             who did it; a request proven; the log verified; who may what; what the server goes by
finance             usage by cost centre; a statement; an adjustment; what is to come; prices
"""

import csv
import datetime
import io

from browser import digits
from gateway import TINY


def month_of(gateway, tenant):
    return gateway.api("GET", f"usage?tenant={tenant}&by=month")["data"][-1]["group"]


def read_download(person, button):
    with person.page.expect_download() as coming:
        person.press(button)
    return list(csv.DictReader(io.StringIO(open(coming.value.path(), encoding="utf-8").read())))


# --- tenant admin


def test_a_tenant_admin_makes_a_project_with_a_key_and_limits_a_user(person, gateway):
    page = person.sign_in_as("ann@aurora", "tenants/aurora").page
    assert page.get_by_role("button", name="Suspend").count() == 0
    person.press("Create project")
    person.box().get_by_label("Name").fill("chatbot")
    person.box().get_by_label("Cost centre").fill("4712")
    person.press("Create", person.box())
    page.get_by_role("cell", name="4712").wait_for()
    page.get_by_role("region", name="Keys").get_by_role("button", name="Create key").first.click()
    person.box().get_by_label("Name").fill("chatbot in production")
    person.box().get_by_label("Project").select_option("chatbot")
    person.box().get_by_label("Owner").fill("dave@aurora")
    person.press("Create", person.box())
    key = person.box().get_by_label("Key", exact=True).inner_text()
    person.press("I have copied it", person.box())

    person.follow("Limits")
    page.get_by_role("button", name="Set a limit").first.click()
    person.box().get_by_label("User").fill("dave@aurora")
    person.box().get_by_label("Per").select_option("day")
    person.box().get_by_label("Amount").fill("2")
    person.press("Create", person.box())
    page.get_by_role("cell", name="user aurora dave@aurora").wait_for()
    assert [gateway.chat(key)[0] for _ in range(3)] == [200, 200, 429]
    person.press("Delete: user:aurora/dave@aurora requests/day")
    person.press("Delete", person.box())
    page.get_by_role("cell", name="user aurora dave@aurora").wait_for(state="detached")


def test_a_tenant_admin_reads_the_own_bill_and_nobody_elses(person, gateway):
    assert gateway.chat()[0] == 200
    page = person.sign_in_as("ann@aurora", f"statements/aurora/{month_of(gateway, 'aurora')}").page
    person.sees("Preliminary")
    page.get_by_role("cell", name="llama").first.wait_for()
    assert page.get_by_label("Tenant").locator("option").all_inner_texts() == ["aurora"]
    assert page.get_by_role("button", name="Book an adjustment").count() == 0
    person.follow("Tenants")
    page.get_by_role("link", name="aurora", exact=True).wait_for()
    assert "borealis" not in page.locator("main").inner_text()
    person.open("tenants/borealis")
    person.sees("It is not there, or not yours.")


# --- developer


def test_a_developer_gets_a_first_streamed_answer_of_the_real_engine(person, gateway):
    gateway.ready("tiny")
    page = person.sign_in_as("dave@aurora", "tenants/aurora").page
    person.page.get_by_role("button", name="Create key").first.click()
    person.box().get_by_label("Name").fill("laptop")
    person.box().get_by_label("Owner").fill("dave@aurora")
    person.press("Create", person.box())
    person.box().get_by_role("tab", name="Python").click()
    assert "OpenAI(" in person.box().get_by_label("Python").first.inner_text()
    person.press("Try it", person.box())
    page.get_by_label("Model", exact=True).select_option(TINY)
    page.get_by_label("Message").fill("Hello, who are you?")
    person.press("Send")
    answer = page.get_by_role("region", name=f"Answer of {TINY}")
    answer.get_by_role("link", name="Details").wait_for(timeout=60_000)
    assert answer.locator(".answer").inner_text() != ""
    answer.get_by_role("link", name="Details").click()
    page.get_by_role("heading", name="Timeline").wait_for()
    person.sees("The parts make exactly the amount that was charged.")
    assert page.get_by_text("tiny", exact=True).count() == 0  # where it ran is not for tenants
    person.sees("you may not read the audit log's entries")


def test_a_developer_gives_the_own_key_a_new_text(person, gateway):
    dave = gateway.sign_in("dave@aurora")
    made = dave.api("POST", "keys", {"tenant": "aurora", "owner": "dave@aurora", "display_name": "to renew"})
    page = person.sign_in_as("dave@aurora", "tenants/aurora").page
    page.get_by_role("link", name="to renew").click()
    person.press("Rotate")
    person.box().get_by_label("The old text works for another").select_option("1h")
    person.press("Rotate", person.box())
    fresh = person.box().get_by_label("Key", exact=True).inner_text()
    person.press("I have copied it", person.box())
    person.sees("Old text works until")
    assert gateway.chat(made["key"])[0] == 200 and gateway.chat(fresh)[0] == 200
    foreign = gateway.api("POST", "keys", {"tenant": "aurora", "owner": "ann@aurora"})
    person.open(f"keys/{foreign['id']}")
    person.press("Revoke")  # the server decides whose a key is
    person.press("Revoke", person.box())
    person.box().get_by_text("You may not do this.").wait_for()


def test_a_developer_finds_out_what_limits_leave(person, gateway):
    page = person.sign_in_as("dave@aurora", "limits").page
    row = page.get_by_role("table", name="Limits").get_by_role("row").filter(has_text="requests").first
    assert digits(row.get_by_role("cell").nth(3).inner_text()) == 1000
    assert page.get_by_role("button", name="Set a limit").count() == 0
    gateway.api("POST", "limits", {"tenant": "aurora", "user": "dave@aurora", "measure": "requests", "window": "hour", "amount": 500})
    mine = page.get_by_role("row").filter(has_text="dave@aurora")
    mine.wait_for()
    assert mine.get_by_role("button").count() == 0


# --- auditor


def test_an_auditor_finds_who_revoked_a_key(person, gateway):
    ann = gateway.sign_in("ann@aurora")
    key = ann.api("POST", "keys", {"tenant": "aurora", "display_name": "gone"})["id"]
    ann.api("POST", f"keys/{key}/revoke", {})
    user = ann.api("GET", "session")["user"]["id"]
    page = person.sign_in_as("audrey@platform", "audit").page
    page.get_by_label("Tenant").select_option("aurora")
    page.get_by_label("Action").fill("key.*")
    person.press("Search")
    row = page.get_by_role("row").filter(has_text="key.revoke").filter(has_text=key).first
    row.get_by_role("link").first.click()
    page.get_by_role("heading", level=1, name="Entry").wait_for()
    person.sees(user)
    person.press("Verify in this browser")
    person.sees("This entry is in the signed tree")


def test_an_auditor_follows_a_request_into_the_log(person, gateway):
    _, request = gateway.chat()
    page = person.sign_in_as("audrey@platform", f"requests/{request}").page
    page.get_by_role("heading", name="Timeline").wait_for()
    page.get_by_role("link", name="of the audit log").click()
    person.press("Verify in this browser")
    person.sees("This entry is in the signed tree")
    page.get_by_role("link", name=f"Request {request}").click()
    page.get_by_role("heading", name="Timeline").wait_for()


def test_an_auditor_sees_who_may_what_and_changes_nothing(person, gateway):
    page = person.sign_in_as("audrey@platform", "users").page
    page.get_by_role("cell", name="platform-operator", exact=True).wait_for()
    assert page.get_by_role("button", name="Create user").count() == 0
    page.get_by_role("link", name="ann@aurora").click()
    page.get_by_role("cell", name="tenant-admin", exact=True).wait_for()
    for name in ("Edit", "Set password", "Disable", "Delete", "Give a role"):
        assert page.get_by_role("button", name=name).count() == 0, name


def test_an_auditor_reads_what_the_server_goes_by(person, gateway):
    page = person.sign_in_as("audrey@platform", "settings").page
    config = page.get_by_label("Effective configuration").last
    config.wait_for()
    assert "gpu-1" in config.inner_text() and gateway.key not in config.inner_text()
    assert "env:E2E_AURORA" in config.inner_text()
    assert "127.0.0.1" in page.get_by_role("region", name="Server").inner_text()


# --- finance


def test_finance_reads_usage_by_cost_centre_and_takes_it_along(person, gateway):
    gateway.api("POST", "tenants", {"slug": "accounted", "currency": "DKK"})
    gateway.api("POST", "projects", {"tenant": "accounted", "slug": "research", "cost_centre": "4713"})
    key = gateway.api("POST", "keys", {"tenant": "accounted", "project": "research"})["key"]
    assert gateway.chat(key)[0] == 200
    page = person.sign_in_as("finn@platform").page
    assert not {"Engines", "Users", "Audit"} & set(person.menu())
    person.follow("Usage and cost")
    page.get_by_label("By", exact=True).select_option("cost_centre")
    page.get_by_label("Tenant").select_option("accounted")
    person.press("Show")
    row = page.get_by_role("table", name="Usage and cost").get_by_role("row").filter(has_text="4713")
    row.wait_for()
    line, = [one for one in read_download(person, "Download CSV") if "4713" in one.values()]
    assert line["requests"] == "1"
    page.get_by_role("table", name="Forecast").wait_for()


def test_finance_corrects_a_statement_that_still_adds_up(person, gateway):
    gateway.api("POST", "tenants", {"slug": "credited", "currency": "DKK"})
    key = gateway.api("POST", "keys", {"tenant": "credited"})["key"]
    assert gateway.chat(key)[0] == 200
    month = month_of(gateway, "credited")
    page = person.sign_in_as("finn@platform", f"statements/credited/{month}").page
    person.press("Book an adjustment")
    person.box().get_by_label("Amount").fill("-12.50")
    person.box().get_by_label("Reason").fill("outage on Monday")
    person.picture("statement-adjust", full_page=False)
    person.press("Book", person.box())
    page.get_by_role("table", name="Adjustments").get_by_role("cell", name="outage on Monday").wait_for()
    page.locator("dd", has_text="-12.50 DKK").first.wait_for()
    total, = gateway.api("GET", f"statements/credited/{month}")["totals"]
    assert total["due_micro"] == total["usage_micro"] - 12_500_000
    assert any("-12.5" in str(line.values()) for line in read_download(person, "Download CSV"))


def test_finance_looks_a_month_ahead_and_up_prices(person, gateway):
    page = person.sign_in_as("finn@platform", f"models/{TINY}").page
    page.get_by_role("cell", name="standard 2026").wait_for()
    page.get_by_role("cell", name="120").first.wait_for()
    person.open("usage?tenant=aurora&by=model")
    page.get_by_role("table", name="Forecast").wait_for()
    assert str(datetime.date.today().year) in page.get_by_role("heading", name="Forecast").inner_text()
