"""A model from its file to its end: imported behind walls, tested, released, retired, with a real engine."""

import hashlib
import json
import os
import pathlib
import struct
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

import pytest

import mesh as support
from mesh import ROOT, chat, make_key, wait_for

FILE = ROOT / "models/tiny/sovmesh-tiny.gguf"
CONFIG = """\
server:
  workers: 1
  listen: ["127.0.0.1:0"]
  admin_listen: []
  metrics_listen: []
  accept_after_term: 0s
tenants:
  - {name: aurora, keys: [{name: app, secret: env:AURORA_KEY}]}
  - {name: boreal, keys: [{name: app, secret: env:BOREAL_KEY}]}
"""
SERVED = """\
engines:
  - {{name: local, kind: managed, model_file: "{file}", slots: 1, context_tokens: 256}}
models:
  - {{name: assistant, engine: local, artifact: assistant@1.0}}
"""


class Mesh:
    def __init__(self, folder, more="", prepare=support.die_with_parent):
        self.folder = folder
        self.prepare = prepare
        self.data = folder / "data"
        self.keys = {name: make_key() for name in ("aurora", "boreal")}
        self.env = {**os.environ, "AURORA_KEY": self.keys["aurora"], "BOREAL_KEY": self.keys["boreal"]}
        self.config = folder / "sovmesh.yaml"
        self.config.write_text(CONFIG + more)
        self.start()

    def start(self):
        self.process = support.Process(["serve", "--config", self.config, "--data-dir", self.data],
                                       self.folder / "serve.log", self.env, prepare=self.prepare)

    def run(self, *words, code=0):
        done = subprocess.run([support.BINARY, *map(str, words), "--data-dir", str(self.data)],
                              capture_output=True, text=True, timeout=120, check=False, env=self.env)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stderr if code and not done.stdout else done.stdout

    def status(self, tenant):
        request = urllib.request.Request(
            f"http://{self.process.address}/v1/chat/completions",
            json.dumps({**chat("Hello", model="assistant"), "max_tokens": 4}).encode(),
            {"Authorization": f"Bearer {self.keys[tenant]}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code


@pytest.fixture
def mesh(tmp_path):
    one = Mesh(tmp_path)
    yield one
    assert one.process.stop() == 0


def in_quarantine(mesh):
    folder = mesh.data / "models/quarantine"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_from_a_file_to_its_end(tmp_path, mesh):
    made = json.loads(mesh.run("model", "import", FILE, "--name", "assistant", "--version", "1.0",
                               "--owner", "us", "--label", "team=a", "--json"))
    digest = hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert made["digest"] == digest and made["stage"] == "draft" and made["bytes"] == FILE.stat().st_size
    assert made["architecture"] == "llama" and made["parameters"] > 1_000_000 and made["owner"] == "us"
    place = pathlib.Path(made["path"])
    assert place == mesh.data / f"models/{digest}.gguf" and place.read_bytes() == FILE.read_bytes()
    assert made["checked_behind"], "no wall held"
    assert in_quarantine(mesh) == []
    assert "there already" in mesh.run("model", "import", FILE, "--name", "assistant", "--version", "1.0", code=1)

    mesh.process.stop()
    mesh.config.write_text(CONFIG + SERVED.format(file=place))
    mesh.start()
    assert mesh.status("aurora") == 404
    mesh.run("model", "trial", "assistant@1.0", "--tenant", "aurora")
    wait_for(lambda: mesh.status("aurora") == 200, 60)
    assert mesh.status("boreal") == 404

    release = ["model", "release", "assistant@1.0", "--all-tenants"]
    assert "test run" in mesh.run(*release, code=1)
    prompts = tmp_path / "set.json"
    case = {"name": "a", "prompt": "What is a tenant?", "excludes": ["\0"], "max_tokens": 8}
    prompts.write_text(json.dumps({"name": "smoke", "cases": [case]}))
    test = ["model", "test", "assistant@1.0", "--set", prompts, "--gateway", f"http://{mesh.process.address}",
            "--api-key-env", "AURORA_KEY"]
    assert "1 of 1 passed" in mesh.run(*test)
    prompts.write_text(json.dumps({"name": "smoke", "cases": [{**case, "contains": ["no such word"]}]}))
    said = mesh.run(*test, code=1)
    assert "worse" in said and "0 of 1 passed" in said
    assert "test run" in mesh.run(*release, code=1), "the latest run counts"
    prompts.write_text(json.dumps({"name": "smoke", "cases": [case]}))
    assert "better" in mesh.run(*test)
    mesh.run(*release)
    assert mesh.status("boreal") == 200

    assert "deprecate it first" in mesh.run("model", "retire", "assistant@1.0", code=1)
    mesh.run("model", "deprecate", "assistant@1.0", "--retires-at", "2199-01-01T00:00:00Z")
    assert mesh.status("boreal") == 200
    assert "later day" in mesh.run("model", "retire", "assistant@1.0", code=1)
    told = json.loads(mesh.run("audit", "list", "--action", "artifact.*", "--json"))["data"]
    assert [each["entry"]["action"] for each in reversed(told)] == [
        "artifact.create", "artifact.move", "artifact.tests", "artifact.tests", "artifact.tests", "artifact.move",
        "artifact.move"]


def corrupt(name):
    """Files that want to be models, and what is said of them."""
    whole = FILE.read_bytes()
    return {
        "cut.gguf": (whole[:-100], "behind the end"),
        "text.gguf": (b"hello", "begin with GGUF"),
        "count.gguf": (whole[:8] + struct.pack("<Q", 1 << 62) + whole[16:], "tensors"),
        "weights.bin": (whole, "want a .gguf file"),
    }[name]


@pytest.mark.parametrize("name", ["cut.gguf", "text.gguf", "count.gguf", "weights.bin"])
def test_what_is_no_model_leaves_nothing(tmp_path, mesh, name):
    content, word = corrupt(name)
    (tmp_path / name).write_bytes(content)
    said = mesh.run("model", "import", tmp_path / name, "--name", "bad", "--version", "1", code=1)
    assert word in said, said
    assert in_quarantine(mesh) == [] and not list((mesh.data / "models").glob("*.gguf"))
    assert json.loads(mesh.run("model", "artifacts", "--json"))["data"] == []


def test_a_folder_of_safetensors(tmp_path, mesh):
    folder = tmp_path / "model"
    folder.mkdir()
    header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    (folder / "config.json").write_text('{"architectures":["X"],"max_position_embeddings":64}')
    made = json.loads(mesh.run("model", "import", folder, "--name", "x", "--version", "1", "--json"))
    assert (made["format"], made["architecture"], made["context_tokens"]) == ("safetensors", "X", 64)
    assert made["digest"] in made["path"] and (pathlib.Path(made["path"]) / "config.json").exists()
    (folder / "tokenizer.json").symlink_to("/etc/hostname")
    said = mesh.run("model", "import", folder, "--name", "x", "--version", "2", code=1)
    assert "tokenizer.json' is a link" in said and "cp -rL" in said
    (folder / "tokenizer.json").unlink()
    (tmp_path / "link.gguf").symlink_to(FILE)
    said = mesh.run("model", "import", tmp_path / "link.gguf", "--name", "x", "--version", "2", code=1)
    assert "link.gguf' is a link" in said and str(FILE) in said
    os.mkfifo(tmp_path / "pipe.gguf")
    said = mesh.run("model", "import", tmp_path / "pipe.gguf", "--name", "x", "--version", "2", code=1)
    assert "pipe.gguf' is no regular file and no folder" in said and "> FILE.gguf" in said
    (folder / "modeling.py").write_text("import os")
    assert "can run code" in mesh.run("model", "import", folder, "--name", "x", "--version", "2", code=1)
    mesh.run("model", "forget", "x@1")
    assert not pathlib.Path(made["path"]).exists()


def become(uid):
    def prepare():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        support.die_with_parent()
    return prepare


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_root_imports_as_whoever_runs_the_server():
    uid = 61_234  # nobody on this machine has it
    try:
        subprocess.run([support.BINARY, "--version"], preexec_fn=become(uid), check=True, capture_output=True, timeout=30)
    except PermissionError:
        pytest.skip(f"other users cannot run {support.BINARY}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sovmesh-"))
    try:
        folder.chmod(0o755)  # pytest's own folders are closed to others
        (folder / "data").mkdir(mode=0o700)
        os.chown(folder / "data", uid, uid)
        weights = folder / "weights.gguf"
        shutil.copy(FILE, weights)
        weights.chmod(0o644)
        mesh = Mesh(folder, prepare=become(uid))
        try:
            made = json.loads(mesh.run("model", "import", weights, "--name", "assistant", "--version", "1", "--json"))
            assert made["checked_behind"], "no wall held"
            assert pathlib.Path(made["path"]).read_bytes() == FILE.read_bytes()
            assert in_quarantine(mesh) == []
            owners = {path: path.lstat().st_uid for path in mesh.data.rglob("*")}
            assert owners and set(owners.values()) == {uid}, owners
        finally:
            assert mesh.process.stop() == 0
    finally:
        shutil.rmtree(folder)
