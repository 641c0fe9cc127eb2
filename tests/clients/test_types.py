"""The snippets, with the types that are generated from the schema, under the compilers' eyes."""

from tests.clients import node


def test_the_snippets_hold_under_strict_typescript() -> None:
    assert node.run("typescript/bin/tsc") == ""
