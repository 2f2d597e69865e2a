"""`sovmesh demo --check`, and that it can fail."""

import os
import subprocess

from mesh import BINARY


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
