"""WebSockets of clients that do not read, do not answer, or do not end."""

import asyncio
import logging
import os
from contextlib import suppress

import psutil
import pytest
import websockets
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.guarded_http import GuardedHTTP
from hub.logs import SOCKETS
from schema.frames import Frames
from tests.hub.sockets import (
    Told,
    accepting,
    dialled,
    fill,
    socket_server,
    unread,
    until_gone,
    watched,
)
from tests.protocol.raw import Opcode, close_frame, frame, handshake

pytestmark = pytest.mark.parametrize("loop", ["uvloop", "asyncio"])

MEGABYTE = 10**6


class TestReading:
    async def test_who_takes_nothing_is_cut_off_while_the_siblings_go_on(self, loop: str) -> None:
        told = Told()

        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            if (await receive())["text"] == "flood":
                frames.on_writable = lambda: told.tell(frames.writable)
                fill(frames)
                told.tell("full")
                await until_gone(receive)
                return
            gone = asyncio.create_task(until_gone(receive))
            while not gone.done():
                frames.send(b"event")
                await asyncio.sleep(0.01)

        protocol = watched(stalled=0.3)
        with socket_server(accepting(app), loop, protocol) as address:
            async with unread(address) as slow, websockets.connect(address) as sibling:
                await sibling.send("events")
                await slow.say("flood")
                assert await told.next() == "full"
                events = 0
                lost = asyncio.create_task(protocol.lost.next())
                while not lost.done():
                    assert await sibling.recv() == "event"
                    events += 1
                assert await lost is await protocol.made.next()
                assert await told.next() is True, "nobody goes on waiting for the client"
        assert events > 3

    async def test_what_waits_for_who_takes_nothing_is_freed(self, loop: str) -> None:
        process = psutil.Process(os.getpid())
        told = Told()

        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            before = process.memory_info().rss
            frames.send(b"x" * (100 * MEGABYTE))
            told.tell(process.memory_info().rss - before)
            await until_gone(receive)
            await asyncio.sleep(0.05)
            told.tell(process.memory_info().rss - before)

        with socket_server(accepting(app), loop, watched(stalled=0.3)) as address:
            async with unread(address):
                assert await told.next() > 90 * MEGABYTE
                assert await told.next() < 10 * MEGABYTE

    async def test_who_reads_slowly_gets_everything(self, loop: str) -> None:
        told = Told()
        size, pauses = 4 * MEGABYTE, 8

        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            frames.send(b"x" * size)
            told.tell(frames.writable)
            await until_gone(receive)

        with socket_server(accepting(app), loop, watched(stalled=0.3)) as address:
            async with unread(address) as slow:
                assert await told.next() is False
                for _ in range(pauses):
                    await slow.read(size // 10)
                    await asyncio.sleep(0.15)
                await slow.read(size // 5 + 10)

    async def test_pongs_that_nobody_reads_do_not_pile_up(self, loop: str) -> None:
        told = Told()

        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            fill(frames)
            told.tell("full")
            told.tell((await receive())["text"])
            await until_gone(receive)

        protocol = watched()
        with socket_server(accepting(app), loop, protocol) as address:
            async with unread(address) as slow:
                assert await told.next() == "full"
                transport = (await protocol.made.next()).transport
                waiting = transport.get_write_buffer_size()
                for _ in range(100):
                    await slow.send(frame(Opcode.PING, b"p" * 125) * 100)
                await slow.say("that was all")
                assert await told.next() == "that was all"
                assert transport.get_write_buffer_size() <= waiting

    async def test_a_message_in_many_pieces_takes_no_more_than_a_whole_one(self, loop: str) -> None:
        told = Told()

        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            told.tell((await receive())["text"])

        protocol = watched()
        with socket_server(accepting(app), loop, protocol) as address:
            async with unread(address) as client:
                await client.send(frame(Opcode.TEXT, b"a", fin=False))
                await client.send(frame(Opcode.CONTINUATION, b"", fin=False) * 5_000)
                await client.send(frame(Opcode.CONTINUATION, b"b", fin=False) * 5_000)
                await client.send(frame(Opcode.PING))
                assert await client.hear() == (Opcode.PONG, b"")
                assert len((await protocol.made.next()).frames) <= 1_001
                await client.send(frame(Opcode.CONTINUATION, b"c"))
                assert await told.next() == "a" + "b" * 5_000 + "c"

    async def test_a_socket_may_take_over_while_an_answer_is_read(self, loop: str) -> None:
        size = 10 * MEGABYTE

        class Hasty(GuardedHTTP):
            stalled_seconds = 0.3

        async def socket_app(frames: Frames, receive: Receive, send: Send) -> None:
            await asyncio.sleep(0.5)
            frames.send(b"still there")
            await until_gone(receive)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            answer = Response(b"x" * size) if scope["type"] == "http" else accepting(socket_app)
            await answer(scope, receive, send)

        with socket_server(app, loop, http=Hasty) as address:
            async with dialled(address) as client:
                await client.send(b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n")
                await client.head()
                await client.send(handshake(address))
                await client.read(size)
                assert (await client.head()).startswith(b"HTTP/1.1 101 ")
                assert await client.hear() == (Opcode.TEXT, b"still there")


class TestAnswering:
    async def test_who_answers_no_ping_is_cut_off(self, loop: str) -> None:
        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            await until_gone(receive)

        protocol = watched()
        with socket_server(
            accepting(app), loop, protocol, ws_ping_interval=0.1, ws_ping_timeout=0.1
        ) as address:
            async with unread(address):
                await protocol.lost.next()

    async def test_nor_is_who_stopped_to_read_after_one_waited_for(self, loop: str) -> None:
        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            await receive()
            fill(frames)
            await until_gone(receive)

        protocol = watched()
        with socket_server(
            accepting(app), loop, protocol, ws_ping_interval=0.1, ws_ping_timeout=0.3
        ) as address:
            async with unread(address) as client:
                assert (await client.hear()).opcode is Opcode.PING
                await client.say("now")
                await protocol.lost.next()

    async def test_who_answers_stays(self, loop: str) -> None:
        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            await asyncio.sleep(0.5)
            frames.send(b"still there?")
            await until_gone(receive)

        with socket_server(
            accepting(app), loop, ws_ping_interval=0.1, ws_ping_timeout=0.2
        ) as address:
            async with websockets.connect(address) as client:
                assert await client.recv() == "still there?"

    async def test_answers_that_the_application_keeps_from_being_read_are_not_missed(
        self, loop: str
    ) -> None:
        told = Told()

        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            await asyncio.sleep(0.6)
            told.tell([(await receive())["text"] for _ in range(2)])
            await until_gone(receive)

        with socket_server(
            accepting(app), loop, ws_ping_interval=0.1, ws_ping_timeout=0.1
        ) as address:
            async with websockets.connect(address) as client:
                await client.send("first")
                await client.send("second")
                assert await told.next() == ["first", "second"]

    async def test_who_reads_late_is_asked_late(self, loop: str) -> None:
        told = Told()

        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            writable = asyncio.Event()
            frames.on_writable = writable.set
            frames.send(b"x" * (20 * MEGABYTE))
            told.tell(frames.writable)
            await writable.wait()
            frames.send(b"last")
            await until_gone(receive)

        with socket_server(
            accepting(app), loop, ws_ping_interval=0.3, ws_ping_timeout=0.3
        ) as address:
            async with unread(address) as client:
                assert await told.next() is False
                await asyncio.sleep(1.0)
                assert len((await client.hear()).payload) == 20 * MEGABYTE
                assert await client.hear() == (Opcode.TEXT, b"last")


class TestEnding:
    async def test_who_does_not_answer_a_close_frame_is_not_waited_for(self, loop: str) -> None:
        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.close", "code": 4403, "reason": "Forbidden"})

        protocol = watched(closing=0.2)
        with socket_server(accepting(app), loop, protocol) as address:
            async with unread(address) as client:
                assert (await client.hear()).opcode is Opcode.CLOSE
                await protocol.lost.next()

    async def test_nor_is_who_does_not_even_read_it(self, loop: str) -> None:
        told = Told()

        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            fill(frames)
            await send({"type": "websocket.close"})
            told.tell("closed")

        protocol = watched(closing=0.2)
        with socket_server(accepting(app), loop, protocol) as address:
            async with unread(address):
                assert await told.next() == "closed", "to close does not wait"
                await protocol.lost.next()

    async def test_who_reads_after_all_is_told_why_it_was_closed(self, loop: str) -> None:
        told = Told()

        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            fill(frames)
            await send({"type": "websocket.close", "code": 4403, "reason": "Forbidden"})
            told.tell("closed")

        with socket_server(accepting(app), loop) as address:
            async with unread(address) as client:
                assert await told.next() == "closed"
                assert await client.closed() == (4403, "Forbidden")

    @pytest.mark.parametrize("way", ["a close frame", "the end of what it says", "nonsense"])
    async def test_who_ends_but_does_not_read_is_not_waited_for(self, loop: str, way: str) -> None:
        told = Told()

        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            fill(frames)
            told.tell("full")
            await until_gone(receive)

        protocol = watched(closing=0.2)
        with socket_server(accepting(app), loop, protocol) as address:
            async with unread(address) as client:
                assert await told.next() == "full"
                if way == "a close frame":
                    await client.send(close_frame(1000))
                elif way == "nonsense":
                    await client.send(b"\xff" * 20)
                else:
                    client.send_eof()
                await protocol.lost.next()

    async def test_an_application_that_returns_ends_the_connection(self, loop: str) -> None:
        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            fill(frames)

        protocol = watched(closing=0.2)
        with socket_server(accepting(app), loop, protocol) as address:
            async with unread(address):
                await protocol.lost.next()

    async def test_closing_twice_is_an_error_of_a_client_that_is_gone(self, loop: str) -> None:
        told = Told()

        async def app(frames: Frames, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.close"})
            with suppress(OSError):
                await send({"type": "websocket.close"})
            told.tell("went on")

        with socket_server(accepting(app), loop) as address:
            async with websockets.connect(address) as client:
                await client.wait_closed()
            assert await told.next() == "went on"


async def test_what_the_server_tells_of_a_socket_can_be_left_out(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(frames: Frames, receive: Receive, send: Send) -> None:
        await until_gone(receive)

    caplog.set_level(logging.INFO)
    protocol = watched()
    with socket_server(accepting(app), loop, protocol) as address:
        async with websockets.connect(address):
            pass
        await protocol.lost.next()
    told = {record.name for record in caplog.records if "WebSocket" in record.getMessage()}
    opened = {record.name for record in caplog.records if record.getMessage() == "connection open"}
    assert told == {SOCKETS}
    # The client is of the same library, and says so, too.
    assert opened - {"websockets.client"} == {SOCKETS}
