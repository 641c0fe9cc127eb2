"""What a watcher of a feed gets."""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeAlias, TypeVar
from uuid import UUID

from msgspec import Struct

from realtime.mailbox import Mailbox

if TYPE_CHECKING:
    from realtime.feed import Feed


class Revised(Protocol):
    """What happened to a topic after revision ``since``, up to ``revision``."""

    @property
    def since(self) -> int:
        """The revision this starts after."""

    @property
    def revision(self) -> int:
        """The revision this leads to."""


class Signal(Enum):
    """What a watch yields that is not a change."""

    BEHIND = "The watcher was too slow and its mailbox has forgotten changes: read them anew."
    GONE = "The topic no longer exists. Nothing follows."


BEHIND: Final = Signal.BEHIND
GONE: Final = Signal.GONE

C = TypeVar("C", bound=Revised)
C_co = TypeVar("C_co", bound=Revised, covariant=True)


class Aside(Struct, frozen=True):
    """Word that something about a subject of the topic is new that is no change of it.

    It has no revision, may be lost, and is worth nothing when late.
    """

    subject: UUID


class Arrivals(Protocol[C_co]):
    """What can be followed: ``Watch``, or what serves as one."""

    on_arrival: Callable[[], None] | None
    on_aside: Callable[[Aside], None] | None

    @property
    def revision(self) -> int:
        """Up to which revision everything was taken."""

    def take(self) -> C_co | Signal | None:
        """Return what is next, or None."""
        ...


Merge: TypeAlias = Callable[[C, C], C]
"""Makes one change of two that follow each other: all that the first one and the second tell."""


class Watch(Mailbox[C | Signal], Generic[C]):
    """A topic's changes, in strictly rising order of revision, for one reader.

    ``revision`` is where the reader stands: what it is given is newer. A change may also cover
    revisions that the reader has already seen (``since`` is lower), after a repair or a snapshot.
    """

    __slots__ = ("_merge", "details", "feed", "on_aside", "revision")

    def __init__(
        self, feed: "Feed[C]", *, limit: int, merge: Merge[C] | None, details: bool
    ) -> None:
        super().__init__(limit=limit)
        self.feed = feed
        self.details = details
        self.revision = -1
        self.on_aside: Callable[[Aside], None] | None = None
        self._merge = merge

    def advance(self, revision: int) -> None:
        """Tell that the reader has itself read all up to the revision, and needs none of it."""
        self.revision = max(self.revision, revision)

    def deliver(self, change: C) -> None:
        """Hand the reader a change; what it has not read yet may be merged, or forgotten for it."""
        if self._merge and self._items:
            unread = self._items.pop()
            assert not isinstance(unread, Signal)  # noqa: S101 - nothing follows GONE
            change = self._merge(unread, change)
        if not self.put(change):
            self._items.insert(0, BEHIND)

    def hear(self, aside: Aside) -> None:
        """Tell the reader, if it wants to know, of what is no change."""
        if self.on_aside is not None:
            self.on_aside(aside)

    def gone(self) -> None:
        """Tell the reader, after all else, that the topic no longer exists."""
        self._items.append(GONE)
        self.close()

    def take(self) -> C | Signal | None:
        """Return the next signal, or the next change newer than ``revision``, or None."""
        while (item := super().take()) is not None and not isinstance(item, Signal):
            if item.revision > self.revision:
                self.revision = item.revision
                break
        return item
