import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "src"))

import fake  # noqa: E402


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    """Of whoever runs the tests nothing counts."""
    for name in list(os.environ):
        if name.startswith(("SOVMESH_", "OPENAI_")) or name == "SM_DATA_DIR":
            monkeypatch.delenv(name)


@pytest.fixture
def serve():
    """Starts fake servers, and ends them."""
    running = []

    def start(*answers):
        running.append(fake.FakeServer(*answers))
        return running[-1]
    yield start
    for each in running:
        each.close()
