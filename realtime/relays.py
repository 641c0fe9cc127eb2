"""The relays of one kind: one for each key that is followed in this process."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from realtime.member import Member
from realtime.outlet import Outlet
from realtime.relay import Relay
from realtime.reports import Report
from realtime.tasks import Tasks
from realtime.view import Audience, Concerns, Parting, Read, ReadAsides, View
from realtime.watch import Arrivals, Merge, Revised

C = TypeVar("C", bound=Revised)


class Watches(Protocol[C]):
    """Where changes come from: ``Feeds``, or what serves as them. They tell what these do."""

    def join(
        self, topic: UUID, *, merge: Merge[C] | None = None, details: bool = False
    ) -> Arrivals[C]:
        """Begin to watch a topic."""
        ...

    async def begun(self, watch: Any) -> None:
        """Wait until what happens from now on reaches the watch; raises SourceAway."""
        ...

    def leave(self, watch: Any) -> None:
        """Watch no longer."""
        ...


def _anything(_key: object, _subject: UUID) -> bool:
    return True


class _Topic:
    """What the relays of one topic share: whose turn it is to ask, and what was answered last."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.audience: Audience | None = None


class Relays(Generic[C]):
    """Relays over feeds, opened with their first follower and closed with their last.

    ``topic`` tells which feed a key is about. With ``read`` followers get every event; without it
    they get the newest, no oftener than every ``seconds_between``, and ``merge`` makes one change
    of several. ``read_asides`` reads what asides are about, of those that concern a key. However
    many relays there are, they put at most ``asks_at_once`` questions to the database at a time,
    and one about each topic: others want answers, too. To be used between ``async with``'s entry
    and exit, within that of the feeds.
    """

    def __init__(
        self,
        feeds: Watches[C],
        view: View[C],
        *,
        topic: Callable[[Any], UUID],
        read: Read | None = None,
        read_asides: ReadAsides | None = None,
        concerns: Concerns = _anything,
        merge: Merge[C] | None = None,
        seconds_between: float = 0.1,
        retry_seconds: float = 1.0,
        asks_at_once: int = 4,
    ) -> None:
        self._feeds = feeds
        self._view = view
        self._topic = topic
        self._read = read
        self._read_asides = read_asides
        self._concerns = concerns
        self._merge = merge
        self._seconds_between = seconds_between
        self._retry_seconds = retry_seconds
        self._few_asks = asyncio.Semaphore(asks_at_once)
        self._turn = asyncio.Lock()
        self._topics: WeakValueDictionary[UUID, _Topic] = WeakValueDictionary()
        self._relays: dict[Hashable, Relay[C]] = {}
        self._tasks = Tasks()
        self._report = Report(logging.getLogger(__name__))

    def __len__(self) -> int:
        """Return how many relays there are."""
        return len(self._relays)

    async def join(
        self, key: Hashable, user: UUID, outlet: Outlet, part: Callable[[Parting], object]
    ) -> Member:
        """Keep what comes from now on for a new follower, until it says where it stands.

        ``part`` is called when it can't go on. Raises SourceAway.
        """
        relay = self._relays.get(key)
        if relay is None or relay.ended:
            relay = self._open(key)
        member = Member(relay, user, outlet, part)
        relay.add(member)
        try:
            await self._feeds.begun(relay.watch)
        except BaseException:
            member.leave()
            raise
        return member

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._tasks.cancel()

    def _open(self, key: Hashable) -> Relay[C]:
        details = self._read is not None
        topic_id = self._topic(key)
        topic = self._topics.setdefault(topic_id, _Topic())
        watch = self._feeds.join(topic_id, merge=self._merge, details=details)

        def close() -> None:
            self._feeds.leave(watch)
            if self._relays.get(key) is relay:
                del self._relays[key]

        relay = self._relays[key] = Relay(
            key,
            self._view,
            watch,
            read=self._read,
            read_asides=self._read_asides,
            concerns=self._concerns,
            seconds_between=0.0 if details else self._seconds_between,
            ask=partial(self._ask, topic),
            audience=partial(self._audience, topic, key),
            start=self._tasks.start,
            turn=self._turn,
            empty=close,
        )
        return relay

    async def _audience(self, topic: "_Topic", key: Hashable, revision: int) -> Audience | None:
        """Return who may follow as of the revision, or later; all relays of a topic ask once."""

        async def question() -> Audience | None:
            known = topic.audience
            if known is None or known.revision < revision:
                known = topic.audience = await self._view.audience(key)
            return known

        audience: Audience | None = await self._ask(topic, question)
        return audience

    async def _ask(self, topic: "_Topic", question: Callable[[], Awaitable[Any]]) -> Any:
        while True:
            try:
                async with topic.turn, self._few_asks:
                    return await question()
            except Exception as error:  # noqa: BLE001 - whatever it is, it passes
                self._report("The database does not answer a relay", error)
            await asyncio.sleep(self._retry_seconds * random.uniform(0.5, 1.0))  # noqa: S311
