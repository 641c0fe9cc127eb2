"""PostgreSQL's LISTEN and NOTIFY as a broker."""

import asyncio

import asyncpg
from broadcaster import BroadcastBackend, Event


class PostgresBackend(BroadcastBackend):
    """A connection to listen on and one to publish on: neither waits for the other.

    ``next_published`` raises ConnectionError when either was closed from outside, and when more
    than ``limit`` messages wait to be read.
    """

    def __init__(self, url: str, *, limit: int = 10_000) -> None:
        self._url = url.replace("+asyncpg", "", 1)
        self._limit = limit
        self._connections: list[asyncpg.Connection[asyncpg.Record]] = []
        # Events, and None for the end. Beyond the limit only the end goes in.
        self._inbox: asyncio.Queue[Event | None] = asyncio.Queue()

    async def connect(self) -> None:
        """Open both connections; raise what asyncpg raises."""
        for _ in ("listening", "publishing"):
            connection = await asyncpg.connect(
                self._url, server_settings={"application_name": "cellhub bus"}
            )
            self._connections.append(connection)
            connection.add_termination_listener(self._terminated)

    async def disconnect(self) -> None:
        """Close what is open, without waiting for a server that may hang."""
        while self._connections:
            self._connections.pop().terminate()

    async def subscribe(self, channel: str) -> None:
        """Return when PostgreSQL knows that the channel is listened to."""
        await self._connections[0].add_listener(channel, self._notified)

    async def unsubscribe(self, channel: str) -> None:
        """Listen to the channel no longer."""
        await self._connections[0].remove_listener(channel, self._notified)

    async def publish(self, channel: str, message: str) -> None:
        """Notify the channel; raise asyncpg.PostgresError for 8,000 bytes and more."""
        await self._connections[1].execute("SELECT pg_notify($1, $2)", channel, message)

    async def next_published(self) -> Event:
        """Wait for the next message."""
        event = await self._inbox.get()
        if event is None:
            raise ConnectionError("PostgreSQL closed a connection, or was not read in time.")
        return event

    def _notified(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        waiting = self._inbox.qsize()
        if waiting < self._limit:
            self._inbox.put_nowait(Event(channel, str(payload)))
        elif waiting == self._limit:
            self._inbox.put_nowait(None)

    def _terminated(self, _connection: object) -> None:
        self._inbox.put_nowait(None)
