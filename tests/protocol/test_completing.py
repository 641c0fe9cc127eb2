"""graphql-transport-ws: a client says that it listens to an operation no more."""

import pytest

from tests.protocol.client import Client, complete_message, next_message
from tests.protocol.conftest import Connect
from tests.schema.world import ADA, World


async def test_it_ends_the_source_of_a_subscription(client: Client, world: World) -> None:
    await client.subscribe("s", "subscription { silent }")
    await world.started.wait()

    await client.say(id="s", type="complete")

    await world.stopped.wait()
    assert await client.hears_nothing_more()


async def test_nothing_of_the_operation_follows(client: Client, world: World) -> None:
    await client.subscribe("s", "subscription { endless }")
    await client.hear()

    await client.say(id="s", type="complete")
    await client.say(type="ping")
    while (await client.hear())["type"] != "pong":
        pass

    await world.stopped.wait()
    assert await client.hears_nothing_more()


async def test_it_stops_a_query_whose_result_is_not_sent(client: Client, world: World) -> None:
    await client.subscribe("q", "{ waiting }")
    await world.started.wait()

    await client.say(id="q", type="complete")

    await world.stopped.wait()
    assert await client.hears_nothing_more()


async def test_a_mutation_that_began_is_finished_but_not_answered(
    client: Client, world: World
) -> None:
    await client.subscribe("m", "mutation { slowly }")
    await world.started.wait()

    await client.say(id="m", type="complete")
    assert await client.hears_nothing_more()
    world.go_on.set()

    await world.stopped.wait()
    assert world.count == 1
    assert await client.hears_nothing_more()


@pytest.mark.parametrize("key", ["never", "", "x" * 100_000])
async def test_it_is_ignored_for_what_never_ran(client: Client, key: str) -> None:
    await client.say(id=key, type="complete")

    assert await client.hears_nothing_more()


@pytest.mark.parametrize("query", ["{ viewer }", "{", "subscription { count(to: 1) { number } }"])
async def test_it_is_ignored_for_what_has_ended(client: Client, query: str) -> None:
    await client.subscribe("1", query)
    await client.hear_all_of("1")

    await client.say(id="1", type="complete")
    await client.say(id="1", type="complete")

    assert await client.hears_nothing_more()


async def test_it_is_ignored_before_the_acknowledgement(connected: Connect) -> None:
    async with connected() as client:
        await client.say(id="1", type="complete")

        assert await client.hears_nothing_more()


async def test_it_does_not_concern_the_other_operations(client: Client, world: World) -> None:
    await client.subscribe("sibling", "subscription { silent }")
    await client.subscribe("s", "subscription { endless }")
    await client.say(id="s", type="complete")
    await client.subscribe("q", "{ viewer }")

    assert await client.hear_all_of("q") == [
        next_message("q", viewer=str(ADA)),
        complete_message("q"),
    ]
    world.go_on.set()
    assert await client.hear_all_of("sibling") == [
        next_message("sibling", silent=1),
        complete_message("sibling"),
    ]


async def test_on_both_sides_at_once_it_is_no_error(client: Client, world: World) -> None:
    await client.subscribe("s", "subscription { silent }")
    await world.started.wait()

    world.go_on.set()
    await client.say(id="s", type="complete")
    await client.say(type="ping")

    heard = []
    while (message := await client.hear())["type"] != "pong":
        heard.append(message)
    ended = [next_message("s", silent=1), complete_message("s")]
    assert heard in ([], ended[:1], ended)
    assert await client.hears_nothing_more()
