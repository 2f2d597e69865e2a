"""What the pages tell newcomers to do works, command by command, on this build."""

import re
import subprocess
import sys

import mesh
import pytest
import site_build
import walk

RUN = {"quick-start", "platform-operator", "tenant-admin", "developer", "auditor", "finance"}


@pytest.fixture
def fresh(tmp_path):
    one = walk.Walk(tmp_path)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """An installation whose operator has had his first hour."""
    one = walk.Walk(tmp_path_factory.mktemp("hour"))
    try:
        one.do("guides/platform-operator.md")
        assert one.ran == walk.commands("guides/platform-operator.md")
        yield one
    finally:
        one.stop()


def test_the_quick_start(fresh):
    fresh.do("quick-start.md")
    assert fresh.ran == walk.commands("quick-start.md")


def test_the_operators_first_hour(ready):
    assert ready.ran > 10


@pytest.mark.parametrize("page", ["tenant-admin", "developer", "finance", "auditor"])
def test_the_first_hour_of(ready, page):
    before = ready.ran
    ready.do(f"guides/{page}.md")
    assert ready.ran - before == walk.commands(f"guides/{page}.md")


def options(page):
    """{command: the names of its options} of a page of commands."""
    parts = re.split(r"^#+ (sovmesh .+)$", page, flags=re.MULTILINE)[1:]
    return {name: set(re.findall(r"--[a-z][\w-]*", text)) for name, text in zip(parts[::2], parts[1::2])}


def test_the_page_of_commands_is_what_the_program_says():
    made = subprocess.run([sys.executable, site_build.ROOT / "tools/commands_page.py", mesh.BINARY],
                          capture_output=True, text=True, timeout=120, check=True).stdout
    page = (site_build.ROOT / "docs/commands.md").read_text()
    assert len(options(made)) > 80 and "--older-checkpoint" in options(made)["sovmesh audit verify"]
    if "\nOptions:\n" in made:
        assert page == made, "stale: run `make reference`"
    else:  # another version of the library for command lines lays its help out in another way
        assert options(page) == options(made), "stale: run `make reference`"


def test_what_is_printed_is_compared():
    assert walk.matches("a ... c", "a b\nb c\n")
    assert not walk.matches("a ... c", "a b")


def test_a_command_that_fails_is_noticed(fresh):
    with pytest.raises(AssertionError, match="exit code 1"):
        fresh.run("page", "sh", "false\n", None)
