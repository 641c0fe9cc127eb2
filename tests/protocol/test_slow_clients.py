"""graphql-transport-ws: clients that do not read what they asked for."""

import asyncio

from tests.protocol.conftest import Connect
from tests.schema.world import World


async def test_one_that_reads_nothing_stops_its_own_operations_only(
    connected: Connect, world: World
) -> None:
    size = 64 * 1024
    async with connected("ada") as slow, connected("ada") as quick:
        slow.socket.transport.pause_reading()
        await slow.subscribe(
            "s", "subscription ($n: Int!) { endless(size: $n) }", variables={"n": size}
        )

        made = -1
        while made != world.made:
            made = world.made
            await quick.subscribe("s", "subscription { count(to: 5000) { number } }")
            await quick.hear_all_of("s")

        assert made * size < 32 * 2**20, "what is in flight is the sockets' business"
        slow.socket.transport.abort()
    await world.stopped.wait()


async def test_one_that_reads_slowly_gets_everything(connected: Connect) -> None:
    async with connected("ada") as client:
        await client.subscribe("s", "subscription { count(to: 300) { number } }")
        numbers = []
        for _ in range(300):
            await asyncio.sleep(0)
            message = await client.hear()
            numbers.append(message["payload"]["data"]["count"]["number"])

    assert numbers == list(range(300))
