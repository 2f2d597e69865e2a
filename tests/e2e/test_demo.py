"""`sovmesh demo --check`, and that it can fail."""

import os
import subprocess

import pytest

from mesh import BINARY, Process


def check(folder, *more):
    return subprocess.run([BINARY, "demo", "--check", "--data-dir", folder, *more], timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={**os.environ, "HOME": str(folder)})


def test_every_token_is_counted(tmp_path):
    done = check(tmp_path / "share/sovmesh-demo")
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "aurora" in done.stdout and "borealis" in done.stdout


def test_a_lost_token_is_noticed(tmp_path):
    done = check(tmp_path / "demo", "--sabotage=drop-one-token")
    assert done.returncode == 1, done.stdout + done.stderr


def engine_sim(folder):
    return Process(["engine-sim", "--listen", "127.0.0.1:0", "--model", "sim"], folder / "sim.log")


@pytest.mark.parametrize("more", [(), ("--engine-dialect", "vllm"), ("--engine-model", "sim")])
def test_an_engine_of_the_users_own_is_checked_as_exactly(tmp_path, more):
    sim = engine_sim(tmp_path)
    url = f"http://{sim.address}/v1"
    try:
        done = check(tmp_path / "demo", "--engine", url, *more)
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("engine's counter" in done.stdout) == ("vllm" in more)
        done = check(tmp_path / "demo", "--engine", url, *more, "--sabotage=drop-one-token")
        assert done.returncode == 1, done.stdout + done.stderr
    finally:
        sim.stop()


def test_an_engine_that_is_not_there_is_said(tmp_path):
    done = check(tmp_path / "demo", "--engine", "http://127.0.0.1:1/v1")
    assert done.returncode == 3 and "the engine is not ready" in done.stderr, done.stderr


@pytest.mark.parametrize("words", [
    ("--engine-model", "x"), ("--engine-api-key-env", "HOME"), ("--engine-dialect", "vllm"),
    ("--engine", "http://127.0.0.1:1/v1", "--engine-api-key-env", "SM_NO_SUCH_VARIABLE"),
    ("--engine", "http://127.0.0.1:1/v1", "--model", BINARY)])
def test_options_that_would_do_nothing_are_refused(tmp_path, words):
    done = check(tmp_path / "demo", *words)
    assert done.returncode == 2, done.stderr
    assert not (tmp_path / "demo").exists()


def test_a_sabotage_of_nothing_is_refused(tmp_path):
    done = subprocess.run([BINARY, "demo", "--sabotage=drop-one-token", "--data-dir", tmp_path / "demo"],
                          timeout=60, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2, done.stderr
