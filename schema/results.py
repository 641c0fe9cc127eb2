"""What an execution needs, and what comes of it."""

from collections.abc import Hashable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import UNSET, Struct, UnsetType

from schema.errors import WireError


class RequestContext(Protocol):
    """What execution needs to know of the context that resolvers get."""

    @property
    def request_id(self) -> str:
        """Names the request in logs and in masked errors."""
        ...

    def scope(self, *, shared: bool) -> Hashable:
        """Return what a rendering depends on: of the request, and, unless shared, of the viewer."""
        ...

    def for_events(self, count: int, *, shared: bool) -> Sequence["RequestContext"]:
        """Return a fresh context for each of so many events of a subscription; they load together.

        Those that are shared know no viewer, so that nobody is shown what only another may see.
        """
        ...


class Result(Struct, frozen=True):
    """A response, as it is encoded. Without ``data`` nothing was executed: the request is wrong."""

    data: dict[str, Any] | UnsetType | None = UNSET
    errors: tuple[WireError, ...] | UnsetType = UNSET

    @property
    def executed(self) -> bool:
        """Whether an execution took place, however it ended."""
        return self.data is not UNSET


_encoder = msgspec.json.Encoder()


def encode(value: object) -> bytes:
    """Encode a result or errors as JSON. Leaf values must be serialized already."""
    return _encoder.encode(value)
