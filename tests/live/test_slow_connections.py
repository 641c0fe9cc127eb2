"""Connections that are slow or long on purpose."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from hub.guarded_http import GuardedHTTP

# What takes hours where it is not prevented, and nothing where it is.
MOMENT = 5.0


class Hasty(GuardedHTTP):
    """The protocol of the hub, with less patience."""

    head_seconds = 0.3
    stalled_seconds = 0.3


LARGE = 20_000_000


@pytest.fixture
async def hasty() -> AsyncIterator[tuple[str, int]]:
    """The address of a server that answers with how many bytes of a body came.

    At /large it answers with LARGE bytes.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/large":
            await Response(b"x" * LARGE)(scope, receive, send)
            return
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        await PlainTextResponse(str(size))(scope, receive, send)

    server = uvicorn.Server(
        uvicorn.Config(application, http=Hasty, ws="none", lifespan="off", log_config=None)
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            await serving


async def said(address: tuple[str, int], *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send pieces over one connection, and return what comes back before it ends."""
    async with asyncio.timeout(MOMENT):
        reader, writer = await asyncio.open_connection(*address)
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        answer = b""
        with suppress(ConnectionError):
            answer = await reader.read()
        writer.close()
    return answer


LAST = b"Host: hub\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET / HTTP/1.1\r\nX: ", *[b"x" * 2**16] * 8],
        [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n" * 10_000] * 8],
        [b"GET /", *[b"x" * 2**16] * 8],
        [
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: hub\r\n\r\n0\r\nX: ",
            *[b"x" * 2**16] * 8,
        ],
        [
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: hub\r\n\r\n5;",
            *[b"x" * 2**16] * 8,
        ],
    ],
    ids=["a header", "headers", "an address", "a trailer", "a chunk's extension"],
)
async def test_a_head_without_an_end_is_cut_off(
    hasty: tuple[str, int], pieces: list[bytes]
) -> None:
    answer = await said(hasty, *pieces)
    assert b"200 OK" not in answer


async def test_a_long_body_in_small_pieces_is_no_head(hasty: tuple[str, int]) -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: 200000\r\n" + LAST
    assert (await said(hasty, head, *[b"x" * 1_000] * 200)).endswith(b"\r\n\r\n200000")
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + LAST
    chunks = [b"1\r\nx\r\n"] * 20_000
    assert (await said(hasty, chunked + b"".join(chunks), b"0\r\n\r\n")).endswith(b"20000")


async def test_a_head_of_the_longest_kind_is_read(hasty: tuple[str, int]) -> None:
    head = b"GET / HTTP/1.1\r\nX: " + b"x" * 60_000
    assert b"200 OK" in await said(hasty, head, b"\r\n" + LAST)


async def test_a_head_that_does_not_come_is_not_waited_for(hasty: tuple[str, int]) -> None:
    assert await said(hasty) == b""
    assert await said(hasty, b"GET / HT") == b""
    drops = [b"X: y\r\n"] * 20
    assert await said(hasty, b"GET / HTTP/1.1\r\n", *drops, LAST, pause=0.05) == b""


async def test_a_body_may_take_longer_than_a_head(hasty: tuple[str, int]) -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n" + LAST
    assert (await said(hasty, head, b"a", b"b", b"c", pause=0.2)).endswith(b"3")


async def test_an_answer_that_is_not_read_is_not_kept(hasty: tuple[str, int]) -> None:
    async with asyncio.timeout(MOMENT):
        reader, writer = await asyncio.open_connection(*hasty, limit=2**10)
        writer.write(b"GET /large HTTP/1.1\r\n" + LAST)
        # What is read while the server has given up is what was on its way.
        await asyncio.sleep(4 * Hasty.stalled_seconds)
        received = 0
        with suppress(ConnectionError):
            while data := await reader.read(2**20):
                received += len(data)
        writer.close()
    assert received < LARGE


async def test_an_answer_may_be_read_slowly(hasty: tuple[str, int]) -> None:
    received, pauses = 0, 0
    async with asyncio.timeout(4 * MOMENT):
        reader, writer = await asyncio.open_connection(*hasty, limit=2**10)
        writer.write(b"GET /large HTTP/1.1\r\n" + LAST)
        while data := await reader.read(2**20):
            received += len(data)
            if received > (pauses + 1) * LARGE / 10:
                pauses += 1
                await asyncio.sleep(Hasty.stalled_seconds / 2)
        writer.close()
    assert received > LARGE
    assert pauses * Hasty.stalled_seconds / 2 > Hasty.stalled_seconds
