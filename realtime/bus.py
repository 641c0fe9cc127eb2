"""The bus: text from any process to every process that listens.

Messages may be lost while the broker is away, never waited for; whoever needs them all has to be
able to read what it missed, and is told when (``on_rebuild``).
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import NoReturn, Self

from realtime.backends import make_backend
from realtime.backends.base import Backend
from realtime.channels import Channels, Listener, Receive
from realtime.link import Link
from realtime.outbox import Outbox
from realtime.reports import Report
from realtime.tasks import Tasks, heed_cancellation

logger = logging.getLogger(__name__)

# Enough to make round trips few, and little enough to hold up neither the event loop nor others.
_MESSAGES_AT_ONCE = 100
_CHANNELS_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How patient a bus is; all in seconds.

    A connection gets ``connect`` to come about. It is tested every ``check`` and given up when a
    test takes longer than ``patience``. Then a new one is tried after a jittered pause, which
    doubles from ``first_pause`` to ``longest_pause``. Whoever waits for the outbox, as the end
    does, waits up to ``flush``.
    """

    connect: float = 3.0
    check: float = 2.0
    patience: float = 3.0
    first_pause: float = 0.1
    longest_pause: float = 2.0
    flush: float = 1.0


class Bus:
    """A process's connection to the broker that ``url`` names.

    ``memory://`` reaches this process only, ``postgresql://`` all on one database, ``redis://`` and
    ``rediss://`` all on one Redis or Valkey; anything else raises ValueError. On PostgreSQL a
    message has to stay under 8,000 bytes. ``backend`` makes a backend for each life of the
    connection. To be used in one event loop, between ``async with``'s entry and exit.

    ``healthy`` tells whether the broker is there and knows every channel; ``received`` counts
    messages, ``rebuilds`` the times the connection came about. The callables of ``on_rebuild`` are
    called each time it did: messages may have been lost before. They must not raise.
    """

    def __init__(
        self,
        url: str,
        *,
        outbox_limit: int = 10_000,
        pace: Pace | None = None,
        backend: Callable[[str], Backend] = make_backend,
    ) -> None:
        backend(url)  # raises for an address that can't be right: now, not behind the scenes
        self.healthy = False
        self.received = 0
        self.rebuilds = 0
        self.on_rebuild: list[Callable[[], None]] = []
        self._make_backend = partial(backend, url)
        self._pace = pace or Pace()
        self._outbox = Outbox(outbox_limit)
        self._channels = Channels()
        self._tasks = Tasks()
        self._tried = asyncio.Event()
        self._report = Report(logger)

    @property
    def dropped(self) -> int:
        """How many messages were published but never sent."""
        return self._outbox.dropped

    def publish(self, channel: str, message: str) -> None:
        """Send a message to whoever listens, later and in order. Never blocks and never raises."""
        self._outbox.put(channel, message)

    async def publish_and_wait(self, channel: str, message: str) -> None:
        """Send a message as ``publish`` does, and return when the broker has it.

        So whatever any process publishes from then on comes behind it. Never raises, and waits
        neither longer than ``Pace.flush`` nor for a broker that is away.
        """
        self.publish(channel, message)
        await self._flush()

    def join(self, channel: str, receive: Receive) -> Listener:
        """Have ``receive`` called with each message of the channel, until the listener is closed.

        What it raises is logged. Raises ValueError for an impossible channel name.
        """
        return self._channels.join(channel, receive)

    @asynccontextmanager
    async def listen(self, channel: str, receive: Receive) -> AsyncIterator[None]:
        """Receive the channel within the block, which begins when the broker knows.

        While the broker is away it begins at once.
        """
        listener = self.join(channel, receive)
        try:
            await listener.ready()
            yield
        finally:
            listener.close()

    async def __aenter__(self) -> Self:
        self._tasks.start(self._keep_connected())
        try:
            await self._tried.wait()
        except asyncio.CancelledError:
            await self._tasks.cancel()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._flush()
        finally:
            await self._tasks.cancel()

    async def _flush(self) -> None:
        if self.healthy:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.flush):
                    await self._outbox.flush()

    async def _keep_connected(self) -> NoReturn:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._live()
            except Exception as error:  # noqa: BLE001
                self._report("The broker is away", _cause(error))
                heed_cancellation()
            finally:
                self.healthy = False
                self._channels.offline()
                self._tried.set()
            lasted = time.monotonic() - began
            failures = 0 if lasted > self._pace.longest_pause else failures + 1
            pause = min(self._pace.longest_pause, self._pace.first_pause * 2.0**failures)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311

    async def _live(self) -> None:
        """Connect and serve until something fails, which is raised."""
        link = Link(self._make_backend(), self._deliver)
        check, patience = self._pace.check, self._pace.patience
        async with (
            link.connected(within_seconds=self._pace.connect),
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(link.failure())
            tasks.create_task(link.keep_checking(every_seconds=check, patience_seconds=patience))
            tasks.create_task(self._send(link))
            while not self._channels.all_told:
                await self._tell(link)
            self._rebuilt()
            while True:
                await self._tell(link)

    async def _send(self, link: Link) -> NoReturn:
        while True:
            messages = await self._outbox.take(_MESSAGES_AT_ONCE)
            try:
                for error in await link.publish(messages):
                    self._outbox.drop("The broker refused it", error)
            except Exception as error:  # noqa: BLE001
                self._outbox.drop("Publishing failed", error, count=len(messages))
                heed_cancellation()
            except asyncio.CancelledError:
                self._outbox.drop("Publishing was broken off", count=len(messages))
                raise

    async def _tell(self, link: Link) -> None:
        """Tell the broker of channels that got their first listener, or lost their last."""
        joined, left = await self._channels.next_changes(_CHANNELS_AT_ONCE)
        await link.subscribe(joined)
        self._channels.settle(joined)
        await link.unsubscribe(left)

    def _rebuilt(self) -> None:
        self.healthy = True
        self.rebuilds += 1
        logger.info("The broker is there; %d channels are listened to", len(self._channels))
        self._channels.online()
        self._tried.set()
        for callback in self.on_rebuild:
            callback()

    def _deliver(self, channel: str, message: str) -> None:
        self.received += 1
        self._channels.deliver(channel, message)


def _cause(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
