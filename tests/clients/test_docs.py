"""docs/clients.md shows the very files that the other tests run."""

import subprocess

from tests.clients.docs import PAGE, filled, shown
from tests.clients.preparation import ROOT, SNIPPETS

_NOT_FOR_READERS = {".gitignore", ".npmrc", "package-lock.json", "requirements.txt"}


def test_each_block_is_its_file() -> None:
    page = PAGE.read_text()
    assert page.count("<!-- include: ") > 1
    assert filled(page) == page, "run `make docs`"


def test_a_block_that_differs_is_made_anew() -> None:
    page = "<!-- include: clients/.gitignore -->\n```ts\nold\n```\n\n```ts\nits own\n```\n"
    ignored = (SNIPPETS / ".gitignore").read_text()
    assert filled(page) == page.replace("ts\nold\n", f"\n{ignored}", 1)


def test_every_snippet_is_shown() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", SNIPPETS], cwd=ROOT, capture_output=True, check=True, text=True
    )
    files = {ROOT / name for name in listed.stdout.split("\0") if name}
    assert {path for path in files if path.name not in _NOT_FOR_READERS} - shown(
        PAGE.read_text()
    ) == set()
