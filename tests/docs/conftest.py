import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "e2e/console")]

import site_build  # noqa: E402


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the site, built as strictly as it can be."""
    if not site_build.PYTHON.exists():
        pytest.skip("no Sphinx: run scripts/setup --docs")
    folder = tmp_path_factory.mktemp("site")
    done = site_build.build(site_build.ROOT, folder, "--strict")
    assert done.returncode == 0, done.stderr
    return folder / "site"
