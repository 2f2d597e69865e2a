"""The site is built without a warning, each link leads somewhere, and what is wrong is noticed."""

import re
import shutil

import pytest
import site_build

FRONT = """# Front
## Start
- [One](one.md): the first page
- [Decisions](adr/README.md)
- [The API](../api/openapi.yaml)
## Project
- [Read me](../README.md)
- [Architecture](../ARCHITECTURE.md)
- [Changes](../CHANGELOG.md)
- [Contributing](../CONTRIBUTING.md)
"""
API = """\
openapi: "3.1.0"
info: {title: t, version: "1", summary: s, description: "See docs/one.md."}
tags: [{name: Things, description: What there is}]
paths:
  /api/v1/things:
    get:
      tags: [Things]
      summary: List things
      responses: {"200": {description: All, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}}
components: {schemas: {Thing: {type: object, properties: {name: {type: string}}}}}
"""


@pytest.fixture
def tree(tmp_path):
    """A small repository whose site is right."""
    if not site_build.PYTHON.exists():
        pytest.skip("no Sphinx: run scripts/setup --docs")
    root = tmp_path / "tree"
    for name in ("docs/adr", "api", "console/src", "tools"):
        (root / name).mkdir(parents=True)
    shutil.copytree(site_build.ROOT / "tools/site", root / "tools/site", symlinks=True,
                    ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    (root / "tools/site/node_modules").symlink_to(site_build.ROOT / "tools/site/node_modules")
    shutil.copy(site_build.ROOT / "console/src/icon.svg", root / "console/src")
    for name in ("README", "ARCHITECTURE", "CHANGELOG", "CONTRIBUTING"):
        (root / f"{name}.md").write_text(f"# {name}\n\n## Part\n\ntext\n")
    (root / "docs/README.md").write_text(FRONT)
    (root / "docs/one.md").write_text("# One\n\n[a part](../README.md#part)\n")
    (root / "docs/adr/README.md").write_text("# Decisions\n\n[first](0001-first.md)\n")
    (root / "docs/adr/0001-first.md").write_text("# 0001: First\n\ntext\n")
    (root / "api/openapi.yaml").write_text(API)
    return root


def refusal(tree, tmp_path):
    done = site_build.build(tree, tmp_path / "built", "--strict")
    assert done.returncode != 0, "it was built"
    assert not (tmp_path / "built/site").exists()
    return done.stderr


def test_the_small_tree_is_built(tree, tmp_path):
    done = site_build.build(tree, tmp_path / "built", "--strict")
    assert done.returncode == 0, done.stderr
    assert site_build.broken(tmp_path / "built/site") == []
    assert (tmp_path / "built/site/api/things.html").is_file()


def test_a_link_to_no_page_is_an_error(tree, tmp_path):
    (tree / "docs/one.md").write_text("# One\n\n[gone](two.md)\n")
    assert re.search(r"docs/one\.md:3: .*two\.md", refusal(tree, tmp_path))


def test_a_link_to_no_anchor_is_an_error(tree, tmp_path):
    (tree / "docs/one.md").write_text("# One\n\n[gone](../README.md#other)\n")
    assert re.search(r"docs/one\.md:3: .*other", refusal(tree, tmp_path))


def test_a_picture_that_is_not_there_is_an_error(tree, tmp_path):
    (tree / "docs/one.md").write_text("# One\n\n![gone](pictures/two.png)\n")
    assert re.search(r"docs/one\.md:3: .*two\.png", refusal(tree, tmp_path))


def test_a_page_that_no_list_has_is_an_error(tree, tmp_path):
    (tree / "docs/two.md").write_text("# Two\n\ntext\n")
    assert "docs/two.md is in no list of docs/README.md" in refusal(tree, tmp_path)


def test_while_it_is_written_such_a_page_is_shown_with_a_warning(tree, tmp_path):
    (tree / "docs/two.md").write_text("# Two\n\ntext\n")
    done = site_build.build(tree, tmp_path / "built")
    assert done.returncode == 0 and "docs/two.md is in no list" in done.stderr
    assert "More pages" in (tmp_path / "built/site/docs/README.html").read_text()


def test_what_is_no_site_is_not_replaced_by_one(tree, tmp_path):
    (tmp_path / "built/site").mkdir(parents=True)
    (tmp_path / "built/site/letter.txt").write_text("mine")
    done = site_build.build(tree, tmp_path / "built", "--strict")
    assert done.returncode == 2 and "is no site" in done.stderr
    assert (tmp_path / "built/site/letter.txt").read_text() == "mine"


def test_a_list_with_a_page_that_is_not_there_is_an_error(tree, tmp_path):
    (tree / "docs/README.md").write_text(FRONT + "- [Two](two.md)\n")
    assert "two.md" in refusal(tree, tmp_path)


def test_each_link_and_anchor_of_the_site_leads_somewhere(site):
    assert site_build.broken(site) == []
    assert len(site_build.pages(site)) > 60


def test_no_table_fell_apart(site):
    """A blank line or a missing cell makes text of its rows."""
    assert [path for path in site.rglob("*.html") if re.search(r"<p>\s*\|", path.read_text())] == []


def test_a_broken_link_would_be_found(site, tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html">x</a><a href="#c">y</a><img src="d.png">')
    assert len(site_build.broken(tmp_path)) == 3


def test_no_page_loads_anything_from_elsewhere(site):
    for path, page in site_build.pages(site).items():
        assert [each for each in page.loads if site_build.is_elsewhere(each)] == [], path
    for path in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", path.read_text()), path
