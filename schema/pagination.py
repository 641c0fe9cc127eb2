"""Relay's cursor connections."""

from typing import Annotated, Any
from uuid import UUID

import strawberry

from persistence.pagination import Page
from resolvers.errors import BadUserInput
from schema import ids
from schema.ids import Kind
from schema.info import Info

DEFAULT_PAGE_SIZE = 50
LONGEST_SEARCH = 255

First = Annotated[
    int | None, strawberry.argument(description=f"How many; {DEFAULT_PAGE_SIZE} where left out.")
]
"""The argument ``first`` of a connection."""

After = Annotated[str | None, strawberry.argument(description="The cursor behind which to go on.")]
"""The argument ``after`` of a connection."""


@strawberry.type(description="Whether, and where, a connection goes on.")
class PageInfo:
    """Whether, and where, a connection goes on."""

    has_next_page: bool = strawberry.field(description="Whether more follows behind this page.")
    has_previous_page: bool = strawberry.field(description="Whether this is not the first page.")
    start_cursor: str | None = strawberry.field(
        description="The first edge's cursor; null where the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="The last edge's cursor: pass it as 'after'; null where the page is empty."
    )


def page_info(page: Page[Any], cursors: list[str]) -> PageInfo:
    """Describe a page whose edges have these cursors."""
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def page_size(info: Info, first: int | None) -> int:
    """Return how many to read; raise BadUserInput where ``first`` is out of bounds."""
    largest = info.context.services.limits.max_page_size
    if first is None:
        return min(DEFAULT_PAGE_SIZE, largest)
    if not 1 <= first <= largest:
        raise BadUserInput(f"'first' must be 1 to {largest}, not {first}.")
    return first


def search_text(search: str | None) -> str | None:
    """Return what to search for; raise BadUserInput for what no name can contain."""
    if search is None:
        return None
    # A database folds the case of what is searched for again for each row that it looks at.
    if len(search) > LONGEST_SEARCH or "\0" in search:
        raise BadUserInput(f"'search' must have {LONGEST_SEARCH} characters at most, none NUL.")
    return search


def after_key(kind: Kind, after: str | None) -> UUID | None:
    """Return the key in a cursor; raise BadUserInput where it is none of ours.

    A cursor is the ID of the object before it.
    """
    if after is None:
        return None
    try:
        return ids.decode(kind, after)
    except ids.InvalidId:
        raise BadUserInput("'after' is not a cursor of this connection.") from None
