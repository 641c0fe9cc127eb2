"""Ready frames: what a client reads of them, when they go out, and when they don't."""

import asyncio
from contextlib import suppress

import pytest
import websockets
from starlette.types import Receive, Scope, Send

from schema.frames import EXTENSION, Frames
from tests.hub.sockets import Told, accepting, socket_server, unread, until_gone, watched
from tests.protocol.raw import Opcode, close_frame

pytestmark = pytest.mark.parametrize("loop", ["uvloop", "asyncio"])

MEGABYTE = 10**6
TEXTS = [
    *("x" * length for length in (0, 1, 125, 126, 4_095, 4_096, 65_535, 65_536, 3_000_000)),
    "Zelle: ä, 細胞, 🔬",
    "細" * 30_000,
]


@pytest.mark.parametrize("way", ["one by one", "all at once"])
async def test_a_client_reads_what_was_sent(loop: str, way: str) -> None:
    async def app(frames: Frames, receive: Receive, send: Send) -> None:
        texts = [text.encode() for text in TEXTS]
        if way == "all at once":
            frames.send_all(texts)
        else:
            for text in texts:
                frames.send(text)
        await until_gone(receive)

    with socket_server(accepting(app), loop) as address:
        async with websockets.connect(address, compression=None, max_size=None) as client:
            assert [await client.recv() for _ in TEXTS] == TEXTS


async def test_frames_and_what_asgi_sends_keep_their_order(loop: str) -> None:
    async def app(frames: Frames, receive: Receive, send: Send) -> None:
        for number in range(100):
            frames.send(b"%d" % (2 * number))
            await send({"type": "websocket.send", "text": str(2 * number + 1)})
        await until_gone(receive)

    with socket_server(accepting(app), loop) as address:
        async with websockets.connect(address, compression=None) as client:
            assert [await client.recv() for _ in range(200)] == [str(i) for i in range(200)]


async def test_nothing_goes_out_before_the_handshake_nor_after_the_close(loop: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        frames = scope["extensions"][EXTENSION]
        frames.send(b"too early")
        await receive()
        await send({"type": "websocket.accept"})
        frames.send(b"in time")
        await send({"type": "websocket.close", "code": 4403, "reason": "Forbidden"})
        frames.send(b"too late")

    with socket_server(app, loop) as address:
        async with unread(address) as client:
            assert await client.hear() == (Opcode.TEXT, b"in time")
            assert await client.closed() == (4403, "Forbidden")


@pytest.mark.parametrize("way", ["closes", "says no more", "disappears"])
async def test_what_is_sent_to_a_client_that_is_gone_is_forgotten(loop: str, way: str) -> None:
    told = Told()

    async def app(frames: Frames, receive: Receive, send: Send) -> None:
        await until_gone(receive)
        frames.send(b"too late")
        await asyncio.sleep(0)
        frames.send(b"and later")
        frames.abort()
        told.tell(frames.writable)

    with socket_server(accepting(app), loop) as address:
        async with unread(address) as client:
            if way == "closes":
                await client.send(close_frame(1001))
            elif way == "says no more":
                client.send_eof()
            else:
                client.abort()
            assert await told.next() is True


async def test_a_client_that_reads_again_gets_everything_in_order(loop: str) -> None:
    told = Told()
    size = 100_000

    async def app(frames: Frames, receive: Receive, send: Send) -> None:
        writable = asyncio.Event()
        frames.on_writable = writable.set
        number = 0
        while frames.writable:
            frames.send((b"%d" % number).ljust(size))
            number += 1
        frames.send((b"%d" % number).ljust(size))
        told.tell(number + 1)
        await writable.wait()
        told.tell(frames.writable)
        frames.send(b"last")
        await until_gone(receive)

    with socket_server(accepting(app), loop) as address:
        async with websockets.connect(address, compression=None, max_queue=1) as client:
            count = await told.next()
            assert [int((await client.recv())[:9]) for _ in range(count)] == list(range(count))
            assert await told.next() is True
            assert await client.recv() == "last"


async def test_what_waits_for_a_client_that_does_not_read_is_little(loop: str) -> None:
    told = Told()
    protocol = watched()

    async def app(frames: Frames, receive: Receive, send: Send) -> None:
        sent = 0
        while frames.writable:
            frames.send(b"x" * 1_000)
            sent += 1_000
            await asyncio.sleep(0)
        told.tell(sent)
        await until_gone(receive)

    with socket_server(accepting(app), loop, protocol) as address:
        async with unread(address):
            # What lies between the sockets, for want of a network, and little more.
            assert await told.next() < MEGABYTE
            transport = (await protocol.made.next()).transport
            assert transport.get_write_buffer_size() <= 1_004


async def test_aborting_ends_the_connection_at_once(loop: str) -> None:
    async def app(frames: Frames, receive: Receive, send: Send) -> None:
        while frames.writable:
            frames.send(b"x" * 100_000)
        frames.abort()

    with socket_server(accepting(app), loop) as address:
        async with websockets.connect(address, compression=None, max_queue=1) as client:
            with suppress(websockets.ConnectionClosed):
                async with asyncio.timeout(2):
                    while True:
                        await client.recv()
            assert client.close_code == 1006


async def test_a_shutdown_is_told_once_and_to_who_asks_late_as_well(loop: str) -> None:
    told = Told()

    async def app(frames: Frames, receive: Receive, send: Send) -> None:
        begun = asyncio.Event()
        frames.on_shutdown = begun.set
        told.tell("ready")
        await begun.wait()
        frames.on_shutdown = lambda: told.tell("late")
        await asyncio.sleep(0.05)
        await send({"type": "websocket.close", "code": 1012})

    with socket_server(accepting(app), loop) as address:
        client = await websockets.connect(address, compression=None)
        await told.next()
    assert await told.next() == "late"
    await client.wait_closed()
    assert client.close_code == 1012
