"""Keys."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a fresh UUIDv7: unique everywhere, and newer keys sort behind older ones."""
    return uuid7()


LAST_ID = UUID(int=2**128 - 1)
"""Sorts behind every key."""

FIRST_ID = UUID(int=0)
"""Sorts before every key."""
