"""The official Node SDK against the running binary with the real engine."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from mesh import DEPS, SIM, TINY, open_ledger, wait_for

CLIENT_CLOSED = 4  # metering::Finish
FOLDER = pathlib.Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def seen(mesh):
    own = DEPS / "bin" / "node"
    node = str(own) if own.exists() else shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "openai").exists():
        pytest.skip("node or its openai package is missing (scripts/setup --tests)")
    done = subprocess.run(
        [node, "walk.mjs"], cwd=FOLDER, timeout=60, capture_output=True, text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "SM_BASE_URL": mesh.base_url, "SM_KEY": mesh.keys["aurora"],
             "SM_MODEL": TINY, "SM_SLOW_MODEL": SIM})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_chat_and_stream_say_the_same(seen):
    assert seen["plain"] and seen["streamed"] == seen["plain"]


def test_models_and_embeddings(seen):
    assert TINY in seen["models"] and seen["embedding"] > 8


def test_the_request_id_is_there(seen):
    assert seen["requestId"].startswith("req_")


@pytest.mark.parametrize("case, wanted", [
    ("badKey", {"name": "AuthenticationError", "status": 401, "code": "invalid_api_key"}),
    ("unknown", {"name": "NotFoundError", "status": 404, "code": "model_not_found"}),
])
def test_errors_have_their_class(seen, case, wanted):
    assert seen[case] == wanted


def test_an_invalid_value_is_a_bad_request(seen):
    assert seen["invalid"]["name"] == "BadRequestError" and seen["invalid"]["status"] == 400


def test_a_stream_can_be_hung_up_on(seen, mesh):
    assert 3 <= seen["pieces"] < 60  # what had come before the abort may still be read

    def hung_up():
        with contextlib.closing(open_ledger(mesh.data)) as ledger:
            return ledger.execute("SELECT count(*) FROM usage WHERE finish = ?",
                                  (CLIENT_CLOSED,)).fetchone()[0]
    assert wait_for(hung_up) >= 1
