"""How a connection tells the application that the server shuts down."""

import asyncio
from collections.abc import Callable


def nothing() -> None:
    """Do nothing."""


class ShutdownNotice:
    """Calls ``on_shutdown`` once: when shutting down begins, or soon after if it has begun."""

    __slots__ = ("_begun", "_on_shutdown")

    def __init__(self, *, begun: bool = False) -> None:
        self._begun = begun
        self._on_shutdown = nothing

    @property
    def on_shutdown(self) -> Callable[[], None]:
        """What is called."""
        return self._on_shutdown

    @on_shutdown.setter
    def on_shutdown(self, callback: Callable[[], None]) -> None:
        self._on_shutdown = callback
        if self._begun:
            asyncio.get_running_loop().call_soon(callback)

    def begin(self) -> None:
        """Tell that shutting down begins, unless it was told."""
        if not self._begun:
            self._begun = True
            self._on_shutdown()
