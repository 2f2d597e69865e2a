"""The commands of docs/api.md do what it says they do, in its order."""

import os
import re
import subprocess

import document
from world import World

PAGE = document.ROOT / "docs/api.md"


def blocks():
    """(commands, what they print) of the page; '...' stands for anything."""
    found = re.findall(r"```(sh|json)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for (kind, commands), (next_kind, printed) in zip(found, found[1:]):
        if kind == "sh":
            assert next_kind == "json", commands
            yield commands, printed


def pattern(printed):
    return ".*".join(re.escape(each) for each in printed.strip().split("..."))


def test_every_command_prints_what_the_page_says(tmp_path):
    world = World(tmp_path)
    env = {**os.environ, "ADMIN": f"http://{world.admin}", "DATA_DIR": str(world.data),
           "TOKEN": world.token}
    before = ""
    try:
        world.ask()
        for commands, printed in blocks():
            if "api()" in commands:
                before = commands.splitlines()[0] + "\n"
            done = subprocess.run(["bash", "-ec", before + commands], env=env, timeout=30,
                                  capture_output=True, text=True, check=True)
            assert re.fullmatch(pattern(printed), done.stdout.strip(), re.DOTALL), (
                commands, done.stdout)
    finally:
        world.stop()
    assert before
