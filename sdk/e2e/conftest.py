import sys

import pytest

import world as support

sys.path.insert(0, str(support.ROOT / "sdk/python/src"))


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    running = support.World(tmp_path_factory.mktemp("world"))
    yield running
    running.stop()
