"""Redis or Valkey as a broker."""

import asyncio
import math
from collections.abc import Sequence
from typing import NoReturn

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from realtime.backends.base import Backend, Deliver, Message


class RedisBackend(Backend):
    """A connection to listen on and one to publish on.

    They are used bare: redis-py's PubSub reconnects in silence, and what was published meanwhile is
    lost unnoticed. Here ``listen`` raises what the connection raises. Messages are read off the
    socket one by one; whoever is too slow is disconnected by the server.
    """

    _deliver: Deliver

    def __init__(self, url: str) -> None:
        self._listening = _connection(url)
        self._publishing = _connection(url)
        self._unconfirmed = 0
        self._confirmed = asyncio.Event()

    async def connect(self, deliver: Deliver) -> None:
        """Open both connections; raise what redis-py raises."""
        self._deliver = deliver
        await self._listening.connect()  # type: ignore[no-untyped-call]
        await self._publishing.connect()  # type: ignore[no-untyped-call]

    async def disconnect(self) -> None:
        """Close what is open, without waiting for a server that may hang."""
        await self._listening.disconnect(nowait=True)
        await self._publishing.disconnect(nowait=True)

    async def listen(self) -> NoReturn:
        """Read what arrives until the connection is lost, and raise what redis-py raises."""
        while True:
            kind, channel, content = await self._listening.read_response(timeout=math.inf)
            if kind == "message":
                self._deliver(channel, content)
                continue
            self._unconfirmed -= 1
            if self._unconfirmed == 0:
                self._confirmed.set()

    async def subscribe(self, channels: Sequence[str]) -> None:
        """Return when the server has confirmed every channel."""
        await self._ask("SUBSCRIBE", channels)

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        """Return when the server has confirmed every channel."""
        await self._ask("UNSUBSCRIBE", channels)

    async def publish(self, messages: Sequence[Message]) -> list[Exception]:
        """Send all messages, then read the answers; raise what redis-py raises."""
        connection, refused = self._publishing, list[Exception]()
        commands = [connection.pack_command("PUBLISH", *message) for message in messages]
        await connection.send_packed_command([part for command in commands for part in command])
        for _ in messages:
            try:
                await connection.read_response()
            except ResponseError as error:
                refused.append(error)
        return refused

    async def _ask(self, command: str, channels: Sequence[str]) -> None:
        self._confirmed.clear()
        self._unconfirmed = len(channels)
        await self._listening.send_command(command, *channels)
        await self._confirmed.wait()


def _connection(url: str) -> AbstractConnection:
    pool = ConnectionPool.from_url(url, protocol=2, socket_timeout=None, decode_responses=True)
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
    return connection
