"""Following a project for nobody but the hub itself: that something changed, not what."""

import asyncio
from collections.abc import Callable, Sequence

from realtime.outlet import Rendered


class _Unread:
    """The group of those who don't look at what is delivered."""

    wants_asides = False
    moves = False

    def render(self, events: Sequence[object]) -> list[bytes]:
        return [b""] * len(events)


_UNREAD = _Unread()


class Bell:
    """An outlet that rings when something is delivered."""

    group = _UNREAD

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Ring; once is enough until it is heard."""
        self._rung.set()

    async def rung(self) -> None:
        """Wait until it has rung since the last time."""
        await self._rung.wait()
        self._rung.clear()

    def deliver(self, _results: Sequence[Rendered]) -> bool:
        """Ring."""
        self._rung.set()
        return True

    def once_writable(self, _callback: Callable[[], None]) -> None:
        """Never called: it takes everything."""
