"""Texts that people and programs send stay texts, wherever they are shown."""

from gateway import PASSWORD

EVIL = "<img src=x onerror=\"window.owned=1\"><script>owned=1</script>"  # 64 bytes at most
assert len(EVIL) <= 64
NAME = "<svg/onload=window.owned=1>".replace("/", "")  # what a login may have


def harmless(person, place, wanted=EVIL):
    person.settled()
    person.page.get_by_text(wanted).first.wait_for()
    assert person.page.evaluate("() => window.owned") is None, place
    assert person.page.locator("main img, main script, main svg[onload]").count() == 0, place


def test_names_of_tenants_projects_keys_and_users(person, gateway):
    gateway.api("POST", "tenants", {"slug": "evil", "display_name": EVIL, "currency": "DKK"})
    gateway.api("POST", "projects", {"tenant": "evil", "slug": "default-two", "display_name": EVIL, "cost_centre": EVIL})
    made = gateway.api("POST", "keys", {"tenant": "evil", "project": "default-two", "display_name": EVIL, "owner": EVIL})
    user = gateway.make_user(NAME, "tenant-viewer", "evil", display_name=EVIL)
    gateway.api("POST", "limits", {"tenant": "evil", "user": EVIL, "measure": "requests", "window": "day", "amount": 9})
    _, request = gateway.chat(made["key"])
    person.sign_in("tenants/evil")
    harmless(person, "tenant")
    for path in ("tenants", f"keys/{made['id']}", "users", f"users/{user['id']}", "limits?tenant=evil", f"requests/{request}",
                 "usage?by=user&tenant=evil", "usage?by=key&tenant=evil", "usage?by=cost_centre&tenant=evil"):
        person.open(path)
        harmless(person, path)
    assert person.page.title() != "1"


def test_reasons_of_statements_and_rollouts(person, gateway):
    gateway.api("POST", "tenants", {"slug": "evil-bill", "currency": "DKK"})
    gateway.api("POST", "statements/evil-bill/adjustments", {"amount": "1.00", "reason": EVIL})
    month = gateway.api("GET", "usage?tenant=aurora&by=month")["data"]
    gateway.api("POST", "routes", {"name": "words", "versions": [
        {"model": "llama-v1", "weight": 1}, {"model": "llama-v2", "stage": "canary"}]})
    gateway.api("POST", "rollouts", {"route": "words", "candidate": "llama-v2", "steps": ["20%:10m"]})
    gateway.api("POST", "rollouts/words/abort", {"reason": EVIL})
    person.sign_in("routes/words")
    harmless(person, "rollout")
    from_usage = month[-1]["group"] if month else None
    if from_usage:
        person.open(f"statements/evil-bill/{from_usage}")
        harmless(person, "statement")


def test_what_a_browser_says_of_itself(person, gateway):
    user = gateway.make_user("loud@aurora", "tenant-viewer", "aurora")
    status = gateway.fetch("/api/v1/sessions", "POST", {"login": "loud@aurora", "password": PASSWORD},
                           **{"user-agent": EVIL})[0]
    assert status == 201
    person.sign_in(f"users/{user['id']}")
    harmless(person, "sessions")


def test_what_a_program_says(person, gateway):
    person.sign_in("playground")
    person.page.get_by_label("Key of a tenant").fill(gateway.key)
    person.page.get_by_label("Model", exact=True).select_option("llama")
    person.page.get_by_label("Message").fill(EVIL)
    person.page.get_by_label("System prompt").fill(EVIL)
    person.press("Send")
    person.page.get_by_role("link", name="Details").wait_for()
    harmless(person, "playground")


def test_settings_and_events_of_a_tenant(person, gateway):
    gateway.api("POST", "tenants", {"slug": "evil-words"})
    gateway.api("PUT", "tenants/evil-words/settings", {
        "system_prompts": [{"name": "house", "text": EVIL, "mode": "prepend"}], "disclaimer": {"text": EVIL}})
    person.sign_in("settings?tenant=evil-words")
    person.settled()
    harmless(person, "settings", EVIL[:20])


def test_names_of_tokens(person, gateway):
    user = gateway.api("POST", "users", {"login": "evil-service@aurora", "kind": "service", "role": "tenant-viewer",
                                         "tenant": "aurora"})
    gateway.api("POST", f"users/{user['id']}/tokens", {"name": EVIL, "days": 1})
    person.sign_in(f"users/{user['id']}")
    harmless(person, "tokens")


def test_what_is_said_of_an_artifact_and_what_its_tests_missed(person, gateway):
    gateway.import_model("evil@1", "--owner", EVIL, "--licence", EVIL, "--origin", EVIL, "--label", f"team={EVIL}")
    gateway.api("POST", "models", {"name": "evil-model", "engine": "gpu-1", "engine_model": "sim", "artifact": "evil@1"})
    gateway.api("POST", "artifacts/evil@1/tests", {"set": EVIL, "model": "evil-model", "results": [
        {"name": EVIL, "passed": False, "failures": [EVIL]}]})
    person.sign_in("artifacts")
    harmless(person, "artifacts")
    person.open("artifacts/evil@1")
    person.page.get_by_role("table", name="Case by case").get_by_text(EVIL).first.wait_for()
    harmless(person, "artifact")
