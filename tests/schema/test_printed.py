"""schema.graphql, from which clients generate their types."""

from pathlib import Path

from graphql import build_schema, print_schema

from schema.print import printed

CHECKED_IN = Path(__file__).parents[2] / "schema.graphql"


def test_schema_graphql_is_what_the_code_says() -> None:
    assert CHECKED_IN.read_text() == printed(), "run: make schema"


def test_schema_graphql_can_be_built_and_printed_again() -> None:
    assert print_schema(build_schema(printed())) + "\n" == printed()
