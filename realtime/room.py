"""Who is present at one topic: in this process, and in others as far as they have said so."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta, Struct, json

from realtime.channels import Listener
from realtime.mailbox import Mailbox
from realtime.paced import Paced
from realtime.watch import Signal

# A page of users has to fit into a PostgreSQL notification: 8,000 bytes, 39 a user.
_USERS_ON_PAGE: Final = 150
_MOST_PAGES: Final = 64
_SECONDS_BETWEEN_ANNOUNCEMENTS: Final = 0.05
_SECONDS_BETWEEN_SHOWS: Final = 0.25
# A list that grows is told more seldom, so that a crowd that comes and goes costs no more.
_SECONDS_FOR_A_USER: Final = 0.001


class Question(Struct, frozen=True, tag="who"):
    """A process asks all others who is there."""

    process: UUID


class Page(Struct, frozen=True, tag="here"):
    """A process tells who is there, a page at a time; a later ``turn`` replaces earlier ones.

    ``audience_revision`` is that of ``Attendance``.
    """

    process: UUID
    turn: int
    page: Annotated[int, Meta(ge=0, lt=_MOST_PAGES)]
    pages: Annotated[int, Meta(ge=1, le=_MOST_PAGES)]
    users: Annotated[list[UUID], Meta(max_length=_USERS_ON_PAGE)]
    audience_revision: int = 0


class Attendance(Struct, frozen=True):
    """The users present at a topic, each once; ``revision`` counts what this process was shown.

    Nobody is to be told who was shut out before ``audience_revision`` of the topic: who came since
    is none of their business.
    """

    revision: int = 1
    users: frozenset[UUID] = frozenset()
    audience_revision: int = 0
    since: int = 0


class Neighbour:
    """What another process has said."""

    def __init__(self) -> None:
        self.turn = 0
        self.pages: dict[int, list[UUID]] = {}

    def take(self, page: Page) -> None:
        """Believe a page, unless a newer one is known."""
        if page.turn >= self.turn:
            self.turn = page.turn
            self.pages[page.page] = page.users
            for number in [number for number in self.pages if number >= page.pages]:
                del self.pages[number]


class Room:
    """The users present at one topic.

    ``attendance`` is what is shown: a change at once, those that follow soon as one, a quarter of
    a second later or, where there are many users, a millisecond for each. ``watches`` get it
    whenever it changes.

    ``listener`` is to call ``receive``. ``knows`` is told of each process that speaks, and says
    whether to believe it.
    """

    def __init__(
        self,
        topic: UUID,
        process: UUID,
        *,
        send: Callable[[str], None],
        knows: Callable[[UUID], bool],
    ) -> None:
        self.topic = topic
        self.listener: Listener
        self.guests = 0
        self.attendance = Attendance()
        self.watches: dict[Mailbox[Attendance | Signal], None] = {}
        self._process = process
        self._send = send
        self._knows = knows
        self._asked = False
        self._announced: list[UUID] = []
        self._here: dict[UUID, int] = {}
        self._neighbours: dict[UUID, Neighbour] = {}
        self._audience_revision = 0
        self._show_soon = Paced(self._show, seconds=_SECONDS_BETWEEN_SHOWS)
        self._announce_soon = Paced(self.announce, seconds=_SECONDS_BETWEEN_ANNOUNCEMENTS)

    @contextmanager
    def present(self, user: UUID, audience_revision: int) -> Iterator[None]:
        """Have the user present within the block, once for any number of blocks."""
        self._raise(audience_revision)
        self._here[user] = self._here.get(user, 0) + 1
        self._changed()
        try:
            yield
        finally:
            self._here[user] -= 1
            if not self._here[user]:
                del self._here[user]
            self._changed()

    def audience_changed(self, audience_revision: int) -> None:
        """Tell, at once, that somebody may follow the topic, or may not, as of this revision."""
        self._raise(audience_revision)
        if self._audience_revision > self.attendance.audience_revision:
            self._tell_watches(self.attendance.users)

    async def ready(self) -> None:
        """Wait until the room hears other processes, and ask them once."""
        await self.listener.ready()
        if not self._asked:
            self._asked = True
            self.ask()

    def ask(self) -> None:
        """Have all other processes tell who is there."""
        self._send(json.encode(Question(self._process)).decode())

    def announce(self) -> None:
        """Tell all other processes who is here."""
        self._announce_soon.seconds = _pace(_SECONDS_BETWEEN_ANNOUNCEMENTS, len(self._here))
        self._tell_processes(list(self._here)[: _MOST_PAGES * _USERS_ON_PAGE])

    def repeat(self) -> None:
        """Tell again who is here, for whoever has not heard; say nothing where nobody is."""
        if self._here:
            self.announce()

    def receive(self, message: str) -> None:
        """Take what a process says; raise msgspec.DecodeError for what is not understood."""
        said = json.decode(message, type=Question | Page)
        if said.process == self._process:
            return
        if isinstance(said, Question):
            if self._here:
                self._announce_soon()
        elif self._knows(said.process):
            self._raise(said.audience_revision)
            self._neighbours.setdefault(said.process, Neighbour()).take(said)
            self._show_soon()

    def forget(self, process: UUID) -> None:
        """Forget all that a process has said."""
        if self._neighbours.pop(process, None):
            self._show_soon()

    def close(self) -> None:
        """Stop, and tell other processes that nobody is here any more."""
        self.listener.close()
        self._show_soon.cancel()
        self._announce_soon.cancel()
        if self._announced:
            self._tell_processes([])
        for watch in self.watches:
            watch.close()

    def _tell_processes(self, users: list[UUID]) -> None:
        # Later than any before it, those of an earlier room for the topic included.
        turn = time.monotonic_ns()
        self._announced = users
        starts = range(0, len(users) or 1, _USERS_ON_PAGE)
        for number, start in enumerate(starts):
            some = users[start : start + _USERS_ON_PAGE]
            page = Page(self._process, turn, number, len(starts), some, self._audience_revision)
            self._send(json.encode(page).decode())

    def _changed(self) -> None:
        self._show_soon()
        self._announce_soon()

    def _raise(self, audience_revision: int) -> None:
        self._audience_revision = max(self._audience_revision, audience_revision)

    def _show(self) -> None:
        users = frozenset(self._here).union(
            *(page for other in self._neighbours.values() for page in other.pages.values())
        )
        self._show_soon.seconds = _pace(_SECONDS_BETWEEN_SHOWS, len(users))
        if users != self.attendance.users:
            self._tell_watches(users)

    def _tell_watches(self, users: frozenset[UUID]) -> None:
        revision = self.attendance.revision + 1
        self.attendance = Attendance(revision, users, self._audience_revision)
        for watch in self.watches:
            if not watch.closed:
                watch.put(self.attendance)


def _pace(seconds: float, users: int) -> float:
    return max(seconds, users * _SECONDS_FOR_A_USER)
