"""What a watcher of a feed gets."""

from enum import Enum
from typing import Final, Generic, Protocol, TypeVar

from realtime.mailbox import Mailbox


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


class Watch(Mailbox[C | Signal], Generic[C]):
    """A topic's changes, in strictly rising order of revision, for one reader.

    ``revision`` is where the reader stands: what it is given is newer. A change may also cover
    revisions that the reader has already seen (``since`` is lower), after a repair or a snapshot.
    """

    __slots__ = ("_conflate", "details", "revision")

    def __init__(self, *, limit: int, conflate: bool, details: bool) -> None:
        super().__init__(limit=1 if conflate else limit)
        self._conflate = conflate
        self.details = details
        self.revision = -1

    def advance(self, revision: int) -> None:
        """Tell that the reader has itself read all up to the revision, and needs none of it."""
        self.revision = max(self.revision, revision)

    def deliver(self, change: C) -> None:
        """Hand the reader a change; what it has not read yet may be forgotten for it."""
        if not self.put(change) and not self._conflate:
            self._items.appendleft(BEHIND)

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
