"""graphql-transport-ws: pings and pongs, which say that the other side is there."""

import pytest

from tests.protocol.client import Client
from tests.protocol.conftest import Connect
from tests.schema.world import World


async def test_a_ping_is_answered_by_a_pong(client: Client) -> None:
    await client.say(type="ping")

    assert await client.hear() == {"type": "pong"}


async def test_a_pong_has_the_payload_of_its_ping_as_it_was_written(client: Client) -> None:
    payload = '{"a": [1.50, "ä\\u00e4", 1e999], "__proto__": {"b": null}, "a": {}}'
    await client.socket.send(f'{{"type":"ping","payload": {payload}}}')

    assert await client.socket.recv() == f'{{"type":"pong","payload":{payload}}}'


@pytest.mark.parametrize("payload", [None, {}, {"a": 1}], ids=str)
async def test_a_ping_may_come_before_the_introduction(connected: Connect, payload: object) -> None:
    async with connected() as client:
        await client.say(type="ping", payload=payload)

        pong = {"type": "pong"} if payload is None else {"type": "pong", "payload": payload}
        assert await client.hear() == pong


async def test_a_ping_is_answered_while_operations_run(client: Client, world: World) -> None:
    await client.subscribe("s", "subscription { silent }")
    await world.started.wait()
    await client.say(type="ping", payload={"n": 1})

    assert await client.hear() == {"type": "pong", "payload": {"n": 1}}


@pytest.mark.parametrize("message", [{}, {"payload": None}, {"payload": {"late": True}}], ids=str)
async def test_a_pong_may_come_unasked_and_is_not_answered(
    connected: Connect, message: dict[str, object]
) -> None:
    async with connected() as client:
        await client.say(type="pong", **message)
        await client.say(type="connection_init", payload={"Authorization": "Bearer ada"})
        assert await client.hear() == {"type": "connection_ack"}
        await client.say(type="pong", **message)
        await client.say(type="ping")

        assert await client.hear() == {"type": "pong"}
