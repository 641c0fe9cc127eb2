"""graphql-transport-ws: a message that is not specified closes the socket with 4400 at once."""

import pytest

from tests.protocol.client import Client
from tests.protocol.conftest import Connect
from tests.protocol.malformed_messages import (
    NO_JSON,
    NO_MESSAGE,
    ODD_PINGS,
    RIGHT_VALUES,
    WRONG_VALUES,
)
from tests.schema.world import World

LONGEST_REASON = 123
"""In bytes: what a close frame has room for."""


async def reason_of_4400(client: Client, frame: str) -> str:
    await client.socket.send(frame)
    code, reason = await client.closed()
    assert code == 4400
    assert 0 < len(reason.encode()) <= LONGEST_REASON
    return reason


@pytest.mark.parametrize("frame", NO_JSON.values(), ids=NO_JSON.keys())
async def test_what_is_not_json_closes_with_4400(client: Client, frame: str) -> None:
    assert "The message is " in await reason_of_4400(client, frame)


@pytest.mark.parametrize("frame", NO_MESSAGE.values(), ids=NO_MESSAGE.keys())
async def test_what_is_no_message_closes_with_4400(client: Client, frame: str) -> None:
    assert await reason_of_4400(client, frame)


@pytest.mark.parametrize("frame", WRONG_VALUES.values(), ids=WRONG_VALUES.keys())
async def test_a_value_of_the_wrong_kind_closes_with_4400(client: Client, frame: str) -> None:
    assert await reason_of_4400(client, frame)


@pytest.mark.parametrize("frame", RIGHT_VALUES.values(), ids=RIGHT_VALUES.keys())
async def test_a_value_of_a_right_kind_does_not(connected: Connect, frame: str) -> None:
    introduces = "connection_init" in frame
    async with connected(None if introduces else "ada") as client:
        await client.socket.send(frame)

        if introduces:
            assert await client.closed() == (4403, "Forbidden")
        else:
            await client.say(type="ping", payload={"still": "there"})
            while (await client.hear()).get("payload") != {"still": "there"}:
                pass


@pytest.mark.parametrize("frame", ODD_PINGS.values(), ids=ODD_PINGS.keys())
async def test_an_odd_but_well_formed_message_is_taken(client: Client, frame: str) -> None:
    await client.socket.send(frame)

    assert await client.hear() == {"type": "pong"}


@pytest.mark.parametrize("frame", [b'{"type":"ping"}', b"", b"\xff"], ids=repr)
async def test_a_binary_frame_closes_with_4400(client: Client, frame: bytes) -> None:
    await client.socket.send(frame)

    assert await client.closed() == (4400, "Text frames only")


@pytest.mark.parametrize("frame", ["x", "{}", '{"type":"next"}'])
async def test_it_does_so_before_the_introduction_as_well(connected: Connect, frame: str) -> None:
    async with connected() as client:
        assert await reason_of_4400(client, frame)


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ("x", "JSON"),
        ("{}", "`type`"),
        ('{"type": "subscribe", "payload": {"query": "{ viewer }"}}', "`id`"),
        ('{"type": "subscribe", "id": "1", "payload": {"query": 5}}', "`$.payload.query`"),
        ('{"type": "ping", "payload": 5}', "payload must be an object"),
        ('{"type": "subscribe", "id": "", "payload": {"query": "{ viewer }"}}', "characters"),
    ],
)
async def test_the_reason_says_what_is_wrong(client: Client, frame: str, told: str) -> None:
    assert told in await reason_of_4400(client, frame)


@pytest.mark.parametrize("letter", ["a", "ä", "細", "🧫"])
@pytest.mark.parametrize("shift", range(4))
async def test_a_long_reason_is_cut_between_characters(
    client: Client, letter: str, shift: int
) -> None:
    reason = await reason_of_4400(client, '{"type": "%s"}' % ("x" * shift + letter * 1_000))

    assert "�" not in reason
    assert LONGEST_REASON - len(reason.encode()) < 4


@pytest.mark.parametrize("letter", ["a", "ä", "細", "🧫"])
async def test_the_reason_of_4409_has_room_for_its_words(client: Client, letter: str) -> None:
    for _ in range(2):
        await client.subscribe(letter * 256, "subscription { silent }")

    code, reason = await client.closed()

    assert code == 4409
    assert len(reason.encode()) <= LONGEST_REASON
    assert reason.startswith(f"Subscriber for {letter}")
    assert reason.endswith(" already exists")


async def test_the_operations_of_the_socket_end_and_those_of_others_go_on(
    client: Client, connected: Connect, world: World
) -> None:
    async with connected("ada") as other:
        await other.subscribe("1", "{ waiting }")
        await world.started.wait()
        world.started.clear()
        await client.subscribe("1", "subscription { silent }")
        await world.started.wait()
        assert await reason_of_4400(client, "x")
        await world.stopped.wait()
        world.go_on.set()

        assert (await other.hear())["payload"] == {"data": {"waiting": "waited"}}
