"""Builds the site of a tree, and reads the pages that come out."""

import html.parser
import os
import pathlib
import subprocess
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPS = pathlib.Path(os.environ.get("SM_DEPS_DIR", str(ROOT / "build/deps")))
PYTHON = DEPS / "docs-venv/bin/python"
LOADS = {"src", "srcset", "poster", "data"}  # attributes that make a browser fetch something


def build(tree, folder, *options):
    return subprocess.run([PYTHON, "-B", tree / "tools/site/build.py", "--out", folder / "site", *options],
                          capture_output=True, text=True, timeout=240)


class Page(html.parser.HTMLParser):
    """What a page links to, what it loads, and its anchors."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.anchors = [], [], {""}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name == "href" and tag == "a":
                self.links.append(value)
            elif name == "href" or name in LOADS and tag != "input":
                self.loads.append(value)


def pages(folder):
    return {path: Page(path.read_text()) for path in sorted(folder.rglob("*.html"))}


def is_elsewhere(target):
    parts = urllib.parse.urlsplit(target)
    return bool(parts.netloc) or parts.scheme in ("http", "https", "mailto")


def broken(folder):
    """Links of the site's pages that lead nowhere in it."""
    found, all_pages = [], pages(folder)
    for path, page in all_pages.items():
        for target in page.links + page.loads:
            if is_elsewhere(target) or target.startswith("data:"):
                continue
            name, _, anchor = target.partition("#")
            name = urllib.parse.unquote(name.partition("?")[0])
            to = (path.parent / name).resolve() if name else path
            if not to.is_file():
                found.append(f"{path.relative_to(folder)}: {target}")
            elif to in all_pages and urllib.parse.unquote(anchor) not in all_pages[to].anchors:
                found.append(f"{path.relative_to(folder)}: no anchor {target}")
    return found
