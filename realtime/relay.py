"""One topic's events on their way to all who follow it in this process.

A relay makes events of its topic's changes, and has them delivered. What can't be told in that way
parts a follower from it: one that was shut out, one that is too far behind, one whose topic is
gone. It is told why, and goes on for itself.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from functools import partial
from math import inf
from typing import Any, Final, Generic, TypeAlias, TypeVar
from uuid import UUID

from realtime.asides import Asides
from realtime.cohort import SLICE_SECONDS, Start
from realtime.delivery import Delivery
from realtime.log import NEVER, Entry
from realtime.member import Member
from realtime.paced import Paced
from realtime.reports import Report
from realtime.view import (
    Ask,
    Audience,
    Concerns,
    Page,
    Parting,
    Read,
    ReadAsides,
    Reason,
    Remarks,
    View,
)
from realtime.watch import GONE, Arrivals, Aside, Revised, Signal

C = TypeVar("C", bound=Revised)

Later: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""What is still to be awaited."""

_NOTHING_ALIKE: Final = object()

_report = Report(logging.getLogger(__name__))


class Relay(Generic[C]):
    """Hands the events of one topic to its followers; ``key`` is what they ask for.

    With ``read`` they get every event. Without it they get the newest, if it differs from the last
    one, no oftener than every ``seconds_between``: changes that come in a burst are handed on
    together, the first one at once. ``read_asides`` reads what asides are about, where there are
    any that it ``concerns``. ``ask`` repeats a question to the database until it is answered,
    ``audience`` finds out who may follow as of a revision or later, ``start`` runs a task, one task
    at a time has the ``turn`` to render, and ``empty`` is called when the last follower has left.
    """

    def __init__(
        self,
        key: Any,
        view: View[C],
        watch: Arrivals[C],
        *,
        read: Read | None,
        read_asides: ReadAsides | None,
        concerns: Concerns,
        seconds_between: float,
        ask: Ask,
        audience: Callable[[int], Awaitable[Audience | None]],
        start: Start,
        turn: asyncio.Lock,
        empty: Callable[[], None],
    ) -> None:
        self.key = key
        self.watch = watch
        self.ended = False
        self._view = view
        self._ask = ask
        self._ask_who_may = audience
        self._start = start
        self._empty = empty
        self._read_events = read
        # The last event: where only the newest counts, the same again is no news to those who got
        # it. Whoever is placed may know of later ones, up to the revision ahead.
        self._told: Any = None
        self._ahead = NEVER
        # As of which revision it is known who may follow.
        self._audience = NEVER
        self._unplaced: list[Callable[[], None]] = []
        self._delivery = Delivery(
            latest_only=read is None,
            start=start,
            turn=turn,
            lost=partial(self._part, reason=Reason.BEHIND),
        )
        self._work: asyncio.Task[None] | None = None
        self._pace: Callable[[], None] = self._go_on
        if seconds_between:
            self._pace = Paced(self._go_on, seconds=seconds_between)
        watch.on_arrival = self._pace
        self._asides: Asides | None = None
        if read_asides is not None:
            self._asides = Asides(
                standing=self._standing,
                read=partial(self._read_wanted, read_asides),
                tell=self._mention,
                start=start,
            )
            watch.on_aside = partial(self._hear, self._asides, concerns)

    # Followers come and go

    def add(self, member: Member) -> None:
        """Keep what comes from now on for the member, until it says where it stands."""
        self._delivery.hold(member)

    def remove(self, member: Member) -> None:
        """Forget the member."""
        self._delivery.remove(member)
        if self._delivery.is_empty:
            self.ended = True
            if isinstance(self._pace, Paced):
                self._pace.cancel()
            if self._work is not None:
                self._work.cancel()
            if self._asides is not None:
                self._asides.cancel()
            self._empty()

    def place(self, member: Member, revision: int, audience_revision: int, told: Any) -> None:
        """Have the member go on behind the revision; ``told`` is the last event that it got."""
        delivery = self._delivery
        if not delivery.holds(member):
            return
        member.position = member.known = revision
        if self.ended:
            self._part(member, Reason.GONE)
        elif self._work is not None:
            # In the midst of a change it could not be said what is news to the member.
            self._unplaced.append(partial(self.place, member, revision, audience_revision, told))
        elif (
            audience_revision < self._audience
            or delivery.log.is_within_a_change(revision)
            or self._was_left_out(revision, told)
        ):
            self._part(member, Reason.BEHIND)
        else:
            if self._audience == NEVER:
                self._audience = audience_revision
            if revision > delivery.revision and told != self._told:
                # What it knows beyond the others may be over before they are told: then it is news.
                self._told = told if self._told is None else _NOTHING_ALIKE
            self._ahead = max(self._ahead, revision)
            delivery.begin(member)

    def _was_left_out(self, revision: int, told: Any) -> bool:
        """Tell whether what was no news to others is news to whoever stands at the revision."""
        return (
            revision < self._delivery.revision
            and told is not None
            and told != self._told
            and not self._delivery.log.behind(revision)
        )

    def _part(self, member: Member, reason: Reason, change: C | None = None) -> None:
        self._delivery.hold(member)
        member.part(Parting(member, self.key, reason, member.position, member.known, change))

    def _part_all(
        self,
        reason: Reason,
        change: C | None = None,
        which: Callable[[Member], bool] = lambda _: True,
    ) -> None:
        for member in self._delivery.followers():
            # One may have left because another was parted.
            if member.following and which(member):
                self._part(member, reason, change)

    # Asides come in

    def _standing(self) -> int | None:
        """Return up to which revision all was handed out; None in the midst of a change."""
        if self._work is not None or self.ended:
            return None
        return max(self._delivery.revision, self.watch.revision)

    def _hear(self, asides: Asides, concerns: Concerns, aside: Aside) -> None:
        if concerns(self.key, aside.subject):
            asides.hear(aside)

    async def _read_wanted(
        self, read: ReadAsides, subjects: Collection[UUID], revision: int
    ) -> Remarks | None:
        """Read what asides are about, if there is somebody to tell."""
        if not self._delivery.wants_asides:
            return None
        remarks: Remarks | None = await self._ask(lambda: read(self.key, subjects, revision))
        return remarks

    async def _mention(self, remarks: Remarks, revision: int) -> bool:
        """Tell what asides were about, unless who may hear it is still to be found out."""
        if remarks.audience_revision > self._audience:
            return False
        return await self._delivery.mention(
            remarks.events, revision, lambda: self._standing() == revision
        )

    # Changes come in

    def _go_on(self) -> None:
        """Take what has come, unless the work on something earlier is not done."""
        began = time.monotonic()
        while self._work is None and (item := self.watch.take()) is not None:
            later = self._take(item)
            if later is None and time.monotonic() - began > SLICE_SECONDS:
                later = partial(asyncio.sleep, 0)
            if later is not None:
                self._work = self._start(self._finish(later))

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

    def _fail(self, error: BaseException) -> None:
        _report(f"The events of {self.key} could not be told", error)
        self._delivery.log.lose(max(self.watch.revision, self._delivery.revision))
        self._part_all(Reason.BEHIND)

    def _take(self, item: C | Signal) -> Later | None:
        """Hand on what a change brings; return what has to be awaited for that."""
        try:
            return self._tell(item)
        except Exception as error:  # noqa: BLE001 - whatever it is, followers must not miss it
            self._fail(error)
            return None

    def _tell(self, item: C | Signal) -> Later | None:
        if item is GONE:
            self._end(None)
        elif isinstance(item, Signal):
            return self._read
        elif self._view.is_last(item):
            self._end(item)
        elif self._view.audience_revision(item) > self._audience and self._delivery.followers():
            return partial(self._check, item)
        else:
            return self._hand_on(item)
        return None

    def _end(self, change: C | None) -> None:
        self.ended = True
        self._part_all(Reason.GONE, change)

    async def _check(self, change: C) -> None:
        """Part those who may not follow the topic any more, before the change is handed on."""
        audience = await self._ask_who_may(self._view.audience_revision(change))
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
        delivery = self._delivery
        self._audience = max(self._audience, self._view.audience_revision(change))
        if delivery.revision != NEVER and change.since > delivery.revision:
            # What is between could not be told.
            delivery.log.lose(change.since)
            self._part_all(Reason.BEHIND, which=lambda member: member.position < change.since)
        known = delivery.revision = max(change.since, delivery.revision)
        if change.revision <= known:
            return None
        events = self._view.events(self.key, change, known)
        if events is None:
            return self._read
        self._part_within(known, change.revision)
        if len(events) > 1:
            return partial(delivery.push_each, events, known, change.revision, more=False)
        delivery.revision = change.revision
        for revision, event in events:
            if self._read_events is not None or event != self._told:
                # Who is ahead of it knows something else.
                self._told = event if revision >= self._ahead else _NOTHING_ALIKE
                delivery.push([Entry(known, revision, event)])
        return None

    def _part_within(self, known: int, revision: float) -> None:
        """Part those who know more than is supposed of those who are told what comes next."""
        if known < self._ahead and self._read_events is not None:
            self._part_all(Reason.BEHIND, which=lambda member: known < member.position < revision)

    async def _read(self) -> None:
        """Hand on what changed since the last revision, from the database."""
        delivery = self._delivery
        if delivery.revision == NEVER:
            delivery.revision = self.watch.revision
        known = delivery.revision
        read = self._read_events
        assert read is not None  # noqa: S101 - merged changes are never behind
        more = True
        while more:
            page: Page | None = await self._ask(lambda: read(self.key, delivery.revision, known))
            if page is None:
                return
            self._admit(page.audience, None)
            if delivery.revision == known:
                self._part_within(known, inf if page.more else page.revision)
            await delivery.push_each(page.events, known, page.revision, more=page.more)
            more = page.more
