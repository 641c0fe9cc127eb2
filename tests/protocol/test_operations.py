"""graphql-transport-ws: operations, their results, errors and ends."""

import asyncio

import pytest

from schema.protocol import ProtocolLimits
from schema.websocket import GraphQLWebSocketEndpoint
from schema.websocket_session import SocketLimits
from tests.protocol.client import Client
from tests.protocol.conftest import Connect
from tests.schema.toy import ADA, World, websocket_endpoint


def _next(key: str, **data: object) -> dict[str, object]:
    return {"id": key, "type": "next", "payload": {"data": data}}


def _complete(key: str) -> dict[str, object]:
    return {"id": key, "type": "complete"}


async def _goes_on(client: Client, world: World, key: str) -> None:
    """See that a silent subscription still has its event to come."""
    await world.started.wait()
    world.go_on.set()
    assert await client.hear_all_of(key) == [_next(key, silent=1), _complete(key)]


class TestResults:
    async def test_a_subscription_streams_and_completes(self, client: Client) -> None:
        await client.subscribe("s1", "subscription { count(to: 2) { number } }")

        assert await client.hear_all_of("s1") == [
            _next("s1", count={"number": 0}),
            _next("s1", count={"number": 1}),
            _complete("s1"),
        ]

    async def test_a_query_has_one_result(self, client: Client) -> None:
        await client.subscribe("q", "{ viewer }")

        assert await client.hear_all_of("q") == [_next("q", viewer=str(ADA)), _complete("q")]

    async def test_a_mutation_has_one_result(self, client: Client, world: World) -> None:
        await client.subscribe(
            "m", "mutation ($by: Int!) { increment(by: $by) }", variables={"by": 2}
        )

        assert await client.hear_all_of("m") == [_next("m", increment=2), _complete("m")]
        assert world.count == 2

    async def test_the_operation_name_chooses(self, client: Client) -> None:
        await client.subscribe(
            "q", "query A { viewer } query B { thing { number } }", operationName="B"
        )

        assert (await client.hear())["payload"] == {"data": {"thing": {"number": 1}}}

    async def test_many_run_at_once(self, client: Client) -> None:
        for number in range(20):
            await client.subscribe(str(number), "subscription { count(to: 5) { number } }")

        ended = 0
        while ended < 20:
            ended += (await client.hear())["type"] == "complete"

    async def test_each_event_has_a_fresh_context_with_the_viewer(
        self, client: Client, world: World
    ) -> None:
        await client.subscribe("s", "subscription { count(to: 3) { context } }")

        seen = [
            message["payload"]["data"]["count"]["context"]
            for message in await client.hear_all_of("s")
            if message["type"] == "next"
        ]

        assert len(set(seen)) == 3
        assert {context.viewer and context.viewer.user_id for context in world.contexts} == {ADA}
        assert len({context.request_id for context in world.contexts}) == 1

    async def test_ids_may_be_any_text(self, client: Client) -> None:
        key = 'ä"\\\n細 ' + "x" * 240

        await client.subscribe(key, "{ viewer }")

        assert await client.hear() == _next(key, viewer=str(ADA))
        assert await client.hear() == _complete(key)


class TestErrors:
    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("subscription {", "GRAPHQL_PARSE_FAILED"),
            ("", "GRAPHQL_PARSE_FAILED"),
            ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription ($n: Int!) { count(to: $n) { number } }", "BAD_USER_INPUT"),
            ("query A { viewer } query B { viewer }", "BAD_USER_INPUT"),
            ("mutation ($n: Int!) { increment(by: $n) }", "BAD_USER_INPUT"),
            ("{ a" + "a" * 200_000 + " }", "BAD_USER_INPUT"),
            ("subscription { refused { number } }", "RATE_LIMITED"),
        ],
    )
    async def test_a_wrong_request_ends_in_its_error_and_the_siblings_go_on(
        self, client: Client, world: World, query: str, code: str
    ) -> None:
        await client.subscribe("sibling", "subscription { silent }")

        await client.subscribe("wrong", query)

        (error,) = await client.hear_all_of("wrong")
        assert error["type"] == "error"
        assert [entry["extensions"]["code"] for entry in error["payload"]] == [code]
        await _goes_on(client, world, "sibling")

    async def test_an_ambiguous_document_never_runs_its_first_operation(
        self, client: Client, world: World
    ) -> None:
        await client.subscribe("1", "mutation A { increment } mutation B { increment(by: 5) }")

        assert (await client.hear())["type"] == "error"
        assert world.count == 0

    @pytest.mark.parametrize(
        ("field", "code", "reported"),
        [("revoked", "FORBIDDEN", 0), ("breaking", "INTERNAL_SERVER_ERROR", 1)],
    )
    async def test_a_source_that_fails_ends_in_an_error(
        self, client: Client, world: World, field: str, code: str, reported: int
    ) -> None:
        await client.subscribe("sibling", "subscription { silent }")

        await client.subscribe("s", f"subscription {{ {field} {{ number }} }}")

        first, last = await client.hear_all_of("s")
        assert first == _next("s", **{field: {"number": 1}})
        assert last["type"] == "error"
        assert last["payload"][0]["extensions"]["code"] == code
        assert "secret" not in str(last)
        assert len(world.unexpected) == reported
        await _goes_on(client, world, "sibling")

    async def test_a_masked_error_has_the_request_id_of_the_report(
        self, client: Client, world: World
    ) -> None:
        await client.subscribe("q", "{ maybe { number } }")

        result, _ = await client.hear_all_of("q")
        ((_, request_id),) = world.unexpected
        assert result["payload"]["errors"][0]["extensions"]["requestId"] == request_id

    async def test_a_result_that_can_not_be_encoded_is_an_error(
        self, client: Client, world: World
    ) -> None:
        await client.subscribe("q", "{ unencodable }")

        (error,) = await client.hear_all_of("q")
        assert error["type"] == "error"
        assert error["payload"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert len(world.unexpected) == 1

    async def test_a_field_that_fails_is_a_result(self, client: Client) -> None:
        await client.subscribe("s", "subscription { count(to: 1) { owner } }")

        result, end = await client.hear_all_of("s")

        assert result["type"] == "next"
        assert result["payload"]["data"] is None
        assert result["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert end == _complete("s")

    async def test_after_an_error_its_id_is_free(self, client: Client) -> None:
        await client.subscribe("1", "{")
        assert (await client.hear())["type"] == "error"

        await client.subscribe("1", "{ viewer }")

        assert (await client.hear())["type"] == "next"


class TestCompleting:
    async def test_complete_stops_the_subscription(self, client: Client, world: World) -> None:
        await client.subscribe("s", "subscription { silent }")
        await world.started.wait()

        await client.say(id="s", type="complete")

        await world.stopped.wait()
        await client.say(type="ping")
        assert await client.hear() == {"type": "pong"}

    async def test_nothing_follows_a_complete(self, client: Client) -> None:
        await client.subscribe("s", "subscription { endless }")
        await client.hear()

        await client.say(id="s", type="complete")
        await client.say(type="ping")
        while (await client.hear())["type"] != "pong":
            pass

        await client.say(type="ping", payload={"again": True})
        assert await client.hear() == {"type": "pong", "payload": {"again": True}}

    async def test_a_query_can_be_stopped(self, client: Client, world: World) -> None:
        await client.subscribe("q", "{ waiting }")
        await world.started.wait()

        await client.say(id="q", type="complete")

        await world.stopped.wait()

    async def test_a_mutation_that_began_is_finished(self, client: Client, world: World) -> None:
        await client.subscribe("m", "mutation { slowly }")
        await world.started.wait()
        await client.say(id="m", type="complete")
        await client.say(type="ping")
        assert await client.hear() == {"type": "pong"}

        world.go_on.set()

        await world.stopped.wait()
        assert world.count == 1

    async def test_a_mutation_is_finished_though_the_client_left(
        self, connected: Connect, world: World
    ) -> None:
        async with connected("ada") as client:
            await client.subscribe("m", "mutation { slowly }")
            await world.started.wait()

        world.go_on.set()

        await world.stopped.wait()
        assert world.count == 1

    async def test_completing_what_does_not_run_is_ignored(self, client: Client) -> None:
        await client.say(id="nothing", type="complete")
        await client.subscribe("q", "{ viewer }")
        await client.hear_all_of("q")
        await client.say(id="q", type="complete")

        await client.say(type="ping")
        assert await client.hear() == {"type": "pong"}

    async def test_stopping_at_once_is_stopping(self, client: Client, world: World) -> None:
        await client.subscribe("s", "subscription { endless }")
        await client.say(id="s", type="complete")
        await client.subscribe("s", "{ viewer }")

        messages = await client.hear_all_of("s")

        assert messages[-1] == _complete("s")
        assert messages[-2] == _next("s", viewer=str(ADA))

    async def test_an_active_id_can_not_be_used_again(self, client: Client, world: World) -> None:
        await client.subscribe("s", "subscription { silent }")

        await client.subscribe("s", "{ viewer }")

        assert await client.closed() == (4409, "Subscriber for s already exists")

    async def test_an_id_can_be_used_after_its_end(self, client: Client) -> None:
        for _ in range(3):
            await client.subscribe("q", "{ viewer }")
            assert len(await client.hear_all_of("q")) == 2


class TestLimits:
    @pytest.fixture
    def endpoint(self, world: World) -> GraphQLWebSocketEndpoint:
        limits = ProtocolLimits(operations=2, message_length=1_000)
        return websocket_endpoint(world, SocketLimits(protocol=limits))

    async def test_too_many_operations_are_refused_one_by_one(self, client: Client) -> None:
        await client.subscribe("1", "subscription { silent }")
        await client.subscribe("2", "subscription { silent }")

        await client.subscribe("3", "{ viewer }")
        (error,) = await client.hear_all_of("3")
        assert error["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert "2 operations" in error["payload"][0]["message"]

        await client.say(id="1", type="complete")
        await client.subscribe("3", "{ viewer }")
        assert len(await client.hear_all_of("3")) == 2

    async def test_a_message_that_is_too_large_closes_with_1009(self, client: Client) -> None:
        await client.subscribe("1", "{ viewer }".ljust(1_000))

        assert await client.closed() == (1009, "Message too large")


class TestSlowClients:
    async def test_a_client_that_does_not_read_stops_its_own_operations_only(
        self, connected: Connect, world: World
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

    async def test_a_client_that_reads_slowly_gets_everything(
        self, connected: Connect, world: World
    ) -> None:
        async with connected("ada") as client:
            await client.subscribe("s", "subscription { count(to: 300) { number } }")
            numbers = []
            for _ in range(300):
                await asyncio.sleep(0)
                message = await client.hear()
                numbers.append(message["payload"]["data"]["count"]["number"])

        assert numbers == list(range(300))
