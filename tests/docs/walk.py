"""Does what a page tells its reader to do, in its order, and compares what is printed.

A ```sh block is run by bash, a ```python block by Python; what they export stays for the next one. A ```text
block behind one is what it prints; '...' stands for anything. A ```yaml block behind a line that names a
file in backticks and ends in a colon is that file. `sovmesh serve`, `sovmesh engine-sim` and `make demo`
go on in the background, on free ports in place of those that the page says."""

import os
import re
import shlex
import subprocess
import sys

import mesh as support
import site_build

BLOCK = re.compile(r"^```(sh|python|text|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`([\w.-]+)`[^`\n]*:\n\Z")
LISTENERS = {"8080": "listen", "8081": "admin_listen", "9090": "metrics_listen"}


def matches(said, printed):
    """Whether a page's ```text is what was printed."""
    pattern = ".*".join(re.escape(each) for each in said.strip().split("..."))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL)


# What `sovmesh demo` runs; it listens on ports that cannot be chosen, so a server of its kind stands in here.
# That the demo itself starts and says what to paste is tested by tests/e2e/newcomer.
DEMO = f"""\
server:
  listen: ["127.0.0.1:0"]
  admin_listen: ["127.0.0.1:0"]
  metrics_listen: []
  accept_after_term: 0s
engines:
  - name: tiny
    kind: managed
    model_file: {support.ROOT}/models/tiny/sovmesh-tiny.gguf
    adapter_files: [{support.ROOT}/models/tiny/sovmesh-tiny-pirate.gguf]
    embeddings: true
    start_at_boot: true
models:
  - {{name: sovmesh-tiny, engine: tiny, embeddings: true}}
  - {{name: sovmesh-tiny-pirate, engine: tiny, adapter: 0, tenants: [aurora]}}
tenants:
  - name: aurora
    keys: [{{name: demo, secret: env:DEMO_KEY}}]
"""


class Walk:
    def __init__(self, folder):
        self.folder = folder
        self.running, self.ports = [], {}
        tools = folder / "bin"
        tools.mkdir()
        (tools / "sovmesh").symlink_to(support.BINARY)
        for name, words in (("python3", ""), ("pip", " -m pip")):  # those of the tests' environment
            (tools / name).write_text(f'#!/bin/sh\nexec {sys.executable}{words} "$@"\n')
            (tools / name).chmod(0o755)
        (folder / "tools").symlink_to(site_build.ROOT / "tools")
        names = ("OPENAI_BASE_URL", "OPENAI_API_KEY", "SM_DATA_DIR", "SM_ADMIN")
        self.env = {name: value for name, value in os.environ.items() if name not in names}
        # What a page installs is there already; no network is asked.
        self.env.update(PATH=f"{tools}:{os.environ['PATH']}", HOME=str(folder), PIP_NO_INDEX="1",
                        PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONDONTWRITEBYTECODE="1")
        self.ran = 0

    def stop(self):
        codes = [each.stop() for each in reversed(self.running)]
        assert not any(codes), codes

    def moved(self, text):
        """The text with the ports that are really listened on."""
        for port, real in self.ports.items():
            text = text.replace(f"127.0.0.1:{port}", real)
        return text

    def do(self, page):
        """All of a page."""
        text = (site_build.ROOT / "docs" / page).read_text()
        found = list(BLOCK.finditer(text))
        assert found, f"{page} has no commands"
        for at, block in enumerate(found):
            kind, body = block[1], block[2]
            after = found[at + 1] if at + 1 < len(found) else None
            said = after[2] if after is not None and after[1] == "text" else None
            if kind == "yaml":
                self.write(text[:block.start()], body)
            elif kind in ("sh", "python"):
                self.run(page, kind, body, said)

    def write(self, before, body):
        if name := FILE.search(before):
            for port in LISTENERS:
                body = body.replace(f"127.0.0.1:{port}", "127.0.0.1:0")
            (self.folder / name[1]).write_text(self.moved(body))

    def run(self, page, kind, body, said):
        if kind == "sh" and self.starts(body):
            return
        env_file = self.folder / "env"
        script = self.moved(body)
        if kind == "sh":
            words = ["bash", "-e", "-o", "pipefail", "-c", f"set -a\n{script}\nenv -0 > {shlex.quote(str(env_file))}"]
        else:
            words = [sys.executable, "-c", script]
        done = subprocess.run(words, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, f"{page}:\n{body}\nexit code {done.returncode}:\n{done.stdout}"
        if said is not None:
            assert matches(said, self.told(done.stdout)), f"{page}:\n{body}\nprinted:\n{done.stdout}"
        if kind == "sh":
            pairs = (each.partition("=") for each in env_file.read_text().split("\0") if each)
            self.env = {name: value for name, _, value in pairs}
        self.ran += 1

    def told(self, text):
        """What was printed, with the ports that the page says."""
        for port, real in self.ports.items():
            text = text.replace(real, f"127.0.0.1:{port}")
        return text

    def starts(self, body):
        """Whether the block was a program that goes on running."""
        words = shlex.split(self.moved(body), comments=True)
        if words[:2] == ["sovmesh", "engine-sim"]:
            asked = words[words.index("--listen") + 1]
            words[words.index("--listen") + 1] = "127.0.0.1:0"
            process = self.background(words[1:], "engine-sim")
            self.ports[asked.rpartition(":")[2]] = process.address
        elif words[:2] == ["sovmesh", "serve"]:
            process = self.background(words[1:], "serve")
            self.ports.update({port: process.ready[name][0] for port, name in LISTENERS.items()})
        elif words[:2] == ["make", "demo"]:
            self.start_demo()
        else:
            return False
        self.ran += 1
        return True

    def start_demo(self):
        """And what the demo prints for aurora is pasted, as the page says."""
        key = support.make_key()
        (self.folder / "demo.yaml").write_text(DEMO)
        self.env["DEMO_KEY"] = key
        process = self.background(["serve", "--config", "demo.yaml", "--data-dir", "demo"], "demo")
        self.env.update(OPENAI_BASE_URL=f"http://{process.address}/v1", OPENAI_API_KEY=key)

    def background(self, words, name):
        process = support.Process(words, self.folder / f"{name}.log", self.env, cwd=self.folder)
        self.running.append(process)
        return process


def commands(page):
    """How many blocks of a page are to be run."""
    return sum(block[1] in ("sh", "python")
               for block in BLOCK.finditer((site_build.ROOT / "docs" / page).read_text()))
