"""Tables for people, and for README."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

_WIDTH = 160


def show(header: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    """Print a table, and the same in Markdown."""
    table = Table(*header, title=title)
    for row in rows:
        table.add_row(*row)
    Console(width=_WIDTH).print(table)
    lines = [header, ["---"] * len(header), *rows]
    sys.stdout.write("\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n")
