"""A broker's backend that is as unreliable as it may be."""

import asyncio
import random
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from realtime.backends.base import Backend, Deliver, Message

_LATEST_SECONDS = 1.5
_SWAP_SECONDS = 0.03


class NoisyBackend(Backend):
    """Drops, doubles, delays and reorders what another backend receives, each with a chance.

    Messages that the bus sends to itself, to see whether the broker is there, arrive as they are:
    it has to believe that all is well.
    """

    def __init__(self, backend: Backend, generator: random.Random, *, chance: float = 0.3) -> None:
        self._backend = backend
        self._random = generator
        self._chance = chance

    async def connect(self, deliver: Deliver) -> None:
        await self._backend.connect(partial(self._garble, deliver))

    async def disconnect(self) -> None:
        await self._backend.disconnect()

    async def listen(self) -> NoReturn:
        await self._backend.listen()

    async def subscribe(self, channels: Sequence[str]) -> None:
        await self._backend.subscribe(channels)

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        await self._backend.unsubscribe(channels)

    async def publish(self, messages: Sequence[Message]) -> list[Exception]:
        return await self._backend.publish(messages)

    def _garble(self, deliver: Deliver, channel: str, message: str) -> None:
        if channel.startswith("echo:"):
            deliver(channel, message)
            return
        if self._happens():
            return
        for _ in range(2 if self._happens() else 1):
            delay = self._random.uniform(0, _LATEST_SECONDS) if self._happens() else 0.0
            # Whatever comes within this time overtakes it.
            delay += _SWAP_SECONDS if self._happens() else 0.0
            asyncio.get_running_loop().call_later(delay, deliver, channel, message)

    def _happens(self) -> bool:
        return self._random.random() < self._chance
