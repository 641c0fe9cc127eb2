"""RFC 6455: what is between TCP and the messages, and how it ends."""

import asyncio

import pytest

from hub.guarded_websocket import GuardedWebSocket
from schema.websocket import GraphQLWebSocketEndpoint
from tests.protocol.client import Client
from tests.protocol.malformed_frames import BAD_FRAMES, GOOD_PINGS, Bad
from tests.protocol.raw import Opcode, RawSocket, close_frame, frame, raw_connection
from tests.schema.world import World

PONG = (Opcode.TEXT, b'{"type":"pong"}')
SILENT = '{"id":"1","type":"subscribe","payload":{"query":"subscription { silent }"}}'


@pytest.mark.parametrize("bad", BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
async def test_a_malformed_frame_closes_its_socket_and_no_other(
    raw: RawSocket, client: Client, bad: Bad, endpoint: GraphQLWebSocketEndpoint
) -> None:
    await raw.send(bad.data)

    code, reason = await raw.closed()
    assert code == bad.code
    assert len(reason.encode()) <= 123
    assert await client.hears_nothing_more()
    assert endpoint.open_sockets == 1


@pytest.mark.parametrize("data", GOOD_PINGS.values(), ids=GOOD_PINGS.keys())
async def test_a_message_may_come_in_many_frames(raw: RawSocket, data: bytes) -> None:
    await raw.send(data)

    assert await raw.hear() == PONG


@pytest.mark.parametrize("name", ["in one frame", "in two", "with control frames between"])
async def test_frames_may_come_in_many_packets(raw: RawSocket, name: str) -> None:
    for byte in GOOD_PINGS[name]:
        await raw.send(bytes([byte]))
        await asyncio.sleep(0)

    assert await raw.hear() == PONG


async def test_many_frames_may_come_in_one_packet(raw: RawSocket) -> None:
    await raw.send(GOOD_PINGS["in one frame"] * 100)

    for _ in range(100):
        assert await raw.hear() == PONG


async def test_a_character_may_be_split_between_frames(raw: RawSocket) -> None:
    message = '{"type":"ping","payload":{"🧫":"細胞"}}'.encode()
    parts = [frame(Opcode.CONTINUATION, bytes([byte]), fin=False) for byte in message]

    await raw.send(frame(Opcode.TEXT, fin=False))
    await raw.send(b"".join(parts) + frame(Opcode.CONTINUATION))

    pong = '{"type":"pong","payload":{"🧫":"細胞"}}'.encode()
    assert await raw.hear() == (Opcode.TEXT, pong)


@pytest.mark.parametrize("body", [b"", b"x", b"\xff" * 125])
async def test_a_ping_frame_is_answered_with_its_body(raw: RawSocket, body: bytes) -> None:
    await raw.send(frame(Opcode.PING, body))

    assert await raw.hear() == (Opcode.PONG, body)


async def test_a_ping_frame_is_answered_between_the_parts_of_a_message(raw: RawSocket) -> None:
    await raw.send(frame(Opcode.TEXT, b'{"type"', fin=False))
    await raw.send(frame(Opcode.PING, b"?"))
    assert await raw.hear() == (Opcode.PONG, b"?")

    await raw.send(frame(Opcode.CONTINUATION, b':"ping"}'))
    assert await raw.hear() == PONG


@pytest.mark.parametrize(
    ("sent", "code", "reason"),
    [
        pytest.param(frame(Opcode.CLOSE), 1005, "", id="nothing"),
        pytest.param(close_frame(1000), 1000, "", id="1000"),
        pytest.param(close_frame(1000, "Tschüß".encode()), 1000, "Tschüß", id="a reason"),
        pytest.param(close_frame(1001, b"x" * 123), 1001, "x" * 123, id="a long reason"),
        pytest.param(close_frame(3499), 3499, "", id="a code of a library"),
        pytest.param(close_frame(4400, b"Bad"), 4400, "Bad", id="a code of our own"),
    ],
)
async def test_a_close_frame_is_answered_with_what_it_says_and_ends_the_operations(
    raw: RawSocket, world: World, sent: bytes, code: int, reason: str
) -> None:
    await raw.say(SILENT)
    await world.started.wait()

    await raw.send(sent)

    assert await raw.closed() == (code, reason)
    await world.stopped.wait()


async def test_what_comes_behind_a_close_frame_is_not_taken(raw: RawSocket, world: World) -> None:
    mutation = b'{"id":"1","type":"subscribe","payload":{"query":"mutation { increment }"}}'
    await raw.send(close_frame(1000) + frame(Opcode.TEXT, mutation) + frame(3) + close_frame(1001))

    assert await raw.closed() == (1000, "")
    assert world.count == 0


async def test_what_comes_behind_a_message_that_closes_is_not_taken(
    raw: RawSocket, world: World
) -> None:
    mutation = b'{"id":"1","type":"subscribe","payload":{"query":"mutation { increment }"}}'
    await raw.send(frame(Opcode.TEXT, b"{}") + frame(Opcode.TEXT, mutation) * 3)

    assert (await raw.closed())[0] == 4400
    assert world.count == 0


async def test_who_does_not_answer_a_close_frame_is_cut_off(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GuardedWebSocket, "closing_seconds", 0.05)
    async with raw_connection(address) as socket:
        await socket.say("{}")

        assert (await socket.hear()).opcode is Opcode.CLOSE
        with pytest.raises(ConnectionResetError):
            await socket.rest()


async def test_who_says_no_more_is_not_waited_for(raw: RawSocket, world: World) -> None:
    await raw.say(SILENT)
    await world.started.wait()

    raw.send_eof()

    await world.stopped.wait()
    assert await raw.closed() == (None, "")


async def test_who_disappears_leaves_nothing(
    raw: RawSocket, world: World, endpoint: GraphQLWebSocketEndpoint
) -> None:
    await raw.say(SILENT)
    await world.started.wait()

    raw.abort()

    await world.stopped.wait()
    await endpoint.close_all()
    assert endpoint.open_sockets == 0


async def test_who_disappears_within_a_frame_leaves_nothing(raw: RawSocket, world: World) -> None:
    await raw.say(SILENT)
    await world.started.wait()

    await raw.send(GOOD_PINGS["in one frame"][:5])
    raw.abort()

    await world.stopped.wait()
