#!/usr/bin/env python3
"""Builds the documentation site from the repository's own pages: `make docs`.

    build.py [--out build/site] [--strict]

The site's source is a copy of the repository's pages at the places that they have there, so a link
that works in the repository works on the site, and the other way round. Its navigation is what
docs/README.md lists. A page that is not listed there is shown under "More pages", with a warning;
with --strict it is an error. Broken links and anchors are errors always.
"""
import argparse
import pathlib
import re
import shutil
import sys

import api_reference

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
FRONT = "docs/README.md"
AT_THE_ROOT = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md")
DECISIONS = "docs/adr/README.md"
LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCE = re.compile(r"^( *)(```+|~~~+).*?^\1\2 *$", re.DOTALL | re.MULTILINE)


def links(text):
    """Where the links of a page lead, without those in its examples."""
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))
    return [target for target in LINK.findall(prose) if not re.match(r"[a-z]+:", target)]


def place_of(page, target):
    """The file, from the root, that a link of `page` leads to; None: the page itself."""
    path = target.partition("#")[0]
    if not path:
        return None
    resolved = (ROOT / page).parent.joinpath(path).resolve()
    return str(resolved.relative_to(ROOT)) if resolved.is_relative_to(ROOT) else None


def gather():
    """{place: text or bytes} of all pages, their pictures, and the files that they link to."""
    found = {}
    waiting = [*AT_THE_ROOT, *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
    while waiting:
        place = waiting.pop()
        if place in found:
            continue
        path = ROOT / place
        found[place] = path.read_text() if path.suffix == ".md" else path.read_bytes()
        if path.suffix == ".md":
            waiting += [to for to in (place_of(place, target) for target in links(found[place]))
                        if to and (ROOT / to).is_file()]
    return found


def sections(front):
    """[(title, [(name, place)])] of what the front page lists, the first link of each line."""
    found = []
    for line in FENCE.sub("", front).splitlines():
        if heading := re.match(r"## (.+)", line):
            found.append((heading[1], []))
        elif found and (item := re.match(r"[-*] \[([^\]]+)\]\(([^)\s#]+)\)", line)):
            found[-1][1].append((item[1], place_of(FRONT, item[2])))
    return found


def unlisted(files, listed):
    """Pages that no list leads to."""
    decisions = {place for place in files if re.fullmatch(r"docs/adr/\d{4}-[\w-]+\.md", place)}
    known = {place for _, items in listed for _, place in items} | decisions | {FRONT}
    return sorted(place for place in files if place.endswith(".md") and place not in known)


def toctree(caption, entries):
    lines = [f"{name} </{place.removesuffix('.md')}>" for name, place in entries]
    caption = [f":caption: {caption}"] if caption else []
    return "\n".join(["", "```{toctree}", ":hidden:", *caption, "", *lines, "```", ""])


def first_heading(text):
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1]


def make_source():
    """All files of the site's source, and the pages that the front page does not list."""
    files = gather()
    listed = sections(files[FRONT])
    lost = unlisted(files, listed)
    # The description of the API is a file in the repository and pages here.
    reference = api_reference.pages((ROOT / "api/openapi.yaml").read_text())
    names = {f"api/{name}": text for name, text in reference.items()}
    front = files[FRONT]
    for title, items in listed:
        front += toctree(title, [(name, "api/openapi.md" if place == "api/openapi.yaml" else place)
                                 for name, place in items])
    if lost:
        front += toctree("More pages", [(first_heading(files[place]), place) for place in lost])
    decisions = sorted(place for place in files if re.match(r"docs/adr/\d", place))
    files[DECISIONS] += toctree("", [(first_heading(files[place]), place) for place in decisions])
    names["api/openapi.md"] += toctree("", [(first_heading(text), place) for place, text
                                            in names.items() if place != "api/openapi.md"])
    files[FRONT] = front
    return {**files, **names}, lost


def write(files, folder):
    shutil.rmtree(folder, ignore_errors=True)
    for place, content in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/site")
    parser.add_argument("--strict", action="store_true")
    given = parser.parse_args()
    source, doctrees = (given.out.with_name(given.out.name + end) for end in ("-source", "-doctrees"))
    if given.out.is_dir() and any(given.out.iterdir()) and not (given.out / ".buildinfo").is_file():
        parser.error(f"{given.out} is no site: it will not be replaced by one")

    files, lost = make_source()
    for place in lost:
        print(f"docs: {place} is in no list of {FRONT}: add a line to the section that it belongs to",
              file=sys.stderr)
    if lost and given.strict:
        return 1
    write(files, source)
    shutil.rmtree(given.out, ignore_errors=True)
    from sphinx.cmd.build import main as sphinx  # heavy, and not needed for what is said above

    # All of it each time (-E): Sphinx does not say again what is wrong in a page that it has read before.
    code = sphinx(["-b", "html", "-c", str(HERE), "-d", str(doctrees), "-E", "-W", "--keep-going", "-q",
                   str(source), str(given.out)])
    if code == 0:
        print(f"docs: {given.out}/index.html")
    else:
        shutil.rmtree(given.out, ignore_errors=True)  # nobody should read half a site
    return code


if __name__ == "__main__":
    sys.exit(main())
