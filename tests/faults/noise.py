"""A broker's backend that is as unreliable as it may be."""

import asyncio
import random

from broadcaster import BroadcastBackend, Event

_LATEST_SECONDS = 1.5
_SWAP_SECONDS = 0.03


class NoisyBackend(BroadcastBackend):
    """Drops, doubles, delays and reorders what another backend receives, each with a chance.

    Messages that the bus sends to itself, to see whether the broker is there, arrive as they are:
    it has to believe that all is well.
    """

    def __init__(
        self, backend: BroadcastBackend, generator: random.Random, *, chance: float = 0.3
    ) -> None:
        self._backend = backend
        self._random = generator
        self._chance = chance
        self._inbox: asyncio.Queue[Event | Exception] = asyncio.Queue()
        self._pump: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self._backend.connect()
        self._pump = asyncio.create_task(self._receive())

    async def disconnect(self) -> None:
        await self._backend.disconnect()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])

    async def subscribe(self, channel: str) -> None:
        await self._backend.subscribe(channel)

    async def unsubscribe(self, channel: str) -> None:
        await self._backend.unsubscribe(channel)

    async def publish(self, channel: str, message: str) -> None:
        await self._backend.publish(channel, message)

    async def next_published(self) -> Event:
        item = await self._inbox.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def _receive(self) -> None:
        try:
            while True:
                event = await self._backend.next_published()
                if event.channel.startswith("echo:"):
                    self._inbox.put_nowait(event)
                else:
                    self._garble(event)
        except Exception as error:  # noqa: BLE001, it is raised where it is waited for
            self._inbox.put_nowait(error)

    def _garble(self, event: Event) -> None:
        if self._happens():
            return
        for _ in range(2 if self._happens() else 1):
            delay = self._random.uniform(0, _LATEST_SECONDS) if self._happens() else 0.0
            # Whatever comes within this time overtakes it.
            delay += _SWAP_SECONDS if self._happens() else 0.0
            asyncio.get_running_loop().call_later(delay, self._inbox.put_nowait, event)

    def _happens(self) -> bool:
        return self._random.random() < self._chance
