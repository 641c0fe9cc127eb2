"""Those who get a topic's events alike, and take them as they come."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, TypeAlias

from realtime.log import Entry, Log
from realtime.member import Member
from realtime.outlet import Group
from realtime.reports import Report
from realtime.tasks import heed_cancellation

Start: TypeAlias = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

Rendering: TypeAlias = Coroutine[Any, Any, list[bytes]]
"""The payloads of events, to be awaited."""

PORTION: Final = 16
"""How many events are rendered in one go, at most."""

SLICE_SECONDS: Final = 0.005
"""How long others may be kept waiting."""

_PIECE_BYTES: Final = 2**14
# Almost everything ends sooner, which costs less than to break it off.
_STOPPING_SECONDS: Final = 0.1

_report = Report(logging.getLogger(__name__))


@dataclass(frozen=True, slots=True)
class Means:
    """What a cohort has at its disposal: the log of its relay, and calls.

    ``keeps`` tells whether renderings for a group are worth keeping, ``lag`` is for a member that
    takes no more at the moment, ``lose`` for one whose next event is not at hand, and ``level``
    says that a cohort is at the end of the log. ``start`` runs a task, and one task at a time has
    the ``turn`` to render.
    """

    log: Log
    start: Start
    turn: asyncio.Lock
    keeps: Callable[[Group], bool]
    lag: Callable[[Member], None]
    lose: Callable[[Member], None]
    level: Callable[[], None]


class Cohort:
    """The members of one group that take what comes. All up to ``position`` was handed to them.

    Where a rendering has to be waited for, or takes too long, a task goes on with it, and tells
    them from the log what has come meanwhile: nobody else is held up. What is too much for the log,
    they have to read elsewhere. ``cost`` is how many seconds rendering an event took of late.
    """

    __slots__ = (
        *("_means", "_mentioning", "_portion", "_task"),
        *("cost", "group", "members", "position"),
    )

    def __init__(self, group: Group, position: int, means: Means) -> None:
        self.group = group
        self.position = position
        self.members: dict[Member, None] = {}
        self.cost = 0.0
        self._means = means
        # Nothing is known of what comes of an event: a large portion of large ones would be much.
        self._portion = 1
        self._task: asyncio.Task[None] | None = None
        self._mentioning: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a task is at work for it: it takes from the log by itself."""
        return self._task is not None

    def stop(self) -> None:
        """Give up what is being rendered, if that takes long: nobody is left."""
        if self._task is not None:
            asyncio.get_running_loop().call_later(_STOPPING_SECONDS, self._task.cancel)

    def tell(self, entries: Sequence[Entry]) -> None:
        """Tell all members of what is new, now or as soon as may be; the log has it, too."""
        end = time.monotonic() + SLICE_SECONDS
        while entries and self.members:
            portion = self._first(entries)
            entries = entries[len(portion) :]
            try:
                rendered = self._render(portion)
            except Exception as error:  # noqa: BLE001 - whatever it is, members must not miss it
                self._fail(error)
                return
            if not isinstance(rendered, list):
                self._task = self._means.start(self._go_on(portion, rendered))
                return
            self._hand(portion, rendered)
            if entries and time.monotonic() > end:
                self.catch_up()
                return

    def mention(self, events: Sequence[Any], revision: int) -> Iterator[None]:
        """Tell those members of events without a revision who know all up to this one, if any.

        Pauses behind each. They are told now, or forgotten: where a rendering has to be waited for,
        a task goes on, one at a time.
        """
        try:
            for index, event in enumerate(events, 1):
                if self.busy or self._mentioning is not None or not self.group.wants_asides:
                    return
                rendered = self.group.render([event])
                if not isinstance(rendered, list):
                    later = self._mention_later(rendered, events[index:], revision)
                    self._mentioning = self._means.start(later)
                    return
                self._mention(rendered[0], revision)
                yield
        except Exception as error:  # noqa: BLE001 - nobody misses anything that counts
            _report("An aside could not be rendered for a group of subscriptions", error)

    async def _mention_later(
        self, rendering: Rendering, others: Sequence[Any], revision: int
    ) -> None:
        position = self.position

        def is_over() -> bool:
            return self.busy or self.position != position or not self.members

        try:
            payloads = await rendering
            for event in others:
                if is_over():
                    return
                self._mention(payloads[0], revision)
                async with self._means.turn:
                    await asyncio.sleep(0)
                    if is_over():
                        return
                    rendered = self.group.render([event])
                payloads = rendered if isinstance(rendered, list) else await rendered
            if not is_over():
                self._mention(payloads[0], revision)
        except Exception as error:  # noqa: BLE001 - nobody misses anything that counts
            heed_cancellation()
            _report("An aside could not be rendered for a group of subscriptions", error)
        finally:
            self._mentioning = None

    def _mention(self, payload: bytes, revision: int) -> None:
        for member in list(self.members):
            if member.following and member.position <= revision:
                member.deliver([(payload, revision)])

    def catch_up(self) -> None:
        """Tell all members of what the log has behind the position, when it is their turn."""
        self._task = self._means.start(self._go_on((), None))

    async def _go_on(self, entries: Sequence[Entry], rendering: Rendering | None) -> None:
        """Tell what is being rendered, and go on until nothing is behind it."""
        try:
            while True:
                if rendering is not None:
                    self._hand(entries, await rendering)
                    rendering = None
                if not self._behind():
                    break
                async with self._means.turn:
                    await asyncio.sleep(0)
                    entries = self._behind()
                    if not entries:
                        break
                    rendered = self._render(entries)
                    if isinstance(rendered, list):
                        self._hand(entries, rendered)
                    else:
                        rendering = rendered
        except asyncio.CancelledError as error:
            # If it is not its own, something was given up that the rendering waited for.
            heed_cancellation()
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, members must not miss it
            self._fail(error)
        finally:
            self._task = None
            self._means.level()

    def _behind(self) -> Sequence[Entry]:
        """Return the next portion; part the members for whom some before are forgotten."""
        log = self._means.log
        missed = log.behind(self.position)
        if missed is None:
            self.position = log.floor
            for member in list(self.members):
                if member.following and member.position < self.position:
                    self._means.lose(member)
            missed = log.behind(self.position) or ()
        return self._first(missed) if self.members else ()

    def _first(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return the next portion, all of which is rendered already, or nothing of it."""
        portion = entries[: self._portion]
        if len(portion) > 1:
            rendered = self.group in portion[0].payloads
            portion = list(takewhile(lambda e: (self.group in e.payloads) is rendered, portion))
        return portion

    def _render(self, entries: Sequence[Entry]) -> list[bytes] | Rendering:
        """Return the payloads of entries, unless they have to be waited for."""
        if self.group in entries[0].payloads:
            return [entry.payloads[self.group] for entry in entries]
        began = time.monotonic()
        rendered = self.group.render([entry.event for entry in entries])
        self.cost = (time.monotonic() - began) / len(entries)
        return rendered

    def _hand(self, entries: Sequence[Entry], payloads: list[bytes]) -> None:
        """Hand what is rendered to all members; keep it where others of the group will want it."""
        self.position = entries[-1].revision
        self._adapt(payloads)
        if self._means.keeps(self.group):
            self._means.log.keep(entries, self.group, payloads)
        kept = False
        results = [
            (payload, entry.revision) for payload, entry in zip(payloads, entries, strict=True)
        ]
        for begin, end in _pieces(payloads):
            piece = results[begin:end]
            first, last = piece[0][1], piece[-1][1]
            for member in list(self.members):
                position = member.position
                # One may have left because another was told.
                if position >= last or not member.following:
                    continue
                if member.deliver(
                    piece if position < first else [each for each in piece if each[1] > position]
                ):
                    member.told(entries[end - 1])
                elif member.following:
                    if not kept:
                        kept = True
                        self._means.log.keep(entries, self.group, payloads)
                    self._means.lag(member)

    def _adapt(self, payloads: list[bytes]) -> None:
        """Have the next portion take a moment only, and be of a few bytes."""
        count, size = len(payloads), sum(map(len, payloads))
        seconds = self.cost * count
        if seconds > SLICE_SECONDS or size > _PIECE_BYTES:
            self._portion = max(1, count // 2)
        elif count == self._portion and 2 * seconds < SLICE_SECONDS and 2 * size <= _PIECE_BYTES:
            self._portion = min(PORTION, 2 * count)

    def _fail(self, error: BaseException) -> None:
        _report("Events could not be rendered for a group of subscriptions", error)
        for member in list(self.members):
            if member.following:
                self._means.lose(member)


def _pieces(payloads: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Cut so that no piece but a large payload alone is of many bytes; yield begins and ends."""
    begin = size = 0
    for end, payload in enumerate(payloads):
        if size and size + len(payload) > _PIECE_BYTES:
            yield begin, end
            begin, size = end, 0
        size += len(payload)
    yield begin, len(payloads)
