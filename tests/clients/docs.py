"""The page ``docs/clients.md``: its blocks of code are the files that the tests run.

``python -m tests.clients.docs`` writes them into it, as ``make docs`` does.
"""

import re
from pathlib import Path

from tests.clients.preparation import ROOT

DOCS = ROOT / "docs"
PAGE = DOCS / "clients.md"

_INCLUDED = re.compile(
    r"(?P<marker><!-- include: (?P<name>\S+) -->\n)```\w*\n.*?^```$", re.DOTALL | re.MULTILINE
)


def filled(page: str) -> str:
    """Return the page with each block that follows a marker made anew from the file it names."""

    def block(found: re.Match[str]) -> str:
        path = DOCS / found["name"]
        return f"{found['marker']}```{path.suffix[1:]}\n{path.read_text().rstrip()}\n```"

    return _INCLUDED.sub(block, page)


def shown(page: str) -> set[Path]:
    """Return the files that the page includes or links to."""
    names = re.findall(r"<!-- include: (\S+) -->|\]\((clients/[^)]+)\)", page)
    return {DOCS / name for pair in names for name in pair if name}


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
