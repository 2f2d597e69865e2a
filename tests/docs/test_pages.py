"""What the pages say is what the sources say, as far as that can be compared without a server."""

import re

import site_build

DOCS = site_build.ROOT / "docs"
NAMES = (site_build.ROOT / "src/base/error.cpp").read_text()
TABLE = (site_build.ROOT / "src/http/error_reply.cpp").read_text()


def table_codes():
    """(codes that clients see, codes of our own machinery)."""
    rows = re.findall(r"\{Code::(\w+), \{(\d+), \w+, (true|false)\}\}", TABLE)
    assert len(rows) == TABLE.count("    {Code::"), "a row of the table is not understood"
    ours = set(re.findall(r"case Code::(\w+):", TABLE.partition("bool is_internal")[2].partition("}")[0]))
    shown = {"null" if is_null == "true" else code for code, _, is_null in rows if code not in ours}
    assert {code for code, _, _ in rows} == set(re.findall(r'return "(\w+)";', NAMES)) - {"unknown"}
    return shown, ours


def explained(text):
    """{code: its section} of the troubleshooting page."""
    parts = re.split(r"^### `(\w+)`$", text, flags=re.MULTILINE)[1:]
    assert len(parts[::2]) == len(set(parts[::2])), "a code is explained twice"
    return dict(zip(parts[::2], (part.partition("\n## ")[0] for part in parts[1::2])))


def test_each_code_of_the_table_is_explained_and_no_other():
    shown, ours = table_codes()
    sections = explained((DOCS / "troubleshooting.md").read_text())
    assert sections.keys() == shown
    for code in ours:
        assert f"`{code}`" in sections["internal_error"]


def test_each_explanation_says_what_why_and_what_to_do():
    for code, section in explained((DOCS / "troubleshooting.md").read_text()).items():
        assert re.findall(r"^- \*\*(\w+)\*\*: \S", section, re.MULTILINE) == ["Means", "Why", "Do"], code


def test_the_page_of_errors_has_the_same_codes():
    shown, _ = table_codes()
    rows = re.findall(r"^\| \d+ \| `(\w+)` \|", (DOCS / "errors.md").read_text(), re.MULTILINE)
    assert set(rows) == shown


def test_a_code_that_is_not_explained_is_noticed():
    """The comparison above finds what it is for."""
    shown, _ = table_codes()
    text = (DOCS / "troubleshooting.md").read_text().replace("### `queue_full`", "### Queues")
    assert shown - explained(text).keys() == {"queue_full"}


def test_each_decision_is_in_the_table_of_decisions():
    folder = DOCS / "adr"
    listed = re.findall(r"^\| \[(\d{4})\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text(), re.MULTILINE)
    assert sorted(name for _, name in listed) == sorted(path.name for path in folder.glob("0*.md"))
    assert all(name.startswith(number) for number, name in listed)


def test_each_guide_has_its_commands_run():
    import test_guides

    assert {path.stem for path in (DOCS / "guides").glob("*.md")} | {"quick-start"} == test_guides.RUN
