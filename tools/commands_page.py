#!/usr/bin/env python3
"""commands_page.py SOVMESH > docs/commands.md: every command and option, as the program itself says it."""
import re
import subprocess
import sys
import textwrap

WIDTH, HELP_COLUMN = 110, 30
HEAD = """# Commands

Written by `make reference` from the program's own `--help`; do not edit. `sovmesh COMMAND --help` says the same.

Exit codes: 0 done, 1 failed, 2 used wrongly, 3 nobody there to talk to (or an address that cannot be listened on), 4 the configuration is wrong,
5 the data folder is, 6 the server cannot do it now.

"""


def wrapped(line):
    """What options mean stands in a column of its own, which goes on below."""
    if not line.strip() or line.startswith("  sovmesh"):  # an example stays one line
        return line.rstrip()
    column = HELP_COLUMN if line.startswith("  ") else 0
    return textwrap.fill(line.rstrip(), WIDTH, subsequent_indent=" " * column, break_long_words=False,
                         break_on_hyphens=False, replace_whitespace=False)


def help_of(binary, words):
    done = subprocess.run([binary, *words, "--help"], capture_output=True, text=True, check=True, timeout=30,
                          stdin=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin"})
    return "\n".join(map(wrapped, done.stdout.strip().splitlines()))


def subcommands(text):
    """Names of the commands that a help text lists."""
    part = re.search(r"^(?:Subcommands|SUBCOMMANDS):\s*\n(.*?)(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^  ([a-z][\w-]*) ", part[1], re.MULTILINE) if part else []


def sections(binary, words=()):
    text = help_of(binary, words)
    level = "#" * min(len(words) + 1, 4)
    if words:
        yield f"{level} sovmesh {' '.join(words)}\n\n```text\n{text}\n```\n"
    for name in subcommands(text):
        yield from sections(binary, (*words, name))


def page(binary):
    return HEAD + "\n".join(sections(binary))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.write(page(sys.argv[1]))
