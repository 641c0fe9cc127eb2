"""The snippets, with the types that are generated from the schema, under strict compilers."""

import os
import subprocess
import sys
from pathlib import Path

from tests.clients.preparation import PYTHON_SNIPPETS, run_package

_DRIVERS = str(Path(__file__).parent)
_CACHE = "__generated__/mypy"


def test_the_snippets_hold_under_strict_typescript() -> None:
    assert run_package("typescript/bin/tsc") == ""


def test_the_snippets_and_what_drives_them_have_one_style() -> None:
    run_package("@biomejs/biome/bin/biome", "check", "--error-on-warnings", ".", _DRIVERS)


def test_the_snippets_hold_under_strict_mypy() -> None:
    files = sorted(path.name for path in PYTHON_SNIPPETS.glob("*.py"))
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", _CACHE, *files],
        cwd=PYTHON_SNIPPETS,
        env=os.environ | {"MYPYPATH": "__generated__"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert checked.stdout == f"Success: no issues found in {len(files)} source files\n"
