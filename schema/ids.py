"""Opaque, globally unique ids: three letters for the kind, an underscore, 32 hexadecimal digits.

Clients must not look into ids, so one that is malformed or of another kind is answered exactly like
one of a thing that is not there: ``InvalidId`` is a NotFound. A resolver that answers null for what
is not there (``node``, ``project``, ``image``) catches NotFound and needs nothing more.
"""

import re
from enum import Enum
from uuid import UUID

import strawberry

from resolvers.errors import NotFound

_HEX = re.compile("[0-9a-f]{32}")
_PREFIX_LENGTH = 4


class Kind(Enum):
    """What an id belongs to; the value is its prefix."""

    USER = "usr_"
    PROJECT = "prj_"
    IMAGE = "img_"
    SEGMENTATION = "seg_"
    JOB = "job_"
    BATCH = "bat_"
    API_KEY = "key_"


_PREFIXES = {kind: kind.value for kind in Kind}
_KINDS = {kind.value: kind for kind in Kind}


class InvalidId(NotFound):
    """The id is malformed, or of another kind than what is asked for."""

    def __init__(self, value: str) -> None:
        super().__init__(f"There is nothing with the id {value[:64]!r}.")


def encode(kind: Kind, key: UUID) -> strawberry.ID:
    """Return the id that clients see."""
    return strawberry.ID(f"{_PREFIXES[kind]}{key.int:032x}")


def decode(kind: Kind, value: str) -> UUID:
    """Return the key behind an id of the given kind, or raise InvalidId."""
    if kind_of(value) is not kind:
        raise InvalidId(value)
    return UUID(int=int(value[_PREFIX_LENGTH:], 16))


def kind_of(value: str) -> Kind:
    """Return the kind of an id, or raise InvalidId."""
    kind = _KINDS.get(value[:_PREFIX_LENGTH])
    if kind is None or _HEX.fullmatch(value, _PREFIX_LENGTH) is None:
        raise InvalidId(value)
    return kind
