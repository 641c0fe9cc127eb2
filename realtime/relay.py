"""One topic's events on their way to all who follow it in this process.

An event is made, rendered and encoded once for each group of followers, and handed to their outlets
one after the other, without a task or a queue for each. A follower that takes no more at the moment
holds no events: it stands at the revision that it was sent last, and catches up from the relay's
log, which is kept only while somebody needs it. What can't be answered that way parts the follower
from the relay: it is told why, and goes on for itself.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import chain
from typing import Any, Final, Generic, TypeAlias, TypeVar

from realtime.log import NEVER, Entry, Log, results_of
from realtime.member import Member
from realtime.outlet import Group
from realtime.paced import Paced
from realtime.reports import Report
from realtime.view import Ask, Audience, Events, Page, Parting, Read, Reason, View
from realtime.watch import GONE, Arrivals, Revised, Signal

C = TypeVar("C", bound=Revised)

Later: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""What is still to be awaited."""

Start: TypeAlias = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

_SLICE_SECONDS: Final = 0.005
_PORTION_DELIVERIES: Final = 5_000
_PORTION_BYTES: Final = 2**14
_NOTHING_ALIKE: Final = object()

_report = Report(logging.getLogger(__name__))


class Relay(Generic[C]):
    """Hands the events of one topic to its followers; ``key`` is what they ask for.

    With ``read`` they get every event. Without it they get the newest, if it differs from the last
    one, no oftener than every ``seconds_between``: changes that come in a burst are handed on
    together, the first one at once. ``ask`` repeats a question to the database until it is
    answered, ``start`` runs a task, and ``empty`` is called when the last follower has left.
    """

    def __init__(
        self,
        key: Any,
        view: View[C],
        watch: Arrivals[C],
        *,
        read: Read | None,
        seconds_between: float,
        ask: Ask,
        start: Start,
        empty: Callable[[], None],
    ) -> None:
        self.key = key
        self.watch = watch
        self.ended = False
        self._view = view
        self._ask = ask
        self._start = start
        self._empty = empty
        self._read_events = read
        self._told: Any = None
        self._audience = NEVER
        self._revision = NEVER
        self._ahead = NEVER
        self._unplaced: list[Callable[[], None]] = []
        self._live: dict[Group, dict[Member, None]] = {}
        self._waiting: dict[Member, None] = {}
        self._log = Log(latest_only=read is None)
        self._work: asyncio.Task[None] | None = None
        self._pace: Callable[[], None] = self._go_on
        if seconds_between:
            self._pace = Paced(self._go_on, seconds=seconds_between)
        watch.on_arrival = self._pace

    # Followers come and go

    def add(self, member: Member) -> None:
        """Keep what comes from now on for the member, until it says where it stands."""
        self._waiting[member] = None

    def remove(self, member: Member) -> None:
        """Forget the member."""
        member.following = False
        self._waiting.pop(member, None)
        self._not_live(member)
        if not (self._live or self._waiting):
            self.ended = True
            if isinstance(self._pace, Paced):
                self._pace.cancel()
            if self._work is not None:
                self._work.cancel()
            self._empty()

    def place(self, member: Member, revision: int, audience_revision: int, told: Any) -> None:
        """Have the member go on behind the revision; ``told`` is the last event that it got."""
        if member not in self._waiting:
            return
        member.position = revision
        if self.ended:
            self._part(member, Reason.GONE)
        elif self._work is not None:
            # In the midst of a change it could not be said what is news to the member.
            self._unplaced.append(partial(self.place, member, revision, audience_revision, told))
        elif (
            audience_revision < self._audience
            or self._log.is_within_a_change(revision)
            or self._was_left_out(revision, told)
        ):
            self._part(member, Reason.BEHIND)
        else:
            if self._audience == NEVER:
                self._audience = audience_revision
            if revision > self._revision and told != self._told:
                # What it knows beyond the others may be over before they are told: then it is news.
                self._told = told if self._told is None else _NOTHING_ALIKE
            self._ahead = max(self._ahead, revision)
            member.following = True
            self._catch_up(member)

    def _was_left_out(self, revision: int, told: Any) -> bool:
        """Tell whether what was no news to others is news to whoever stands at the revision."""
        return (
            revision < self._revision
            and told is not None
            and told != self._told
            and not self._log.behind(revision)
        )

    def _part(self, member: Member, reason: Reason, change: C | None = None) -> None:
        self._not_live(member)
        self._waiting[member] = None
        member.following = False
        member.part(Parting(member, self.key, reason, member.position, change))

    def _part_all(
        self,
        reason: Reason,
        change: C | None = None,
        which: Callable[[Member], bool] = lambda _: True,
    ) -> None:
        for member in self._followers():
            # One may have left because another was parted.
            if member.following and which(member):
                self._part(member, reason, change)

    def _not_live(self, member: Member) -> None:
        group = member.outlet.group
        if members := self._live.get(group):
            members.pop(member, None)
            if not members:
                del self._live[group]

    def _followers(self) -> list[Member]:
        members = chain(*self._live.values(), self._waiting)
        return [member for member in members if member.following]

    # Changes come in

    def _go_on(self) -> None:
        """Take what has come, unless the work on something earlier is not done."""
        began = time.monotonic()
        try:
            while self._work is None and (item := self.watch.take()) is not None:
                later = self._take(item)
                if later is None and time.monotonic() - began > _SLICE_SECONDS:
                    later = partial(asyncio.sleep, 0)
                if later is not None:
                    self._work = self._start(self._finish(later))
        except Exception as error:  # noqa: BLE001 - whatever it is, followers must not miss it
            self._fail(error)

    async def _finish(self, later: Later) -> None:
        try:
            await later()
        except Exception as error:  # noqa: BLE001 - whatever it is, followers must not miss it
            self._fail(error)
        finally:
            self._work = None
        unplaced, self._unplaced = self._unplaced, []
        for place in unplaced:
            place()
        self._pace()

    def _fail(self, error: Exception) -> None:
        _report(f"The events of {self.key} could not be told", error)
        self._log.lose(self.watch.revision)
        self._part_all(Reason.BEHIND)

    def _take(self, item: C | Signal) -> Later | None:
        """Hand on what a change brings; return what has to be awaited for that."""
        if item is GONE:
            self._end(None)
        elif isinstance(item, Signal):
            return self._read
        elif self._view.is_last(item):
            self._end(item)
        elif self._view.audience_revision(item) > self._audience and self._followers():
            return partial(self._check, item)
        else:
            return self._hand_on(item)
        return None

    def _end(self, change: C | None) -> None:
        self.ended = True
        self._part_all(Reason.GONE, change)

    async def _check(self, change: C) -> None:
        """Part those who may not follow the topic any more, before the change is handed on."""
        audience: Audience | None = await self._ask(lambda: self._view.audience(self.key))
        # Where the topic is gone by now, that is still to come.
        if audience is not None:
            self._admit(audience, change)
            later = self._hand_on(change)
            if later is not None:
                await later()

    def _admit(self, audience: Audience, change: C | None) -> None:
        if audience.revision <= self._audience:
            return
        self._audience = audience.revision
        if change is not None and self._view.audience_revision(change) < audience.revision:
            # It need not be this one that shut them out.
            change = None
        self._part_all(
            Reason.SHUT_OUT, change, which=lambda member: member.user not in audience.users
        )

    def _hand_on(self, change: C) -> Later | None:
        self._audience = max(self._audience, self._view.audience_revision(change))
        if self._revision != NEVER and change.since > self._revision:
            # What is between could not be told.
            self._log.lose(change.since)
            self._part_all(Reason.BEHIND, which=lambda member: member.position < change.since)
        known = self._revision = max(change.since, self._revision)
        if change.revision <= known:
            return None
        events = self._view.events(self.key, change, known)
        if events is None:
            return self._read
        self._part_within(known, change.revision)
        if len(events) > 1:
            return partial(self._push_each, events, known, change.revision)
        self._revision = change.revision
        for revision, event in events:
            if self._read_events is not None or event != self._told:
                # Who is ahead of it knows something else.
                self._told = event if revision >= self._ahead else _NOTHING_ALIKE
                return self._push(Entry(known, revision, event))
        return None

    def _part_within(self, known: int, revision: int) -> None:
        """Part those who know more than is supposed of those who are told what comes next."""
        if known < self._ahead and self._read_events is not None:
            self._part_all(Reason.BEHIND, which=lambda member: known < member.position < revision)

    async def _read(self) -> None:
        """Hand on what changed since the last revision, from the database."""
        if self._revision == NEVER:
            self._revision = self.watch.revision
        known = self._revision
        read = self._read_events
        assert read is not None  # noqa: S101 - merged changes are never behind
        more = True
        while more:
            page: Page | None = await self._ask(lambda: read(self.key, self._revision, known))
            if page is None:
                return
            self._admit(page.audience, None)
            if self._revision == known:
                self._part_within(known, page.revision)
            await self._push_each(page.events, known, page.revision)
            more = page.more

    # Events go out

    async def _push_each(self, events: Events, known: int, upto: int) -> None:
        """Hand on many events, a portion at a time, letting others do something in between."""
        portion: list[Entry] = []
        for revision, event in events:
            entry = Entry(known, revision, event)
            later = self._render(entry)
            if later is not None:
                await later()
            portion.append(entry)
            if self._is_enough(portion):
                self._deliver(portion)
                self._revision = revision
                portion = []
                await asyncio.sleep(0)
        if portion:
            self._deliver(portion)
        self._revision = upto

    def _is_enough(self, portion: list[Entry]) -> bool:
        deliveries = len(portion) * sum(map(len, self._live.values()))
        return (
            deliveries > _PORTION_DELIVERIES
            or sum(entry.size for entry in portion) > _PORTION_BYTES
        )

    def _push(self, entry: Entry) -> Later | None:
        """Deliver an event to all, now or once it is rendered."""
        later = self._render(entry)
        if later is None:
            self._deliver([entry])
            return None
        return partial(self._deliver_after, later, entry)

    async def _deliver_after(self, later: Later, entry: Entry) -> None:
        await later()
        self._deliver([entry])

    def _render(self, entry: Entry) -> Later | None:
        """Render an event for each group; return what has to be awaited for that."""
        slow: dict[Group, asyncio.Task[bytes]] = {}
        lagging = {member.outlet.group for member in self._waiting if member.following}
        for group in lagging.union(self._live):
            rendered = group.render(entry.event)
            if isinstance(rendered, bytes):
                entry.payloads[group] = rendered
            else:
                slow[group] = self._start(rendered)
        return partial(_rendered, entry, slow) if slow else None

    def _deliver(self, entries: list[Entry]) -> None:
        first, last = entries[0].revision, entries[-1].revision
        self._log.extend(entries)
        for group, members in list(self._live.items()):
            results = results_of(entries, group)
            for member in list(members):
                position = member.position
                # One may have left because another was told.
                if position >= last or not member.following:
                    continue
                if results is None:
                    # The group came while an event was rendered.
                    self._part(member, Reason.BEHIND)
                elif member.deliver(
                    results if position < first else [r for r in results if r[1] > position]
                ):
                    member.position = last
                else:
                    self._not_live(member)
                    self._lag(member)
        if not self._waiting:
            self._log.release()

    def _lag(self, member: Member) -> None:
        self._waiting[member] = None
        member.outlet.once_writable(lambda: self._catch_up(member))

    def _catch_up(self, member: Member) -> None:
        """Deliver what a member has missed; part it where that isn't at hand."""
        if not member.following or member not in self._waiting:
            return
        missed = self._log.behind(member.position)
        results = None if missed is None else results_of(missed, member.outlet.group)
        if results is None:
            self._part(member, Reason.BEHIND)
        elif results and not member.deliver(results):
            self._lag(member)
        else:
            if results:
                member.position = results[-1][1]
            if member.following:
                del self._waiting[member]
                self._live.setdefault(member.outlet.group, {})[member] = None


async def _rendered(entry: Entry, slow: dict[Group, asyncio.Task[bytes]]) -> None:
    payloads = await asyncio.gather(*slow.values())
    entry.payloads.update(zip(slow, payloads, strict=True))
