"""What tests of the bus share: an ear to listen with, brokers that can be harmed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn

from realtime.backends import make_backend
from realtime.backends.base import Backend, Deliver, Message
from realtime.bus import Bus, Pace

QUICK = Pace(connect=2.0, check=0.02, patience=0.5, first_pause=0.01, longest_pause=0.05)
"""A bus that finds out about everything within a second."""


class Ear:
    """A listener that can be waited for."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, message: str) -> None:
        self._heard.put_nowait(message)

    async def next(self) -> str:
        async with asyncio.timeout(10):
            return await self._heard.get()

    async def several(self, count: int) -> list[str]:
        return [await self.next() for _ in range(count)]

    @property
    def quiet(self) -> bool:
        return self._heard.empty()


async def everything_heard(bus: Bus) -> None:
    """Wait until what was published on the bus so far has been received."""
    ear = Ear()
    async with bus.listen("everything-heard", ear):
        bus.publish("everything-heard", "")
        await ear.next()


@asynccontextmanager
async def rebuilding(bus: Bus) -> AsyncIterator[None]:
    """Expect that the bus is rebuilt after the block was entered."""
    rebuilt = asyncio.Event()
    bus.on_rebuild.append(rebuilt.set)
    yield
    async with asyncio.timeout(10):
        await rebuilt.wait()
    bus.on_rebuild.remove(rebuilt.set)


async def until_unhealthy(bus: Bus) -> None:
    """Wait until the bus has noticed that its broker is away."""
    async with asyncio.timeout(10):
        # There is no event for what nobody but an operator asks.
        while bus.healthy:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Gate:
    """Where something is held up: ``reached`` by it, passed when ``opened``."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def pass_through(self) -> None:
        self.reached.set()
        await self.opened.wait()


class Wiretap(Backend):
    """A real backend whose subscribing is written down, and may be held up.

    A note is what one call told the broker: ``+`` or ``-`` with the channels, sorted.
    """

    def __init__(self, url: str, notes: list[str], gate: Gate | None = None) -> None:
        self._backend = make_backend(url)
        self._notes = notes
        self._gate = gate

    async def connect(self, deliver: Deliver) -> None:
        await self._backend.connect(deliver)

    async def disconnect(self) -> None:
        await self._backend.disconnect()

    async def listen(self) -> NoReturn:
        await self._backend.listen()

    async def subscribe(self, channels: Sequence[str]) -> None:
        if not channels[0].startswith("echo:"):
            self._notes.append("+" + " ".join(sorted(channels)))
            if self._gate is not None:
                await self._gate.pass_through()
        await self._backend.subscribe(channels)

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        self._notes.append("-" + " ".join(sorted(channels)))
        await self._backend.unsubscribe(channels)

    async def publish(self, messages: Sequence[Message]) -> list[Exception]:
        return await self._backend.publish(messages)
