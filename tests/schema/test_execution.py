"""Executing requests."""

from typing import Any

import pytest
from graphql import OperationType, get_introspection_query

from schema.requests import GraphQLRequest
from tests.schema.runs import codes, execute
from tests.schema.toy import executor_of
from tests.schema.world import World


class TestAnswering:
    async def test_a_query_answers_what_it_selects(self, world: World) -> None:
        query = "query ($n: Int!) { thing(number: $n) { number again { number } } }"

        assert await execute(world, query, variables={"n": 4}) == {
            "data": {"thing": {"number": 4, "again": {"number": 5}}}
        }

    async def test_mutations_run_one_after_the_other(self, world: World) -> None:
        answer = await execute(world, "mutation { a: increment b: increment c: increment(by: 5) }")

        assert answer == {"data": {"a": 1, "b": 2, "c": 7}}

    async def test_inputs_become_what_their_classes_say(self, world: World) -> None:
        answer = await execute(
            world, "query ($p: Point!) { distance(point: $p) }", variables={"p": {"x": 2}}
        )

        assert answer == {"data": {"distance": 2}}

    async def test_the_schema_can_be_asked_for_in_full(self, world: World) -> None:
        answer = await execute(world, get_introspection_query())

        assert {"DateTime", "BigInt", "Upload", "GeoJSON"} <= {
            each["name"] for each in answer["data"]["__schema"]["types"]
        }

    async def test_a_field_that_fails_leaves_its_neighbours(self, world: World) -> None:
        answer = await execute(world, "{ maybe { number } thing { number } }")

        assert answer["data"] == {"maybe": None, "thing": {"number": 1}}
        assert answer["errors"][0]["path"] == ["maybe"]
        assert answer["errors"][0]["locations"] == [{"line": 1, "column": 3}]


class TestChoosingTheOperation:
    TWO = "query A { a: thing(number: 1) { number } } query B { b: thing(number: 2) { number } }"

    async def test_the_name_chooses(self, world: World) -> None:
        answer = await execute(world, self.TWO, name="B")

        assert answer == {"data": {"b": {"number": 2}}}

    @pytest.mark.parametrize("name", [None, ""])
    async def test_an_ambiguous_document_is_refused(self, world: World, name: str | None) -> None:
        answer = await execute(world, self.TWO, name=name)

        assert codes(answer) == ["BAD_USER_INPUT"]
        assert "data" not in answer

    @pytest.mark.parametrize("query", [TWO, "{ thing { number } }"])
    async def test_an_unknown_name_is_refused(self, world: World, query: str) -> None:
        answer = await execute(world, query, name="C")

        assert codes(answer) == ["BAD_USER_INPUT"]

    @pytest.mark.parametrize(
        ("query", "kind"),
        [
            ("{ thing { number } }", OperationType.QUERY),
            ("mutation { increment }", OperationType.MUTATION),
            ("subscription { breaking { number } }", OperationType.SUBSCRIPTION),
            ("{", None),
            (TWO, None),
        ],
    )
    def test_the_kind_is_known_beforehand(
        self, world: World, query: str, kind: OperationType | None
    ) -> None:
        assert executor_of(world).operation_type(GraphQLRequest(query=query)) is kind

    async def test_a_subscription_is_not_executed_once(self, world: World) -> None:
        answer = await execute(world, "subscription { count(to: 1) { number } }")

        assert codes(answer) == ["BAD_USER_INPUT"]
        assert "WebSocket" in answer["errors"][0]["message"]


class TestErrors:
    @pytest.mark.parametrize(
        "query", ["{", "", "query { thing( }", "\0", '{ thing(number: "\\ud800") }']
    )
    async def test_what_can_not_be_parsed_says_so(self, world: World, query: str) -> None:
        answer = await execute(world, query)

        assert codes(answer) == ["GRAPHQL_PARSE_FAILED"]
        assert "data" not in answer

    @pytest.mark.parametrize(
        "query",
        [
            "{ nothing }",
            "{ thing { number(x: 1) } }",
            '{ thing(number: "1") { number } }',
            "query ($x: Nothing) { thing { number } }",
            "fragment F on Thing { number }",
            "subscription { count(to: 1) { number } silent }",
            "{ things { ...F } } fragment F on Thing { again { ...F } }",
            "{ things @defer { number } }",
        ],
    )
    async def test_what_does_not_fit_the_schema_says_so(self, world: World, query: str) -> None:
        answer = await execute(world, query)

        assert set(codes(answer)) == {"GRAPHQL_VALIDATION_FAILED"}
        assert "data" not in answer

    @pytest.mark.parametrize(
        "variables", [None, {}, {"n": None}, {"n": "1"}, {"n": 2**40}, {"n": {}}, {"n": [1]}]
    )
    async def test_variables_that_do_not_fit_are_bad_input(
        self, world: World, variables: dict[str, Any] | None
    ) -> None:
        query = "query ($n: Int!) { thing(number: $n) { number } }"

        answer = await execute(world, query, variables=variables)

        assert codes(answer) == ["BAD_USER_INPUT"]
        assert "data" not in answer

    async def test_an_argument_that_only_execution_can_refuse_is_bad_input(
        self, world: World
    ) -> None:
        # A nullable variable may stand where there is a default, but null must not.
        query = "query ($n: Int = 3) { thing(number: $n) { number } }"

        answer = await execute(world, query, variables={"n": None})

        assert codes(answer) == ["BAD_USER_INPUT"]
        assert world.unexpected == []

    @pytest.mark.parametrize(
        ("query", "code", "message"),
        [
            ("mutation { conflict }", "CONFLICT", "Not now."),
            ("{ thing { owner } }", "FORBIDDEN", "Not for you."),
            ('{ notThere(key: "img_1") { number } }', "NOT_FOUND", "There is nothing with the id"),
        ],
    )
    async def test_what_a_user_can_cause_is_told(
        self, world: World, query: str, code: str, message: str
    ) -> None:
        answer = await execute(world, query)

        assert codes(answer) == [code]
        assert answer["errors"][0]["message"].startswith(message)
        assert world.unexpected == []

    @pytest.mark.parametrize(
        "query",
        [
            "{ maybe { number } }",
            "{ surely { number } }",
            "{ infinite }",
            "{ wrongEnum }",
            "{ tooBig }",
            "{ naive }",
        ],
    )
    async def test_what_nobody_expects_is_masked_and_reported(
        self, world: World, query: str
    ) -> None:
        answer = await execute(world, query)

        (error,) = answer["errors"]
        assert error["message"] == "Internal server error"
        assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "r1"}
        ((reported, request_id),) = world.unexpected
        assert request_id == "r1"
        assert reported.__traceback__ is not None
        assert "secret" not in str(answer)

    async def test_many_failing_items_are_reported_one_by_one(self, world: World) -> None:
        answer = await execute(world, "{ a: maybe { number } b: maybe { number } }")

        assert codes(answer) == ["INTERNAL_SERVER_ERROR"] * 2
        assert len(world.unexpected) == 2
