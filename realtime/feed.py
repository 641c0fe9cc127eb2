"""One watched topic: its changes in order, each once, however the bus delivers them."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from uuid import UUID

from realtime.channels import Listener
from realtime.watch import Aside, Revised, Watch

C = TypeVar("C", bound=Revised)

_NOT_BEGUN: Final = -1


class SourceAway(Exception):
    """What the bus has lost can't be read at the moment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules(Generic[C]):
    """What a feed has to know of its kind of change."""

    decode: Callable[[str], C | Aside]
    needs_read: Callable[[C], bool]
    is_last: Callable[[C], bool]
    read: Callable[[UUID, int], Awaitable[C | None]]
    start: Callable[[Coroutine[object, object, None]], asyncio.Task[None]]


class Feed(Generic[C]):
    """A topic's changes for all its watches in this process.

    A change that is next in line is handed on, an old one dropped. After a gap all that is missing
    is read from the source, by one reader at a time; gaps found meanwhile only tell how far to
    read. If reading fails, the feed waits for the next ``compare``. It ends when the topic is gone.
    """

    def __init__(self, topic: UUID, rules: Rules[C]) -> None:
        self.topic = topic
        self.revision = _NOT_BEGUN
        self.ended = False
        self.watches: dict[Watch[C], None] = {}
        self.listener: Listener
        self._rules = rules
        self._target = _NOT_BEGUN
        self._repair: asyncio.Task[None] | None = None
        self._stalled = False

    @property
    def begun(self) -> bool:
        """Whether the feed knows where it stands, or that its topic is gone."""
        return self.revision != _NOT_BEGUN or self.ended

    def add(self, watch: Watch[C]) -> None:
        """Hand changes to the watch from now on."""
        watch.advance(self.revision)
        self.watches[watch] = None

    def receive(self, message: str) -> None:
        """Take a message of the bus; raise what decoding it raises."""
        change = self._rules.decode(message)
        if isinstance(change, Aside):
            for watch in tuple(self.watches):
                watch.hear(change)
        elif not self.begun:
            self._target = max(self._target, change.revision)
        elif change.revision <= self.revision:
            return
        elif self._rules.is_last(change):
            self._deliver(change)
            self.end()
        elif change.since > self.revision or self._lacks_details(change):
            self._catch_up_to(change.revision)
        else:
            self._deliver(change)

    def compare(self, revision: int | None) -> None:
        """Take what the source says the topic's revision is; None if the topic is gone."""
        self._stalled = False
        if self.ended or not self.watches:
            return
        if revision is None:
            self.end()
        elif not self.begun:
            self.revision = revision
            for watch in self.watches:
                watch.advance(revision)
            self._catch_up_to(self._target)
        else:
            self._catch_up_to(revision)

    def end(self) -> None:
        """Tell all watches that the topic is gone."""
        self.ended = True
        self.listener.close()
        for watch in tuple(self.watches):
            watch.gone()

    def close(self) -> None:
        """Stop; the watches end without a word."""
        self.listener.close()
        if self._repair:
            self._repair.cancel()
        for watch in self.watches:
            watch.close()

    def _lacks_details(self, change: C) -> bool:
        return self._rules.needs_read(change) and any(watch.details for watch in self.watches)

    def _deliver(self, change: C) -> None:
        self.revision = change.revision
        # Whoever hears of it may be the last to listen.
        for watch in tuple(self.watches):
            watch.deliver(change)

    def _catch_up_to(self, revision: int) -> None:
        self._target = max(self._target, revision)
        if revision > self.revision and not (self._repair or self._stalled):
            self._repair = self._rules.start(self._catch_up())

    async def _catch_up(self) -> None:
        """Read until the target is reached, or the source has said that it knows no more."""
        try:
            goal = _NOT_BEGUN
            while goal < self._target and self.revision < self._target:
                goal = self._target
                change = await self._rules.read(self.topic, self.revision)
                if self.ended:
                    return
                if change is None:
                    self.end()
                elif change.revision > self.revision:
                    self._deliver(change)
        except SourceAway:
            self._stalled = True
        finally:
            self._repair = None
