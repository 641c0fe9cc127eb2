"""All that one person follows at a hub, over a WebSocket or as event streams, and how it ends."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import msgspec
import websockets
from msgspec import Struct
from websockets.asyncio.client import ClientConnection

from tests.protocol.streams import streaming

Operations = Mapping[str, tuple[str, Mapping[str, object]]]
"""Subscriptions by their names: each a document with its variables."""

COMPLETE = "complete"
PATIENCE_SECONDS = 15.0

_SUBPROTOCOL = websockets.Subprotocol("graphql-transport-ws")


class Heard:
    """What one subscription tells.

    ``end`` is None while it goes on, and then the code with which it ended, or ``COMPLETE``;
    ``ended_at`` has when that was, by ``time.monotonic``.
    """

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.end: str | None = None
        self.ended_at = math.inf
        self._news = asyncio.Event()

    def tell(self, result: Any) -> None:
        """Note a result; one with nothing but errors is the end."""
        assert self.end is None, f"after the end: {result}"
        if result.get("data") is None:
            self.finish(result["errors"][0]["extensions"]["code"])
        else:
            assert "errors" not in result
            self.events += result["data"].values()
            self._news.set()

    def finish(self, end: str) -> None:
        """Note the end, unless it is known."""
        if self.end is None:
            self.end, self.ended_at = end, time.monotonic()
        self._news.set()

    async def until(self, condition: Callable[[list[Any]], bool]) -> None:
        """Wait until the condition holds for the events."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not condition(self.events):
                    assert self.end is None, f"ended with {self.end} after {self.events[-5:]}"
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"never heard it, but: {self.events[-5:]}") from None

    async def ended(self) -> str:
        """Wait for the end."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self.end is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"never ended; heard: {self.events[-5:]}") from None
        return self.end


class _Message(Struct):
    type: str
    id: str = ""
    payload: Any = None


_messages = msgspec.json.Decoder(_Message)


@asynccontextmanager
async def over_websocket(
    url: str, token: str, operations: Operations
) -> AsyncIterator[Mapping[str, Heard]]:
    """Follow over one socket. Closed by the hub, it ends all with the code of the close."""
    heard = {name: Heard() for name in operations}
    async with websockets.connect(
        f"ws{url.removeprefix('http')}/graphql",
        subprotocols=[_SUBPROTOCOL],
        compression=None,
        proxy=None,
        ping_interval=None,
    ) as socket:
        hello = {"Authorization": f"Bearer {token}"}
        await _say(socket, {"type": "connection_init", "payload": hello})
        assert _messages.decode(await socket.recv()).type == "connection_ack"
        for name, (query, variables) in operations.items():
            payload = {"query": query, "variables": variables}
            await _say(socket, {"type": "subscribe", "id": name, "payload": payload})
        async with _attended(asyncio.create_task(_read_socket(socket, heard))):
            yield heard


@asynccontextmanager
async def over_event_streams(
    url: str, token: str, operations: Operations
) -> AsyncIterator[Mapping[str, Heard]]:
    """Follow over a response for each subscription."""
    heard = {name: Heard() for name in operations}

    async def read_all() -> None:
        async with (
            httpx.AsyncClient(base_url=url, timeout=None) as http,
            asyncio.TaskGroup() as group,
        ):
            for name, (query, variables) in operations.items():
                group.create_task(_read_stream(http, token, query, variables, heard[name]))

    async with _attended(asyncio.create_task(read_all())):
        yield heard


@asynccontextmanager
async def _attended(reading: asyncio.Task[None]) -> AsyncIterator[None]:
    """Have the task run within the block, and raise what it raises."""
    try:
        yield
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def _read_socket(socket: ClientConnection, heard: Mapping[str, Heard]) -> None:
    try:
        async for frame in socket:
            message = _messages.decode(frame)
            if message.type == "next":
                heard[message.id].tell(message.payload)
            elif message.type == "error":
                heard[message.id].finish(message.payload[0]["extensions"]["code"])
            else:
                assert message.type == "complete", message
                heard[message.id].finish(COMPLETE)
    except websockets.ConnectionClosedError:
        pass
    for each in heard.values():
        each.finish(str(socket.close_code))


async def _read_stream(
    http: httpx.AsyncClient, token: str, query: str, variables: Mapping[str, object], heard: Heard
) -> None:
    async with streaming(http, query, token, path="/graphql", variables=variables) as reader:
        while event := await reader.event():
            if event.type == "next":
                heard.tell(event.data)
            else:
                heard.finish(COMPLETE)
    heard.finish("interrupted")


async def _say(socket: ClientConnection, message: Mapping[str, object]) -> None:
    await socket.send(msgspec.json.encode(message).decode())
