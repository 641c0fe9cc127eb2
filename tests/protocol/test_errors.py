"""graphql-transport-ws: what is wrong with an operation ends that operation, and nothing else."""

import pytest

from tests.protocol.client import Client, complete_message, next_message
from tests.schema.world import ADA, World


async def goes_on(client: Client, world: World, key: str) -> None:
    """See that a silent subscription still has its event to come."""
    await world.started.wait()
    world.go_on.set()
    assert await client.hear_all_of(key) == [next_message(key, silent=1), complete_message(key)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        pytest.param("subscription {", "GRAPHQL_PARSE_FAILED", id="syntax error"),
        pytest.param("", "GRAPHQL_PARSE_FAILED", id="nothing"),
        pytest.param("# a", "GRAPHQL_PARSE_FAILED", id="comment only"),
        pytest.param("\0", "GRAPHQL_PARSE_FAILED", id="no character of GraphQL"),
        pytest.param("type A { b: Int }", "GRAPHQL_VALIDATION_FAILED", id="no operation"),
        pytest.param(
            "subscription { nothing }", "GRAPHQL_VALIDATION_FAILED", id="validation error"
        ),
        pytest.param(
            "subscription { silent endless }",
            "GRAPHQL_VALIDATION_FAILED",
            id="subscription of two fields",
        ),
        pytest.param(
            "query A { viewer } query B { viewer }", "BAD_USER_INPUT", id="ambiguous document"
        ),
        pytest.param(
            "query A { viewer } query A { viewer }", "GRAPHQL_VALIDATION_FAILED", id="name twice"
        ),
        pytest.param(
            "subscription ($n: Int!) { count(to: $n) { number } }",
            "BAD_USER_INPUT",
            id="subscription without its variable",
        ),
        pytest.param(
            "mutation ($n: Int!) { increment(by: $n) }",
            "BAD_USER_INPUT",
            id="mutation without its variable",
        ),
        pytest.param("{ a" + "a" * 200_000 + " }", "BAD_USER_INPUT", id="too long a document"),
        pytest.param("{a" * 900 + "}" * 900, "BAD_USER_INPUT", id="too deep a document"),
        pytest.param(
            "subscription { refused { number } }", "RATE_LIMITED", id="refused before it begins"
        ),
    ],
)
async def test_a_wrong_request_ends_in_one_error_and_the_siblings_go_on(
    client: Client, world: World, query: str, code: str
) -> None:
    await client.subscribe("sibling", "subscription { silent }")

    await client.subscribe("wrong", query)

    (error,) = await client.hear_all_of("wrong")
    assert error["type"] == "error"
    assert {entry["extensions"]["code"] for entry in error["payload"]} == {code}
    assert all(entry["message"] for entry in error["payload"])
    assert await client.hears_nothing_more(), "least of all a complete"
    await goes_on(client, world, "sibling")


@pytest.mark.parametrize("name", ["B", "a", " A", "__proto__", "\0", "A" * 100_000])
async def test_an_unknown_operation_name_ends_in_an_error(client: Client, name: str) -> None:
    await client.subscribe("q", "query A { viewer }", operationName=name)

    (error,) = await client.hear_all_of("q")
    assert error["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert len(error["payload"][0]["message"]) < 200
    assert await client.hears_nothing_more()


async def test_an_ambiguous_document_does_not_run_its_first_operation(
    client: Client, world: World
) -> None:
    await client.subscribe("1", "mutation A { increment } mutation B { increment(by: 5) }")

    assert (await client.hear())["type"] == "error"
    assert world.count == 0


@pytest.mark.parametrize(
    ("field", "code", "reported"),
    [("revoked", "FORBIDDEN", 0), ("breaking", "INTERNAL_SERVER_ERROR", 1)],
)
async def test_a_source_that_fails_ends_in_an_error_and_the_siblings_go_on(
    client: Client, world: World, field: str, code: str, reported: int
) -> None:
    await client.subscribe("sibling", "subscription { silent }")

    await client.subscribe("s", f"subscription {{ {field} {{ number }} }}")

    first, last = await client.hear_all_of("s")
    assert first == next_message("s", **{field: {"number": 1}})
    assert last["type"] == "error"
    assert last["payload"][0]["extensions"]["code"] == code
    assert "secret" not in str(last)
    assert len(world.unexpected) == reported
    assert await client.hears_nothing_more(), "least of all a complete"
    await goes_on(client, world, "sibling")


async def test_a_field_that_fails_is_in_a_result_and_the_operation_goes_on(client: Client) -> None:
    await client.subscribe("s", "subscription { count(to: 2) { owner } }")

    *results, end = await client.hear_all_of("s")

    assert [result["type"] for result in results] == ["next", "next"]
    for result in results:
        assert result["payload"]["data"] is None
        assert result["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert end == complete_message("s")


async def test_a_masked_error_has_the_request_id_of_the_report(
    client: Client, world: World
) -> None:
    await client.subscribe("q", "{ maybe { number } }")

    result, _ = await client.hear_all_of("q")
    ((_, request_id),) = world.unexpected
    assert result["payload"]["errors"][0]["extensions"]["requestId"] == request_id


async def test_a_result_that_can_not_be_encoded_is_an_error(client: Client, world: World) -> None:
    await client.subscribe("q", "{ unencodable }")

    (error,) = await client.hear_all_of("q")
    assert error["type"] == "error"
    assert error["payload"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert len(world.unexpected) == 1


async def test_errors_of_one_operation_leave_nothing_to_the_next(
    client: Client, world: World
) -> None:
    for query in ("{", "{ nothing }", "{ surely { number } }", "{ unencodable }"):
        await client.subscribe("q", query)
        await client.hear_all_of("q")

    await client.subscribe("q", "{ viewer }")

    assert await client.hear_all_of("q") == [
        next_message("q", viewer=str(ADA)),
        complete_message("q"),
    ]
    assert len(world.unexpected) == 2
