import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import pytest  # noqa: E402

sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright: run scripts/setup --tests")

import browser as browser_module  # noqa: E402
from gateway import Gateway  # noqa: E402


@pytest.fixture(scope="session")
def chromium():
    if not browser_module.CHROMIUM:
        pytest.skip("no Chromium: run scripts/setup --tests, or set SM_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        running = browser_module.launch(playwright)
        yield running
        running.close()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("console"))
    status, _, body = running.fetch("/")
    if status == 404 and b"no web console" in body:
        running.stop()
        pytest.skip("this build has no web console: it was built without node")
    running.make_people()
    yield running
    running.stop()


@pytest.fixture
def person(chromium, gateway):
    one = browser_module.Person(chromium, gateway)
    yield one
    one.leave()
