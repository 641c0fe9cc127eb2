"""Sockets that keep what they hear as it was sent, byte by byte."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
import websockets

from tests.hubs import Hub, Person

Payload = dict[str, Any]


class Ear:
    """One socket: the payloads of each operation, in ``heard``, and how those ended that did."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.ended: dict[str, str] = {}
        self.subscribed: list[str] = []
        self._socket = socket
        self._news = asyncio.Condition()

    async def subscribe(
        self, key: str, document: str, *, name: str | None = None, **variables: Any
    ) -> None:
        self.subscribed.append(key)
        payload = {"query": document, "variables": variables, "operationName": name}
        await self.say(type="subscribe", id=key, payload=payload)

    async def say(self, **message: Any) -> None:
        await self._socket.send(msgspec.json.encode(message).decode())

    def payloads(self, key: str) -> list[Payload]:
        return [msgspec.json.decode(payload) for payload in self.heard[key]]

    def events(self, key: str) -> list[Any]:
        """Return what the one field of an operation was, each time."""
        return [event for payload in self.payloads(key) for event in payload["data"].values()]

    async def until(self, key: str, condition: Callable[[list[Any]], object]) -> list[Any]:
        """Wait until the condition holds for an operation's events; return them."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: condition(self.events(key)))
        return self.events(key)

    async def end(self, key: str) -> None:
        """Wait until the operation has ended."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: key in self.ended)

    async def listen(self) -> None:
        async for frame in self._socket:
            assert isinstance(frame, str)
            message = msgspec.json.decode(frame)
            async with self._news:
                match message:
                    case {"type": "next", "id": key}:
                        before, payload = frame.split('"payload":', 1)
                        assert msgspec.json.decode(before + '"payload":0}')["id"] == key
                        self.heard[key].append(payload[:-1])
                    case {"type": "error" | "complete" as kind, "id": key}:
                        self.ended[key] = kind
                self._news.notify_all()


@asynccontextmanager
async def listening(hub: Hub, person: Person, host: str | None = None) -> AsyncIterator[Ear]:
    """Connect as a person; the hub may be called by another name."""
    at = urlsplit(hub.url)
    async with websockets.connect(
        f"ws://{host or at.netloc}/graphql",
        host=at.hostname,
        port=at.port,
        subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        compression=None,
    ) as socket:
        ear = Ear(socket)
        await ear.say(type="connection_init", payload=person.headers)
        await socket.recv()
        listening = asyncio.create_task(ear.listen())
        try:
            yield ear
        finally:
            listening.cancel()
            await asyncio.wait([listening])
