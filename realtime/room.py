"""Who watches one topic: in this process, and in others as far as they have said so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta, Struct, json

from realtime.channels import Listener
from realtime.mailbox import Mailbox
from realtime.paced import Paced

# A page of users has to fit into a PostgreSQL notification: 8,000 bytes, 39 a user.
_USERS_ON_PAGE: Final = 150
_MOST_PAGES: Final = 64
_PACE_SECONDS: Final = 0.05


class Question(Struct, frozen=True, tag="who"):
    """A process asks all others who is there."""

    process: UUID


class Page(Struct, frozen=True, tag="here"):
    """A process tells who is there, a page at a time; a later ``turn`` replaces earlier ones."""

    process: UUID
    turn: int
    page: Annotated[int, Meta(ge=0, lt=_MOST_PAGES)]
    pages: Annotated[int, Meta(ge=1, le=_MOST_PAGES)]
    users: Annotated[list[UUID], Meta(max_length=_USERS_ON_PAGE)]


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

    ``listener`` is to call ``receive``. ``knows`` is told of each process that speaks, and says
    whether to believe it.
    """

    def __init__(
        self, process: UUID, *, send: Callable[[str], None], knows: Callable[[UUID], bool]
    ) -> None:
        self.listener: Listener
        self.guests = 0
        self.users: frozenset[UUID] = frozenset()
        self._process = process
        self._send = send
        self._knows = knows
        self._turn = 0
        self._asked = False
        self._announced: list[UUID] = []
        self._here: dict[UUID, int] = {}
        self._neighbours: dict[UUID, Neighbour] = {}
        self._mailboxes: dict[Mailbox[frozenset[UUID]], None] = {}
        self._show_soon = Paced(self._show, seconds=_PACE_SECONDS)
        self._announce_soon = Paced(self.announce, seconds=_PACE_SECONDS)

    @contextmanager
    def present(self, user: UUID) -> Iterator[None]:
        """Have the user present within the block, once for any number of blocks."""
        self._here[user] = self._here.get(user, 0) + 1
        self._changed()
        try:
            yield
        finally:
            self._here[user] -= 1
            if not self._here[user]:
                del self._here[user]
            self._changed()

    @contextmanager
    def watched(self) -> Iterator[Mailbox[frozenset[UUID]]]:
        """Put who is present into a mailbox, at once and whenever it changes."""
        mailbox: Mailbox[frozenset[UUID]] = Mailbox(limit=1)
        mailbox.put(self.users)
        self._mailboxes[mailbox] = None
        try:
            yield mailbox
        finally:
            del self._mailboxes[mailbox]
            mailbox.close()

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
        self._tell(list(self._here)[: _MOST_PAGES * _USERS_ON_PAGE])

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
            self._neighbours.setdefault(said.process, Neighbour()).take(said)
            self._show_soon()

    def forget(self, process: UUID) -> None:
        """Forget all that a process has said."""
        if self._neighbours.pop(process, None):
            self._show()

    def close(self) -> None:
        """Stop, and tell other processes that nobody is here any more."""
        self.listener.close()
        self._show_soon.cancel()
        self._announce_soon.cancel()
        if self._announced:
            self._tell([])
        for mailbox in self._mailboxes:
            mailbox.close()

    def _tell(self, users: list[UUID]) -> None:
        self._turn += 1
        self._announced = users
        starts = range(0, len(users) or 1, _USERS_ON_PAGE)
        for number, start in enumerate(starts):
            some = users[start : start + _USERS_ON_PAGE]
            page = Page(self._process, self._turn, number, len(starts), some)
            self._send(json.encode(page).decode())

    def _changed(self) -> None:
        self._show_soon()
        self._announce_soon()

    def _show(self) -> None:
        users = frozenset(self._here).union(
            *(page for other in self._neighbours.values() for page in other.pages.values())
        )
        if users != self.users:
            self.users = users
            for mailbox in self._mailboxes:
                mailbox.put(users)
