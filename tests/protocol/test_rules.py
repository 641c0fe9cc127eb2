"""The list of rules names tests that there are, each once."""

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parent


def names_in(module: Path) -> list[str]:
    nodes = ast.walk(ast.parse(module.read_text()))
    functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [function.name for function in functions if function.name.startswith("test_")]


def test_each_rule_has_its_test() -> None:
    there = [name for module in FOLDER.glob("test_*.py") for name in names_in(module)]
    held = re.findall(r"`(test_\w+)`", (FOLDER / "RULES.md").read_text())

    assert len(held) > 60
    assert [name for name in held if there.count(name) != 1 or held.count(name) != 1] == []
