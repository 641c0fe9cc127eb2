"""Things that are made and changed, and clients that keep what they are told of them."""

from collections.abc import Sequence
from uuid import UUID

from realtime.view import Events, Page
from tests.realtime.ledger import Change, Ledger
from tests.realtime.relaying import Items, Rendering
from tests.realtime.story import Client, Story

LARGEST = 300
"""More revisions than a plot has."""


def thing_of(revision: int) -> int:
    """Which thing a revision changed: an odd one makes one, the even ones change what is there."""
    return revision if revision % 2 else max(1, revision - 3)


def things(items: Sequence[int]) -> dict[int, int]:
    """Return the latest revision of each thing that these revisions changed, in order."""
    latest = {thing_of(revision): revision for revision in items}
    return dict(sorted(latest.items(), key=lambda thing: thing[1]))


def _said(thing: int, known: int) -> str:
    return f"{'made' if thing > known else 'changed'} {thing}"


def events(items: Sequence[int], known: int) -> Events:
    """Tell what changed to those who know all up to ``known``: made or changed, and what."""
    return [
        (revision, _said(thing, known))
        for thing, revision in things(items).items()
        if revision > known
    ]


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
            (revision, _said(thing, known))
            for thing, revision in changed[: self.page_size]
            if revision > known
        ]
        upto = changed[self.page_size - 1][1] if more else newest
        return Page(events=told, revision=upto, more=more, audience=page.audience)


class ThingsClient(Client):
    """Keeps the things that it is told of, in pages of this size where it reads for itself.

    What is made is said to be so again where it changes between two pages that it reads, or behind
    the part of a page that it was told of.
    """

    def __init__(self, page_size: int, story: Story, user: UUID, group: Rendering) -> None:
        super().__init__(story, user, group)
        self.known: dict[int, int] | None = None
        self._page_size = page_size
        self._since: int | None = None

    def hear(self, what: str, revision: int) -> None:
        assert self.known is not None
        verb, name = what.split()
        thing = int(name)
        self.expect(thing_of(revision) == thing, f"{thing} at {revision}")
        self.expect(verb == "made" or thing in self.known, f"{what} at {revision}")
        if self._page_size > LARGEST and not self.within:
            self.expect(verb == "changed" or thing not in self.known, f"{what} at {revision}")
        self.known[thing] = revision

    def read(self) -> bool:
        newest = self._all()
        if self.known is None:
            self.known, self.cursor = newest, self.story.revision
            return True
        if self._since is None:
            self._since = self.known_upto
        changed = [
            (thing, revision) for thing, revision in newest.items() if revision > self.cursor
        ]
        for thing, revision in changed[: self._page_size]:
            self.take(_said(thing, self._since), revision)
        if len(changed) > self._page_size:
            return False
        self.cursor, self._since, self.within = self.story.revision, None, False
        return True

    def judge(self) -> None:
        assert self.known == self._all()

    def _all(self) -> dict[int, int]:
        return things(range(1, self.story.revision + 1))
