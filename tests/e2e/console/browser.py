"""A person at the console, in Debian's Chromium. Notes whatever should never happen in any test."""

import os
import pathlib
import re
import shutil
import urllib.parse

from gateway import PASSWORD

CHROMIUM = os.environ.get("SM_CHROMIUM") or shutil.which("chromium")
ROOT = pathlib.Path(__file__).resolve().parents[3]
AXE = ROOT / "console/node_modules/axe-core/axe.min.js"
# Where pictures go; unset: nowhere. `SM_PICTURES=docs/pictures/console` renews those of the manual.
PICTURES = os.environ.get("SM_PICTURES")
# A folder with the console as vite has built it, in place of the one in the binary: to try it without a new binary.
DIST = os.environ.get("SM_CONSOLE_DIST")
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}

WATCH = """addEventListener('securitypolicyviolation', e =>
  console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample))"""


def launch(playwright):
    # Chromium's own sandbox does not start as root.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=CHROMIUM, args=flags)


def from_folder(route):
    path = urllib.parse.urlsplit(route.request.url).path
    if path.startswith("/assets/"):
        return route.fulfill(path=pathlib.Path(DIST) / path[1:])
    head = {name: value for name, value in route.fetch().headers.items() if name not in ("content-encoding", "content-length")}
    return route.fulfill(headers=head, path=pathlib.Path(DIST) / "index.html")


class Person:
    def __init__(self, browser, gateway, **options):
        self.gateway = gateway
        self.context = browser.new_context(viewport=options.pop("viewport", DESKTOP), locale="en-GB",
                                           timezone_id="Europe/Copenhagen", **options)
        if DIST:
            self.context.route(re.compile(r"^[^/]+//[^/]+/(assets/.*|console/.*)?$"), from_folder)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.faults, self.asked = [], []
        self.page.add_init_script(WATCH)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("request", lambda request: self.asked.append((request.method, request.url)))

    def _heard(self, message):
        # That an answer was 4xx is what some tests are about.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.faults.append(message.text)

    def leave(self):
        outside = [url for _, url in self.asked if not url.startswith((self.gateway.url, "blob:", "data:"))]
        self.context.close()
        assert self.faults == [], self.faults
        assert outside == [], f"asked somebody else: {outside}"

    def open(self, path):
        """Goes to a view without loading the page again: the token is in its memory only."""
        self.page.evaluate("""path => {
          history.pushState({}, '', path);
          dispatchEvent(new PopStateEvent('popstate', {state: {}}));
        }""", f"/console/{path}")

    def sign_in(self, path="overview", token=None):
        self.page.goto(f"{self.gateway.url}/console/{path}")
        self.page.get_by_role("tab", name="Admin token").click()
        self.page.get_by_label("Token", exact=True).fill(token or self.gateway.token)
        self.press("Sign in")
        self.page.locator("main#content").wait_for()
        return self

    def sign_in_as(self, login, path="overview", password=None):
        self.page.goto(f"{self.gateway.url}/console/{path}")
        self.page.get_by_role("textbox", name="Name").fill(login)
        self.page.get_by_role("textbox", name="Password").fill(password or PASSWORD)
        self.press("Sign in")
        self.page.locator("main#content").wait_for()
        return self

    def follow(self, name):
        """A link of the menu."""
        self.page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()

    def menu(self):
        return self.page.get_by_role("navigation").get_by_role("link").all_inner_texts()

    def press(self, name, within=None, exact=True):
        (within or self.page).get_by_role("button", name=name, exact=exact).click()

    def confirm(self, name):
        """Does in a box what it asks for, having seen what that would be."""
        self.press("See what it does", self.box())
        self.box().get_by_role("region", name="What it does").wait_for()
        self.press(name, self.box())

    def box(self):
        return self.page.get_by_role("dialog")

    def sees(self, text):
        self.page.get_by_text(text).first.wait_for()

    def title(self, name):
        self.page.get_by_role("heading", level=1, name=name).wait_for()

    def settled(self):
        """Nothing is being fetched or drawn any more."""
        self.page.wait_for_function("""() => !document.querySelector('.loading') &&
          document.querySelector('main')?.getAttribute('aria-busy') !== 'true'""")

    def picture(self, name, full_page=True):
        if PICTURES:
            folder = ROOT / PICTURES
            folder.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=folder / f"{name}.png", full_page=full_page, animations="disabled")

    def axe(self):
        """What axe-core has against this page, of what it calls serious or critical."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:160]}"
                for one in found["violations"] if one["impact"] in ("serious", "critical")
                for node in one["nodes"]]


def digits(text):
    return int(re.sub(r"\D", "", text))
