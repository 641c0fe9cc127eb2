"""graphql-transport-ws: what operations answer, and under which ids."""

from collections import defaultdict

import pytest

from tests.protocol.client import Client, complete_message, next_message
from tests.protocol.conftest import Connect
from tests.schema.world import ADA, World


async def test_a_subscription_has_its_results_and_then_one_complete(client: Client) -> None:
    await client.subscribe("s1", "subscription { count(to: 2) { number } }")

    assert await client.hear_all_of("s1") == [
        next_message("s1", count={"number": 0}),
        next_message("s1", count={"number": 1}),
        complete_message("s1"),
    ]
    assert await client.hears_nothing_more()


async def test_a_query_has_one_result_and_a_complete(client: Client) -> None:
    await client.subscribe("q", "{ viewer }")

    assert await client.hear_all_of("q") == [
        next_message("q", viewer=str(ADA)),
        complete_message("q"),
    ]
    assert await client.hears_nothing_more()


async def test_a_mutation_has_one_result_and_a_complete(client: Client, world: World) -> None:
    await client.subscribe("m", "mutation ($by: Int!) { increment(by: $by) }", variables={"by": 2})

    assert await client.hear_all_of("m") == [next_message("m", increment=2), complete_message("m")]
    assert await client.hears_nothing_more()
    assert world.count == 2


@pytest.mark.parametrize(
    "absent", [{}, {"operationName": None, "variables": None, "extensions": None}], ids=str
)
async def test_what_is_optional_may_be_absent_or_null(
    client: Client, absent: dict[str, object]
) -> None:
    await client.subscribe("q", "{ viewer }", **absent)

    assert await client.hear() == next_message("q", viewer=str(ADA))


async def test_the_operation_name_chooses_among_several(client: Client) -> None:
    await client.subscribe(
        "q", "query A { viewer } query B { thing { number } }", operationName="B"
    )

    assert await client.hear() == next_message("q", thing={"number": 1})


async def test_operations_run_at_once_and_each_has_its_results_in_order(client: Client) -> None:
    for number in range(20):
        await client.subscribe(str(number), "subscription { count(to: 5) { number } }")

    seen: defaultdict[str, list[object]] = defaultdict(list)
    ended = 0
    while ended < 20:
        message = await client.hear()
        seen[message["id"]].append(message)
        ended += message["type"] == "complete"

    for number in range(20):
        key = str(number)
        results = [next_message(key, count={"number": n}) for n in range(5)]
        assert seen[key] == [*results, complete_message(key)]


async def test_a_quick_operation_overtakes_a_slow_one(client: Client, world: World) -> None:
    await client.subscribe("slow", "{ waiting }")
    await world.started.wait()
    await client.subscribe("quick", "{ viewer }")

    assert (await client.hear())["id"] == "quick"
    assert await client.hear() == complete_message("quick")
    world.go_on.set()
    assert await client.hear() == next_message("slow", waiting="waited")


async def test_each_event_has_a_fresh_context_with_the_viewer(client: Client, world: World) -> None:
    await client.subscribe("s", "subscription { count(to: 3) { context } }")

    *results, _ = await client.hear_all_of("s")

    assert len({result["payload"]["data"]["count"]["context"] for result in results}) == 3
    assert {context.viewer and context.viewer.user_id for context in world.contexts} == {ADA}
    assert len({context.request_id for context in world.contexts}) == 1


class TestIds:
    async def test_they_may_be_any_text_of_256_characters(self, client: Client) -> None:
        key = ('ä"\\\n細 __proto__\0' + "🧫" * 256)[:256]

        await client.subscribe(key, "{ viewer }")

        assert await client.hear() == next_message(key, viewer=str(ADA))
        assert await client.hear() == complete_message(key)

    @pytest.mark.parametrize("first", ["subscription { silent }", "{ waiting }"])
    @pytest.mark.parametrize("second", ["subscription { silent }", "{ viewer }", "{"])
    async def test_one_that_runs_is_not_used_again_or_4409(
        self, client: Client, first: str, second: str
    ) -> None:
        await client.subscribe("s", first)
        await client.subscribe("s", second)

        assert await client.closed() == (4409, "Subscriber for s already exists")

    @pytest.mark.parametrize(
        ("query", "last"),
        [
            ("{ viewer }", "complete"),
            ("subscription { count(to: 1) { number } }", "complete"),
            ("{", "error"),
            ("subscription { revoked { number } }", "error"),
        ],
    )
    async def test_one_is_free_once_the_server_has_ended_its_operation(
        self, client: Client, query: str, last: str
    ) -> None:
        for _ in range(3):
            await client.subscribe("again", query)

            assert (await client.hear_all_of("again"))[-1]["type"] == last

    async def test_one_is_free_once_the_client_has_completed_its_operation(
        self, client: Client, world: World
    ) -> None:
        for _ in range(3):
            await client.subscribe("again", "subscription { silent }")
            await world.started.wait()
            await client.say(id="again", type="complete")
            await world.stopped.wait()
            world.started.clear()
            world.stopped.clear()

        await client.subscribe("again", "{ viewer }")
        assert await client.hear() == next_message("again", viewer=str(ADA))

    async def test_one_that_is_used_again_at_once_is_not_mixed_up(self, client: Client) -> None:
        await client.subscribe("s", "subscription { endless }")
        await client.say(id="s", type="complete")
        await client.subscribe("s", "{ viewer }")

        messages = await client.hear_all_of("s")

        assert messages[-2:] == [next_message("s", viewer=str(ADA)), complete_message("s")]
        assert {str(message) for message in messages[:-2]} <= {str(next_message("s", endless=""))}

    async def test_those_of_different_sockets_have_nothing_to_do_with_each_other(
        self, client: Client, world: World, connected: Connect
    ) -> None:
        async with connected("ada") as other:
            for each in (client, other):
                await each.subscribe("1", "subscription { silent }")
                await world.started.wait()
                world.started.clear()
            await client.say(id="1", type="complete")
            await world.stopped.wait()
            world.go_on.set()

            assert await other.hear_all_of("1") == [
                next_message("1", silent=1),
                complete_message("1"),
            ]
        assert await client.hears_nothing_more()
