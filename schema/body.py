"""Reading a request's body: counted as it comes, capped, never waited for endlessly."""

import asyncio
from http import HTTPStatus

from starlette.types import Receive

from schema.refusal import Refusal


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class Body:
    """The body of one HTTP request, taken from the wire chunk by chunk, as it is asked for.

    ``limit`` is in bytes; a client that sends nothing for ``idle_seconds`` is given up.
    """

    def __init__(self, receive: Receive, *, limit: int, idle_seconds: float) -> None:
        self._receive = receive
        self._limit = limit
        self._idle_seconds = idle_seconds
        self.received = 0
        self.ended = False

    def restrict(self, limit: int) -> None:
        """Take no more than this many bytes."""
        self._limit = min(limit, self._limit)

    async def read(self) -> bytes:
        """Return the next bytes, none at the end.

        Raises Refusal where the body is too large or does not come, ClientGone where it never will.
        """
        while not self.ended:
            if chunk := await self._next():
                if self.received > self._limit:
                    raise Refusal(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        f"The body is too large; the limit is {self._limit} bytes.",
                    )
                return chunk
        return b""

    async def read_all(self) -> bytes:
        """Return the whole body."""
        chunks = []
        while chunk := await self.read():
            chunks.append(chunk)
        return b"".join(chunks)

    async def discard(self, limit: int, seconds: float) -> None:
        """Take what is left off the wire, so that a client that still sends can read the answer.

        Gives up after this many bytes or seconds.
        """
        last = self.received + limit
        try:
            async with asyncio.timeout(seconds):
                while not self.ended and self.received <= last:
                    await self._next()
        except (TimeoutError, ClientGone, Refusal):
            self.ended = True

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(self._idle_seconds):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(
                HTTPStatus.REQUEST_TIMEOUT, "The rest of the body did not come in time."
            ) from None
        if message["type"] == "http.disconnect":
            self.ended = True
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        self.ended = not message.get("more_body", False)
        self.received += len(chunk)
        return chunk
