"""People read the site, in Debian's Chromium: on a desk and a phone, by light and in the dark, from a
web server and from a folder. No page asks another machine, and axe has nothing serious against it."""

import functools
import http.server
import threading

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright: run scripts/setup --tests")

import browser  # noqa: E402  tests/e2e/console
import site_build  # noqa: E402

# One of each kind: the front page, a page with a diagram, tables, pictures, examples, the API, search.
TEMPLATES = ["docs/README.html", "ARCHITECTURE.html", "docs/configuration.html", "docs/console.html",
             "docs/guides/developer.html", "docs/troubleshooting.html", "api/openapi.html",
             "api/limits.html", "api/objects.html", "docs/adr/0016-web-console.html", "search.html?q=lease"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address(site):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chromium():
    if not browser.CHROMIUM:
        pytest.skip("no Chromium: run scripts/setup --tests, or set SM_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        running = browser.launch(playwright)
        yield running
        running.close()


class Reader:
    """Notes what a page asks for and what goes wrong in it."""

    def __init__(self, chromium, base, **options):
        self.base, self.asked, self.faults = base, [], []
        self.context = chromium.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", lambda message: message.type == "error" and self.faults.append(message.text))

    def open(self, path):
        self.page.goto(self.base + path)
        if self.page.locator("pre.mermaid").count():
            self.page.locator("pre.mermaid svg").first.wait_for()
        if path.startswith("search"):
            self.page.locator("#search-results li a").first.wait_for()
        return self

    def outside(self):
        return [url for url in self.asked if not url.startswith((self.base, "data:", "blob:"))]

    def leave(self):
        self.context.close()
        assert self.faults == [], self.faults
        assert self.outside() == []

    def axe(self):
        return browser.Person.axe(self)


@pytest.fixture
def reader(chromium, address, request):
    one = Reader(chromium, address, **getattr(request, "param", {}))
    yield one
    one.leave()


def test_no_page_asks_another_machine_for_anything(reader, site):
    for name in [str(path.relative_to(site)) for path in site_build.pages(site)]:
        if name != "index.html":  # it leads on to the front page at once
            reader.open(name if name != "search.html" else "search.html?q=lease")
        assert reader.outside() == [], name


def test_what_is_asked_elsewhere_would_be_noticed(chromium, tmp_path):
    (tmp_path / "page.html").write_text('<img src="http://127.0.0.1:9/x.png">')
    one = Reader(chromium, f"file://{tmp_path}/").open("page.html")
    assert one.outside() == ["http://127.0.0.1:9/x.png"]
    one.context.close()


@pytest.mark.parametrize("reader", [
    {"viewport": browser.DESKTOP, "color_scheme": "light"},
    {"viewport": browser.DESKTOP, "color_scheme": "dark"},
    {"viewport": browser.PHONE, "color_scheme": "light", "has_touch": True},
], indirect=True, ids=["desk", "dark", "phone"])
def test_axe_has_nothing_serious_against_any_kind_of_page(reader):
    found = {path: reader.open(path).axe() for path in TEMPLATES}
    assert {path: faults for path, faults in found.items() if faults} == {}


@pytest.mark.parametrize("reader", [{"viewport": browser.PHONE, "has_touch": True}], indirect=True)
def test_on_a_phone_only_tables_and_examples_scroll_sideways(reader):
    for path in TEMPLATES:
        reader.open(path)
        width = reader.page.evaluate("document.scrollingElement.scrollWidth")
        assert width <= browser.PHONE["width"], path


def find(one, words):
    one.open("docs/README.html")
    one.page.get_by_placeholder("Search").first.fill(words)
    one.page.keyboard.press("Enter")
    one.page.locator("#search-results li a").first.wait_for()
    return one.page.locator("#search-results li a").all_inner_texts()


def test_the_search_finds_pages_by_their_words(reader):
    assert "Troubleshooting" in " ".join(find(reader, "idempotency_in_progress"))


def test_it_can_be_read_and_searched_from_a_folder(chromium, site):
    one = Reader(chromium, f"file://{site}/")
    assert "Troubleshooting" in " ".join(find(one, "idempotency_in_progress"))
    one.open("index.html")
    one.page.wait_for_url("**/docs/README.html")
    one.context.close()
    assert one.outside() == []  # browsers let no file read another, so what is found comes without excerpts


def test_the_reader_chooses_light_or_dark(reader):
    reader.open("ARCHITECTURE.html")
    colour = "getComputedStyle(document.body).backgroundColor"
    seen = set()
    for _ in range(3):  # as the system has it, light, dark
        reader.page.locator("button.theme-toggle:visible").first.click()
        seen.add(reader.page.evaluate(colour))
    assert len(seen) == 2


def test_the_keyboard_gets_to_the_content_at_once(reader):
    reader.open("docs/README.html")
    reader.page.keyboard.press("Tab")
    assert reader.page.evaluate("document.activeElement.getAttribute('href')") == "#furo-main-content"
