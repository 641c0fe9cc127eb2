"""A client of graphql-transport-ws that says exactly what it is told to say."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

SUBPROTOCOL = "graphql-transport-ws"
Message = dict[str, Any]


def next_message(key: str, **data: object) -> Message:
    """Return the message of a result without errors."""
    return {"id": key, "type": "next", "payload": {"data": data}}


def complete_message(key: str) -> Message:
    """Return the message that ends an operation."""
    return {"id": key, "type": "complete"}


class Client:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **message: object) -> None:
        await self.socket.send(json.dumps(message))

    async def subscribe(self, key: str, query: str, **more: object) -> None:
        await self.say(id=key, type="subscribe", payload={"query": query, **more})

    async def hear(self) -> Message:
        frame = await self.socket.recv()
        assert isinstance(frame, str), "frames of this protocol are text"
        message: Message = json.loads(frame)
        return message

    async def hear_all_of(self, key: str) -> list[Message]:
        """Return the messages of an operation up to its end, other ones aside."""
        messages: list[Message] = []
        while not messages or messages[-1]["type"] not in ("complete", "error"):
            message = await self.hear()
            if message.get("id") == key:
                messages.append(message)
        return messages

    async def hears_nothing_more(self) -> bool:
        """Whether nothing comes but what is asked for now."""
        await self.say(type="ping", payload={"anything": "more?"})
        return await self.hear() == {"type": "pong", "payload": {"anything": "more?"}}

    async def closed(self) -> tuple[int, str]:
        """Wait for the server to close the socket; return its code and reason, drop the rest."""
        with suppress(websockets.ConnectionClosedError):
            async for _ in self.socket:
                pass
        code, reason = self.socket.close_code, self.socket.close_reason
        assert code is not None
        assert reason is not None
        return code, reason


@asynccontextmanager
async def connect(
    address: str,
    token: str | None = None,
    subprotocols: Sequence[str] = (SUBPROTOCOL,),
) -> AsyncIterator[Client]:
    names = [Subprotocol(name) for name in subprotocols]
    async with websockets.connect(address, subprotocols=names or None, compression=None) as socket:
        client = Client(socket)
        if token is not None:
            await client.say(type="connection_init", payload={"Authorization": f"Bearer {token}"})
            assert await client.hear() == {"type": "connection_ack"}
        yield client
