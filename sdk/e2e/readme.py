"""The examples of the READMEs."""

import re

from world import ROOT

FOLDERS = {"python": "python", "ts": "node"}


def blocks(language):
    """(heading, code) of each example."""
    page = (ROOT / "sdk" / FOLDERS[language] / "README.md").read_text()
    found, heading = [], ""
    for title, code in re.findall(rf"^## ([^\n]+)$|^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        if title:
            heading = title
        else:
            found.append((heading, code))
    assert len(found) >= 7
    return found
