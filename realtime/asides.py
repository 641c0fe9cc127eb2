"""What is told of a topic beside its changes: now, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from uuid import UUID

from realtime.cohort import Start
from realtime.paced import Paced
from realtime.view import Remarks
from realtime.watch import Aside

SECONDS_BETWEEN = 0.5


class Asides:
    """The subjects of a topic that there was word of, until they are told of.

    Many words about one subject become one. ``read`` reads what they are about for those who know
    all up to a revision, which ``standing`` returns, or None while it can't be said; ``tell`` tells
    it, and returns whether it could. Where not, it is read again, a bit later. ``start`` runs a
    task.
    """

    def __init__(
        self,
        *,
        standing: Callable[[], int | None],
        read: Callable[[Collection[UUID], int], Awaitable[Remarks | None]],
        tell: Callable[[Remarks, int], Awaitable[bool]],
        start: Start,
    ) -> None:
        self._standing = standing
        self._read = read
        self._tell = tell
        self._start = start
        self._subjects: set[UUID] = set()
        self._work: asyncio.Task[None] | None = None
        self._pace = Paced(self._go_on, seconds=SECONDS_BETWEEN)

    def hear(self, aside: Aside) -> None:
        """Take word of a subject."""
        self._subjects.add(aside.subject)
        self._pace()

    def cancel(self) -> None:
        """Tell nothing more."""
        self._pace.cancel()
        if self._work is not None:
            self._work.cancel()

    def _go_on(self) -> None:
        if self._work is None and self._subjects:
            self._work = self._start(self._read_and_tell())

    async def _read_and_tell(self) -> None:
        subjects, self._subjects = self._subjects, set()
        try:
            if not await self._told(subjects):
                self._subjects |= subjects
        finally:
            self._work = None
        if self._subjects:
            self._pace()

    async def _told(self, subjects: Collection[UUID]) -> bool:
        """Tell of the subjects, unless that can't be done as things are."""
        revision = self._standing()
        if revision is None:
            return False
        remarks = await self._read(subjects, revision)
        if remarks is None:
            return True
        # Where a change came meanwhile, what was read may be over, and that told already.
        return self._standing() == revision and await self._tell(remarks, revision)
