"""Pages by keyset: a page starts behind the last key of the one before, at the same cost."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """Some rows in order, and whether there are more behind and before them."""

    items: Sequence[T]
    has_next: bool
    has_previous: bool


def page_of(rows: Sequence[T], first: int, *, after: object | None) -> Page[T]:
    """Make a page of up to ``first`` rows from up to ``first`` + 1 that were read."""
    return Page(items=rows[:first], has_next=len(rows) > first, has_previous=after is not None)


def contains(search: str | None) -> str | None:
    """Return a LIKE pattern for text that contains the search literally; None stays None."""
    if search is None:
        return None
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
