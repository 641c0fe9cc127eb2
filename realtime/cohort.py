"""Those who get a topic's events alike, and take them as they come."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from realtime.log import Entry, Log
from realtime.member import Member
from realtime.outlet import Group, Rendered
from realtime.reports import Report
from realtime.tasks import heed_cancellation

Start: TypeAlias = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

PORTION: Final = 16
"""How many events are rendered in one go."""

_PIECE_BYTES: Final = 2**14

_report = Report(logging.getLogger(__name__))


@dataclass(frozen=True, slots=True)
class Means:
    """What a cohort has at its disposal: the log of its relay, and calls.

    ``start`` runs a task, ``lag`` is for a member that takes no more at the moment, ``lose`` for
    one whose next event is not at hand; ``level`` says that the cohort is at the end of the log.
    """

    log: Log
    start: Start
    lag: Callable[[Member], None]
    lose: Callable[[Member], None]
    level: Callable[[], None]


class Cohort:
    """The members of one group that take what comes. All up to ``position`` was handed to them.

    Where a rendering has to be waited for, a task waits, and tells them from the log what has come
    meanwhile: nobody else is held up. What is too much for the log, they have to read elsewhere.
    """

    __slots__ = ("_means", "_task", "group", "members", "position")

    def __init__(self, group: Group, position: int, means: Means) -> None:
        self.group = group
        self.position = position
        self.members: dict[Member, None] = {}
        self._means = means
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a task is at work for it: it takes from the log by itself."""
        return self._task is not None

    def stop(self) -> None:
        """Give up what is being rendered: nobody is left."""
        if self._task is not None:
            # Not before it has begun: what it is to wait for would be left behind.
            asyncio.get_running_loop().call_soon(self._task.cancel)

    def tell(self, entries: Sequence[Entry]) -> None:
        """Tell all members of what is new, now or once it is rendered."""
        try:
            rendering = self._render(entries)
        except Exception as error:  # noqa: BLE001 - whatever it is, members must not miss it
            self._fail(error)
            return
        if rendering is None:
            self._hand(entries)
        else:
            self._task = self._means.start(self._go_on(entries, rendering))

    def catch_up(self) -> None:
        """Tell all members of what the log has behind the position."""
        self._task = self._means.start(self._go_on((), None))

    async def _go_on(
        self, entries: Sequence[Entry], rendering: Coroutine[Any, Any, None] | None
    ) -> None:
        """Tell what is being rendered, and go on until nothing is behind it."""
        try:
            while True:
                await (asyncio.sleep(0) if rendering is None else rendering)
                if entries:
                    self._hand(entries)
                entries = self._behind()
                if not entries:
                    break
                rendering = self._render(entries)
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
        """Return the next few entries; part the members for whom some before are forgotten."""
        log = self._means.log
        missed = log.behind(self.position)
        if missed is None:
            self.position = log.floor
            for member in list(self.members):
                if member.following and member.position < self.position:
                    self._means.lose(member)
            missed = log.behind(self.position) or ()
        return missed[:PORTION] if self.members else ()

    def _render(self, entries: Sequence[Entry]) -> Coroutine[Any, Any, None] | None:
        """Render what is not rendered yet; return what has to be awaited for that."""
        missing = [entry for entry in entries if self.group not in entry.payloads]
        if not missing:
            return None
        rendered = self.group.render([entry.event for entry in missing])
        if not isinstance(rendered, list):
            return self._render_later(missing, rendered)
        self._means.log.keep(missing, self.group, rendered)
        return None

    async def _render_later(
        self, entries: Sequence[Entry], rendering: Coroutine[Any, Any, list[bytes]]
    ) -> None:
        self._means.log.keep(entries, self.group, await rendering)

    def _hand(self, entries: Sequence[Entry]) -> None:
        """Hand what is rendered to all members."""
        self.position = entries[-1].revision
        results = [(entry.payloads[self.group], entry.revision) for entry in entries]
        for piece in _pieces(results):
            first, last = piece[0][1], piece[-1][1]
            for member in list(self.members):
                position = member.position
                # One may have left because another was told.
                if position >= last or not member.following:
                    continue
                if member.deliver(
                    piece if position < first else [each for each in piece if each[1] > position]
                ):
                    member.position = last
                else:
                    self._means.lag(member)

    def _fail(self, error: BaseException) -> None:
        _report("Events could not be rendered for a group of subscriptions", error)
        for member in list(self.members):
            if member.following:
                self._means.lose(member)


def _pieces(results: Sequence[Rendered]) -> Iterator[Sequence[Rendered]]:
    """Cut results so that none but a large one alone is of many bytes."""
    begin = size = 0
    for end, (payload, _) in enumerate(results):
        if size and size + len(payload) > _PIECE_BYTES:
            yield results[begin:end]
            begin, size = end, 0
        size += len(payload)
    yield results[begin:]
