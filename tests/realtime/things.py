"""Things that are made and changed, and clients that keep what they are told of them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from realtime.member import Member
from realtime.outlet import Rendered
from realtime.view import Events, Page, Parting, Reason
from tests.realtime.ledger import Change, Ledger
from tests.realtime.relaying import Items, Rendering

if TYPE_CHECKING:
    from tests.realtime.test_relay_property import Story

LARGEST = 300
"""More revisions than a plot has."""


def thing_of(revision: int) -> int:
    """Which thing a revision changed: an odd one makes one, the even ones change what is there."""
    return revision if revision % 2 else max(1, revision - 3)


def things(items: Sequence[int]) -> dict[int, int]:
    """Return the latest revision of each thing that these revisions changed, in order."""
    latest = {thing_of(revision): revision for revision in items}
    return dict(sorted(latest.items(), key=lambda thing: thing[1]))


def events(items: Sequence[int], known: int) -> Events:
    """Tell what changed to those who know all up to ``known``: made or changed, and what."""
    return [
        (revision, ("made" if thing > known else "changed", thing))
        for thing, revision in things(items).items()
        if revision > known
    ]


class Telling(Rendering):
    """Says what became of which thing."""

    def _now(self, event: tuple[str, int]) -> bytes:
        if self.broken:
            raise ValueError(event)
        return f"{event[0]} {event[1]}".encode()


class Things(Items):
    """Things that are made and changed: of those changed often, only the newest state counts."""

    def __init__(self, ledger: Ledger, page_size: int) -> None:
        super().__init__(ledger)
        self.page_size = page_size

    def events(self, key: UUID, change: Change, known: int) -> Events | None:
        return None if change.items is None else events(change.items, known)

    async def read(self, key: UUID, since: int, known: int) -> Page | None:
        page = await self._ledger.page(key, since, known)
        if page is None:
            return None
        newest = self._ledger.topics[key]
        changed = [
            (thing, revision)
            for thing, revision in things(range(1, newest + 1)).items()
            if revision > since
        ]
        more = len(changed) > self.page_size
        told = [
            (revision, ("made" if thing > known else "changed", thing))
            for thing, revision in changed[: self.page_size]
            if revision > known
        ]
        upto = changed[self.page_size - 1][1] if more else newest
        return Page(events=told, revision=upto, more=more, audience=page.audience)


class Client:
    """A follower as the resolvers make one: it reads, follows, and reads again where it must."""

    def __init__(self, story: "Story", user: UUID, group: Rendering) -> None:
        self.story = story
        self.user = user
        self.group = group
        self.member: Member
        self.room: float = float("inf")
        self.known: dict[int, int] = {}
        self.cursor = 0
        self.since = 0
        self.ready = False
        self.over: Reason | None = None
        self.partings: list[Parting] = []
        self._waiting: list[Callable[[], None]] = []
        self._checked = 0
        self._begun = False

    def deliver(self, results: Sequence[Rendered]) -> bool:
        if self.room <= 0:
            return False
        self.room -= 1
        for payload, revision in results:
            what, thing = payload.decode().split()
            self.take(revision, what, int(thing))
        return True

    def once_writable(self, callback: Callable[[], None]) -> None:
        self._waiting.append(callback)

    def drain(self) -> None:
        self.room = float("inf")
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()

    def take(self, revision: int, what: str, thing: int) -> None:
        """Note what it is told, and what is wrong about it: a relay would swallow an assertion."""
        self._expect(revision > self.cursor, f"{revision} behind {self.cursor}")
        self._expect(thing_of(revision) == thing, f"{thing} at {revision}")
        if self.story.view.page_size > LARGEST:
            # What is made is said to be so again where it changes between two pages.
            self._expect((what == "made") == (thing not in self.known), f"{what} {thing}")
        self._expect(self.story.may_know(self.user, revision), f"{revision} is none of its")
        self.known[thing] = revision
        self.cursor = revision

    def go_on(self) -> None:
        """Do the next thing: look, read a page, follow, or hear why it can't any more."""
        if self.over is not None:
            return
        if self.ready:
            self.ready = False
            self.member.follow(self.cursor, self._checked)
        elif not self._begun:
            self._begin()
        elif self.since >= 0:
            self._read()
        elif self.partings:
            self._part(self.partings.pop(0))

    def _begin(self) -> None:
        if self._may_look():
            self._begun = self.ready = True
            self.cursor = self.story.revision
            self.known = things(range(1, self.cursor + 1))
            self.since = -1

    def _part(self, parting: Parting) -> None:
        assert not self.partings, "it was parted twice"
        if parting.reason is Reason.BEHIND:
            assert parting.revision >= self.cursor
            self.since = self.cursor = parting.revision
        else:
            self._end(parting.reason)

    def _read(self) -> None:
        if not self._may_look():
            return
        page = [
            (thing, revision)
            for thing, revision in things(range(1, self.story.revision + 1)).items()
            if revision > self.cursor
        ]
        page_size = self.story.view.page_size
        for thing, revision in page[:page_size]:
            self.take(revision, "made" if thing > self.since else "changed", thing)
        if len(page) <= page_size:
            self.cursor = self.story.revision
            self.since, self.ready = -1, True

    def _may_look(self) -> bool:
        """Check the rights, if the database is there."""
        if self.story.world.ledger.away:
            return False
        audience = self.story.audience
        if self.user not in audience.users:
            self._end(Reason.SHUT_OUT)
            return False
        self._checked = audience.revision
        return True

    def _end(self, reason: Reason) -> None:
        self.over = reason
        self.member.leave()

    def _expect(self, holds: bool, complaint: str) -> None:
        if not holds:
            self.story.complaints.append(complaint)

    @property
    def undone(self) -> bool:
        """Whether there is something left for it to do."""
        return self.over is None and bool(self.ready or self.partings or self.since >= 0)
