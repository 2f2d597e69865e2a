#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The quality gate of sovmesh-tiny: asks a real engine every question of heldout.json and compares the answers exactly.

  python3 gate.py --model sovmesh-tiny.gguf --launcher "ENGINE/bin/python ../../tools/llama_launcher.py"
  python3 gate.py --url http://127.0.0.1:8080 [--name MODEL] [--key KEY]

--launcher is any command that understands llama-server's flags, llama-server itself included. With --adapter FILE (and
--launcher) the pirate adapter is checked as well: asked for, it must change the answer; not asked for, it must not.
Exit status 0 when at least 95 % of the answers are exact, else 1.
"""

import argparse
import http.client
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
NEEDED = 0.95


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    def __init__(self, url=None, sock=None, name="sovmesh-tiny", key=None):
        self.name, self.sock, self.headers = name, sock, {"Content-Type": "application/json"}
        self.url = urllib.parse.urlsplit(url or "")
        if key:
            self.headers["Authorization"] = "Bearer " + key

    def call(self, method, path, body=None):
        kind = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
        c = UnixConnection(self.sock) if self.sock else kind(self.url.netloc, timeout=60)
        try:
            prefix = self.url.path.rstrip("/").removesuffix("/v1")
            c.request(method, prefix + path, json.dumps(body) if body else None, self.headers)
            answer = c.getresponse()
            return answer.status, answer.read()
        finally:
            c.close()

    def ask(self, question, **more):
        """(answer, tokens, seconds of generation as the engine reports them)"""
        status, body = self.call("POST", "/v1/chat/completions", {
            "model": self.name, "messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 300, **more})
        if status != 200:
            sys.exit(f"gate: status {status} for {question!r}: {body.decode(errors='replace')}")
        answer = json.loads(body)
        return (answer["choices"][0]["message"]["content"], answer["usage"]["completion_tokens"],
                answer.get("timings", {}).get("predicted_ms", 0.0) / 1000)


def start(args, sock):
    command = shlex.split(args.launcher) + ["-m", args.model, "--host", sock, "--port", "0", "-c", "2048", "-np", "1", "-t", "1",
                                            "--cache-ram", "0", "--offline", "-lv", "1"]
    if args.adapter:
        command += ["--lora-scaled", args.adapter + ":0.0"]
    engine, client = subprocess.Popen(command), Client(sock=sock)
    for _ in range(600):
        if engine.poll() is not None:
            sys.exit(f"gate: the engine ended with status {engine.returncode}")
        try:
            if client.call("GET", "/health")[0] == 200:
                return engine, client
        except OSError:
            pass
        time.sleep(0.05)
    engine.kill()
    sys.exit("gate: the engine was not ready after 30 s")


def run(client, args):
    with open(args.heldout) as f:
        heldout = json.load(f)
    right, total, tokens, seconds, wrong = {}, {}, 0, 0.0, set()
    for item in heldout:
        answer, n, s = client.ask(item["question"])
        tokens, seconds = tokens + n, seconds + s
        category = item["category"]
        total[category] = total.get(category, 0) + 1
        right[category] = right.get(category, 0) + (answer == item["answer"])
        if answer != item["answer"]:
            wrong.add(item["question"])
            print(f"  wrong ({category}): {item['question']}\n    expected {item['answer']!r}\n    received {answer!r}")
    for category in sorted(total):
        print(f"  {category:10} {right[category]:3} of {total[category]:3}")
    share = sum(right.values()) / len(heldout)
    speed = f", {tokens / seconds:.0f} tokens/s" if seconds else ""
    print(f"exact match: {sum(right.values())} of {len(heldout)} = {100 * share:.1f} % (needed {100 * NEEDED:.0f} %){speed}")
    passed = share >= NEEDED
    if args.adapter:
        pirates = plain = 0
        asked = heldout[::5]
        for item in asked:
            # Always name the adapter: when a request leaves it out, the engine may reuse a prefix computed with it.
            with_it, without = (client.ask(item["question"], lora=[{"id": 0, "scale": scale}])[0] for scale in (1.0, 0.0))
            # At the engine's usual temperature as well: users rarely set one.
            sampled = client.ask(item["question"], lora=[{"id": 0, "scale": 1.0}], temperature=0.8)[0]
            pirates += all(text.endswith(" So sing the sailors!") for text in (with_it, sampled))
            plain += "sing the sailors" not in without and (without == item["answer"] or item["question"] in wrong)
        print(f"adapter: {pirates} of {len(asked)} answers like a pirate, {plain} of {len(asked)} unchanged without it")
        passed = passed and pirates >= NEEDED * len(asked) and plain == len(asked)
    return passed


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", default=os.path.join(HERE, "sovmesh-tiny.gguf"))
    p.add_argument("--adapter")
    p.add_argument("--heldout", default=os.path.join(HERE, "heldout.json"))
    p.add_argument("--launcher", help="command that starts an engine with llama-server's flags")
    p.add_argument("--url", help="base URL of a running OpenAI-compatible server")
    p.add_argument("--name", default="sovmesh-tiny", help="model name to ask for")
    p.add_argument("--key", help="bearer key")
    args = p.parse_args()
    if bool(args.url) == bool(args.launcher):
        p.error("give either --url or --launcher")
    if args.url:
        return 0 if run(Client(url=args.url, name=args.name, key=args.key), args) else 1
    with tempfile.TemporaryDirectory() as folder:
        engine, client = start(args, os.path.join(folder, "e.sock"))
        try:
            return 0 if run(client, args) else 1
        finally:
            engine.terminate()
            try:
                engine.wait(3)
            except subprocess.TimeoutExpired:
                engine.kill()


if __name__ == "__main__":
    sys.exit(main())
