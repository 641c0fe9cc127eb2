"""What a relay knows of those who follow it: where events go, and who shares their rendering."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeAlias


class Group(Protocol):
    """Those who get the same bytes for an event: it is rendered once for all of them.

    ``wants_asides`` tells whether what asides are about is anything to them, and ``moves`` whether
    what they get becomes something else without any event.
    """

    @property
    def wants_asides(self) -> bool:
        """Fixed, like the group itself."""
        ...

    @property
    def moves(self) -> bool:
        """Fixed, too."""
        ...

    def render(self, events: Sequence[Any]) -> list[bytes] | Coroutine[Any, Any, list[bytes]]:
        """Return events as they are sent, at once where nothing has to be waited for.

        What several need is loaded for them together.
        """
        ...


Rendered: TypeAlias = tuple[bytes, int]
"""An event as it is sent, and its revision."""


class Outlet(Protocol):
    """Where the events of one subscription go."""

    @property
    def group(self) -> Group:
        """With whom the subscription shares its rendering; fixed before it follows anything."""
        ...

    def deliver(self, results: Sequence[Rendered]) -> bool:
        """Take events, one or more, without waiting. Return False if the client takes no more now.

        None of them is kept in that case. What is delivered to one that has ended is forgotten.
        """
        ...

    def once_writable(self, callback: Callable[[], None]) -> None:
        """Call back once, when the client takes more."""
        ...
