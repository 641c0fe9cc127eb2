"""Redis or Valkey as a broker."""

import asyncio
import math

from broadcaster import BroadcastBackend, Event
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection


class RedisBackend(BroadcastBackend):
    """A connection to listen on and one to publish on.

    They are used bare: redis-py's PubSub reconnects in silence, and what was published meanwhile is
    lost unnoticed. Here ``next_published`` raises what the connection raises. Messages are read off
    the socket one by one; whoever is too slow is disconnected by the server.
    """

    def __init__(self, url: str) -> None:
        self._listening = _connection(url)
        self._publishing = _connection(url)
        self._confirmation: asyncio.Future[None]

    async def connect(self) -> None:
        """Open both connections; raise what redis-py raises."""
        await self._listening.connect()  # type: ignore[no-untyped-call]
        await self._publishing.connect()  # type: ignore[no-untyped-call]

    async def disconnect(self) -> None:
        """Close what is open, without waiting for a server that may hang."""
        await self._listening.disconnect(nowait=True)
        await self._publishing.disconnect(nowait=True)

    async def subscribe(self, channel: str) -> None:
        """Return when the server has confirmed; needs somebody to wait for ``next_published``."""
        await self._confirmed("SUBSCRIBE", channel)

    async def unsubscribe(self, channel: str) -> None:
        """Return when the server has confirmed."""
        await self._confirmed("UNSUBSCRIBE", channel)

    async def publish(self, channel: str, message: str) -> None:
        """Send a message; raise what redis-py raises."""
        await self._publishing.send_command("PUBLISH", channel, message)
        await self._publishing.read_response()

    async def next_published(self) -> Event:
        """Wait for the next message."""
        while True:
            kind, channel, content = await self._listening.read_response(timeout=math.inf)
            if kind == "message":
                return Event(channel, content)
            if not self._confirmation.done():
                self._confirmation.set_result(None)

    async def _confirmed(self, command: str, channel: str) -> None:
        self._confirmation = asyncio.get_running_loop().create_future()
        await self._listening.send_command(command, channel)
        await self._confirmation


def _connection(url: str) -> AbstractConnection:
    pool = ConnectionPool.from_url(url, protocol=2, socket_timeout=None, decode_responses=True)
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
    return connection
