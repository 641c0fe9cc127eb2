"""Prints the schema, sorted, as schema.graphql keeps it: ``python -m schema.print``."""

import sys

from graphql import lexicographic_sort_schema, print_schema

from schema.roots import build_schema


def printed() -> str:
    """Return the schema definition as it is checked in."""
    return print_schema(lexicographic_sort_schema(build_schema()._schema)) + "\n"  # noqa: SLF001


if __name__ == "__main__":
    sys.stdout.write(printed())
