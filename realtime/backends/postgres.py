"""PostgreSQL's LISTEN and NOTIFY as a broker."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn, TypeVar

import asyncpg

from realtime.backends.base import Backend, Deliver, Message

# They are sent in the order of the arrays. A count is shorter to answer than a row for each.
_NOTIFY_OF_MANY = """SELECT count(pg_notify(channel, payload))
    FROM unnest($1::text[], $2::text[]) AS message (channel, payload)"""
_NOTIFY = "SELECT pg_notify($1, $2)"


_Connection = TypeVar("_Connection", bound="asyncpg.Connection[asyncpg.Record]")


class _ListeningConnection(asyncpg.Connection):
    """A connection whose notifications all go one way.

    ``add_listener`` would cost a round trip for each channel, and a turn of the event loop for each
    message; asyncpg has no other way for many.
    """

    deliver: Deliver

    def _process_notification(self, _pid: int, channel: str, payload: str) -> None:
        self.deliver(channel, payload)


class PostgresBackend(Backend):
    """A connection to listen on and one to publish on: neither waits for the other.

    A message of 8,000 bytes or more is refused. Messages are delivered as they are read off the
    socket, so none are queued here.
    """

    _listening: _ListeningConnection
    _publishing: "asyncpg.Connection[asyncpg.Record]"

    def __init__(self, url: str) -> None:
        self._url = url.replace("+asyncpg", "", 1)
        self._open: list[asyncpg.Connection[asyncpg.Record]] = []
        self._lost = asyncio.Event()

    async def connect(self, deliver: Deliver) -> None:
        """Open both connections; raise what asyncpg raises."""
        self._listening = await self._opened(_ListeningConnection)
        self._listening.deliver = deliver
        self._publishing = await self._opened(asyncpg.Connection)

    async def disconnect(self) -> None:
        """Close what is open, without waiting for a server that may hang."""
        while self._open:
            self._open.pop().terminate()

    async def listen(self) -> NoReturn:
        """Wait until either connection is lost, and raise ConnectionError."""
        await self._lost.wait()
        raise ConnectionError("PostgreSQL closed a connection.")

    async def subscribe(self, channels: Sequence[str]) -> None:
        """Listen to all of the channels, or to none."""
        await self._listening.execute("".join(f"LISTEN {_quoted(name)};" for name in channels))

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        """Listen to the channels no longer."""
        await self._listening.execute("".join(f"UNLISTEN {_quoted(name)};" for name in channels))

    async def publish(self, messages: Sequence[Message]) -> list[Exception]:
        """Notify in one statement; where it is refused, in one for each message."""
        refused: list[Exception] = []
        for part in _without_repetition(messages):
            if len(part) > 1:
                with suppress(asyncpg.PostgresError):
                    await self._publishing.execute(_NOTIFY_OF_MANY, *zip(*part, strict=True))
                    continue
            for message in part:
                try:
                    await self._publishing.execute(_NOTIFY, *message)
                except asyncpg.PostgresError as error:
                    refused.append(error)
        return refused

    async def _opened(self, kind: type[_Connection]) -> _Connection:
        connection = await asyncpg.connect(
            self._url,
            connection_class=kind,
            server_settings={"application_name": "cellhub bus"},
        )
        self._open.append(connection)
        connection.add_termination_listener(lambda _connection: self._lost.set())
        return connection


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _without_repetition(messages: Sequence[Message]) -> list[dict[Message, None]]:
    """Cut before each repetition: PostgreSQL sends equal messages of a transaction once."""
    parts: list[dict[Message, None]] = [{}]
    for message in messages:
        if message in parts[-1]:
            parts.append({})
        parts[-1][message] = None
    return parts
