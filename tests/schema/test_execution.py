"""Executing requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec
import pytest
from graphql import OperationType, get_introspection_query

from schema.documents import Documents
from schema.execution import Result, Subscription, encode
from schema.limits import DocumentLimits
from schema.requests import GraphQLRequest
from tests.schema.toy import SCHEMA, Context, World, executor_of


async def _execute(
    world: World,
    query: str,
    *,
    variables: dict[str, Any] | None = None,
    name: str | None = None,
    limits: DocumentLimits | None = None,
) -> dict[str, Any]:
    request = GraphQLRequest(query=query, variables=variables, operation_name=name)
    result = await executor_of(world, limits).execute(request, Context(world, "r1"))
    answer: dict[str, Any] = msgspec.json.decode(encode(result))
    assert all(error["extensions"]["code"] for error in answer.get("errors", ()))
    return answer


async def _subscribe(world: World, query: str, **variables: object) -> Subscription | Result:
    request = GraphQLRequest(query=query, variables=variables)
    make_context = partial(
        world.make_context, viewer=None, request_id="r1", client_address="", base_url=""
    )
    return await executor_of(world).subscribe(request, make_context)


async def _results(subscription: Subscription | Result) -> AsyncIterator[dict[str, Any]]:
    assert isinstance(subscription, Subscription)
    async with aclosing(subscription.results()) as results:
        async for result in results:
            yield msgspec.json.decode(encode(result))


def _codes(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]


class TestAnswering:
    async def test_a_query_answers_what_it_selects(self, world: World) -> None:
        query = "query ($n: Int!) { thing(number: $n) { number again { number } } }"

        assert await _execute(world, query, variables={"n": 4}) == {
            "data": {"thing": {"number": 4, "again": {"number": 5}}}
        }

    async def test_mutations_run_one_after_the_other(self, world: World) -> None:
        answer = await _execute(world, "mutation { a: increment b: increment c: increment(by: 5) }")

        assert answer == {"data": {"a": 1, "b": 2, "c": 7}}

    async def test_inputs_become_what_their_classes_say(self, world: World) -> None:
        answer = await _execute(
            world, "query ($p: Point!) { distance(point: $p) }", variables={"p": {"x": 2}}
        )

        assert answer == {"data": {"distance": 2}}

    async def test_the_schema_can_be_asked_for_in_full(self, world: World) -> None:
        answer = await _execute(world, get_introspection_query())

        assert {"DateTime", "BigInt", "Upload", "GeoJSON"} <= {
            each["name"] for each in answer["data"]["__schema"]["types"]
        }

    async def test_a_field_that_fails_leaves_its_neighbours(self, world: World) -> None:
        answer = await _execute(world, "{ maybe { number } thing { number } }")

        assert answer["data"] == {"maybe": None, "thing": {"number": 1}}
        assert answer["errors"][0]["path"] == ["maybe"]
        assert answer["errors"][0]["locations"] == [{"line": 1, "column": 3}]


class TestChoosingTheOperation:
    TWO = "query A { a: thing(number: 1) { number } } query B { b: thing(number: 2) { number } }"

    async def test_the_name_chooses(self, world: World) -> None:
        answer = await _execute(world, self.TWO, name="B")

        assert answer == {"data": {"b": {"number": 2}}}

    @pytest.mark.parametrize("name", [None, ""])
    async def test_an_ambiguous_document_is_refused(self, world: World, name: str | None) -> None:
        answer = await _execute(world, self.TWO, name=name)

        assert _codes(answer) == ["BAD_USER_INPUT"]
        assert "data" not in answer

    @pytest.mark.parametrize("query", [TWO, "{ thing { number } }"])
    async def test_an_unknown_name_is_refused(self, world: World, query: str) -> None:
        answer = await _execute(world, query, name="C")

        assert _codes(answer) == ["BAD_USER_INPUT"]

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
        answer = await _execute(world, "subscription { count(to: 1) { number } }")

        assert _codes(answer) == ["BAD_USER_INPUT"]
        assert "WebSocket" in answer["errors"][0]["message"]


class TestErrors:
    @pytest.mark.parametrize(
        "query", ["{", "", "query { thing( }", "\0", '{ thing(number: "\\ud800") }']
    )
    async def test_what_can_not_be_parsed_says_so(self, world: World, query: str) -> None:
        answer = await _execute(world, query)

        assert _codes(answer) == ["GRAPHQL_PARSE_FAILED"]
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
        answer = await _execute(world, query)

        assert set(_codes(answer)) == {"GRAPHQL_VALIDATION_FAILED"}
        assert "data" not in answer

    @pytest.mark.parametrize(
        "variables", [None, {}, {"n": None}, {"n": "1"}, {"n": 2**40}, {"n": {}}, {"n": [1]}]
    )
    async def test_variables_that_do_not_fit_are_bad_input(
        self, world: World, variables: dict[str, Any] | None
    ) -> None:
        query = "query ($n: Int!) { thing(number: $n) { number } }"

        answer = await _execute(world, query, variables=variables)

        assert _codes(answer) == ["BAD_USER_INPUT"]
        assert "data" not in answer

    async def test_an_argument_that_only_execution_can_refuse_is_bad_input(
        self, world: World
    ) -> None:
        # A nullable variable may stand where there is a default, but null must not.
        query = "query ($n: Int = 3) { thing(number: $n) { number } }"

        answer = await _execute(world, query, variables={"n": None})

        assert _codes(answer) == ["BAD_USER_INPUT"]
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
        answer = await _execute(world, query)

        assert _codes(answer) == [code]
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
        answer = await _execute(world, query)

        (error,) = answer["errors"]
        assert error["message"] == "Internal server error"
        assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "r1"}
        ((reported, request_id),) = world.unexpected
        assert request_id == "r1"
        assert reported.__traceback__ is not None
        assert "secret" not in str(answer)

    async def test_many_failing_items_are_reported_one_by_one(self, world: World) -> None:
        answer = await _execute(world, "{ a: maybe { number } b: maybe { number } }")

        assert _codes(answer) == ["INTERNAL_SERVER_ERROR"] * 2
        assert len(world.unexpected) == 2


class TestLimits:
    async def _refused(self, world: World, query: str, limits: DocumentLimits) -> str:
        answer = await _execute(world, query, limits=limits)
        assert _codes(answer) == ["BAD_USER_INPUT"]
        assert "data" not in answer
        message: str = answer["errors"][0]["message"]
        return message

    async def _allowed(self, world: World, query: str, limits: DocumentLimits) -> None:
        assert "errors" not in await _execute(world, query, limits=limits)

    async def test_characters(self, world: World) -> None:
        limits = DocumentLimits(characters=30)

        await self._allowed(world, "{ thing { number } }".ljust(30), limits)
        assert "30" in await self._refused(world, "{ thing { number } }".ljust(31), limits)

    async def test_tokens(self, world: World) -> None:
        limits = DocumentLimits(tokens=6)

        await self._allowed(world, "{ thing { number } }", limits)
        assert "6" in await self._refused(world, "{ thing { number number } }", limits)

    async def test_depth(self, world: World) -> None:
        limits = DocumentLimits(depth=3)

        await self._allowed(world, "{ thing { again { number } } }", limits)
        assert "3" in await self._refused(world, "{ thing { again { again { number } } } }", limits)

    async def test_depth_within_fragments(self, world: World) -> None:
        limits = DocumentLimits(depth=3)
        query = "{ thing { ...A } } fragment A on Thing { again { ...B } } fragment B on Thing %s"

        await self._allowed(world, query % "{ number }", limits)
        assert "4" in await self._refused(world, query % "{ ... { again { number } } }", limits)

    async def test_aliases_count_as_often_as_their_fragment_is_used(self, world: World) -> None:
        query = "{ thing { ...A } x: thing { ...A } } fragment A on Thing { y: number z: number }"

        await self._allowed(world, query, DocumentLimits(aliases=5))
        assert "5" in await self._refused(world, query, DocumentLimits(aliases=4))

    async def test_names_selected_again_and_again(self, world: World) -> None:
        # Comparing n equal fields pairwise takes n² steps: 600 of them took most of a second.
        query = "{" + "things { number }" * 600 + "}"

        message = await self._refused(world, query, DocumentLimits(tokens=10_000))

        assert "720000" in message

    async def test_fragments_that_double_at_each_level_take_no_longer(self, world: World) -> None:
        levels = 60
        query = "{ thing { ...F0 } }" + "".join(
            f"fragment F{level} on Thing {{ a{level}: again {{ ...F{level + 1} }}"
            f" b{level}: again {{ ...F{level + 1} }} }}"
            for level in range(levels)
        ) + f"fragment F{levels} on Thing {{ number }}"  # fmt: skip

        message = await self._refused(world, query, DocumentLimits(depth=100))

        assert f"{2 ** (levels + 1) - 2} aliases" in message

    async def test_fragments_nested_without_end(self, world: World) -> None:
        query = "{ thing { ...F0 } }" + "".join(
            f"fragment F{level} on Thing {{ ...F{level + 1} }}" for level in range(2_000)
        )

        message = await self._refused(
            world, query, DocumentLimits(tokens=100_000, characters=1_000_000)
        )

        assert "nested too deeply" in message

    async def test_brackets_nested_without_end(self, world: World) -> None:
        answer = await _execute(world, "{ thing " * 600)

        assert _codes(answer) == ["BAD_USER_INPUT"]


class TestKeepingDocuments:
    def test_a_document_is_prepared_once(self) -> None:
        documents = Documents(SCHEMA._schema, DocumentLimits())

        assert documents.get("{ viewer }") is documents.get("{ viewer }")

    def test_a_bad_document_is_remembered_as_well(self) -> None:
        documents = Documents(SCHEMA._schema, DocumentLimits())

        assert documents.get("{ nothing }") is documents.get("{ nothing }")

    def test_the_least_recently_used_is_forgotten_first(self) -> None:
        documents = Documents(SCHEMA._schema, DocumentLimits(cached_documents=2))
        first, second = documents.get("{ viewer }"), documents.get("{ caller }")
        documents.get("{ viewer }")

        documents.get("{ infinite }")

        assert len(documents) == 2
        assert documents.get("{ viewer }") is first
        assert documents.get("{ caller }") is not second

    def test_the_number_of_characters_is_bounded(self) -> None:
        documents = Documents(SCHEMA._schema, DocumentLimits(cached_characters=1_000))

        for number in range(100):
            documents.get(f"{{ viewer }} # {number:0400}")

        assert len(documents) == 2


class TestSubscribing:
    async def test_each_event_is_a_result(self, world: World) -> None:
        subscription = await _subscribe(world, "subscription { count(to: 3) { number } }")

        assert [result async for result in _results(subscription)] == [
            {"data": {"count": {"number": number}}} for number in range(3)
        ]

    async def test_each_event_has_a_context_of_its_own(self, world: World) -> None:
        subscription = await _subscribe(world, "subscription { count(to: 3) { context } }")

        seen = [result["data"]["count"]["context"] async for result in _results(subscription)]

        assert seen == [f"{id(context)} r1" for context in world.contexts[1:]]
        assert len(set(seen)) == 3

    async def test_variables_hold_for_all_events(self, world: World) -> None:
        query = """subscription ($to: Int!, $more: Boolean!) {
            count(to: $to) { number again @include(if: $more) { number } }
        }"""

        subscription = await _subscribe(world, query, to=2, more=True)

        assert [
            result["data"]["count"]["again"]["number"] async for result in _results(subscription)
        ] == [1, 2]

    async def test_a_field_that_fails_does_not_end_it(self, world: World) -> None:
        subscription = await _subscribe(world, "subscription { count(to: 2) { owner } }")

        answers = [result async for result in _results(subscription)]

        assert [_codes(answer) for answer in answers] == [["FORBIDDEN"]] * 2
        assert all(answer["data"] is None for answer in answers)

    @pytest.mark.parametrize(
        ("field", "code"), [("breaking", "INTERNAL_SERVER_ERROR"), ("revoked", "FORBIDDEN")]
    )
    async def test_a_source_that_fails_ends_it_with_an_error(
        self, world: World, field: str, code: str
    ) -> None:
        subscription = await _subscribe(world, f"subscription {{ {field} {{ number }} }}")

        first, last = [result async for result in _results(subscription)]

        assert first == {"data": {field: {"number": 1}}}
        assert _codes(last) == [code]
        assert "data" not in last
        assert len(world.unexpected) == (code == "INTERNAL_SERVER_ERROR")
        assert "secret" not in str(last)

    async def test_a_source_that_refuses_at_once_is_an_error(self, world: World) -> None:
        subscription = await _subscribe(world, "subscription { refused { number } }")

        (answer,) = [result async for result in _results(subscription)]

        assert _codes(answer) == ["RATE_LIMITED"]
        assert "data" not in answer

    async def test_a_source_may_be_any_asynchronous_iterator(self, world: World) -> None:
        subscription = await _subscribe(world, "subscription { prepared(to: 2) { number } }")

        assert [result async for result in _results(subscription)] == [
            {"data": {"prepared": {"number": number}}} for number in (1, 0)
        ]

    @pytest.mark.parametrize(
        ("reason", "code"), [("forbidden", "FORBIDDEN"), ("broken", "INTERNAL_SERVER_ERROR")]
    )
    async def test_a_source_that_can_not_be_made_is_an_error(
        self, world: World, reason: str, code: str
    ) -> None:
        query = "subscription ($reason: String!) { unprepared(reason: $reason) { number } }"

        refused = await _subscribe(world, query, reason=reason)

        assert isinstance(refused, Result)
        assert not refused.executed
        assert [error.code for error in refused.errors or ()] == [code]
        assert "secret" not in str(refused)

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("subscription {", "GRAPHQL_PARSE_FAILED"),
            ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription ($n: Int!) { count(to: $n) { number } }", "BAD_USER_INPUT"),
            ("{ thing { number } }", "BAD_USER_INPUT"),
        ],
    )
    async def test_a_wrong_request_never_starts(self, world: World, query: str, code: str) -> None:
        refused = await _subscribe(world, query)

        assert isinstance(refused, Result)
        assert not refused.executed
        assert refused.errors
        assert refused.errors[0].code == code

    async def test_the_next_event_is_made_when_it_is_asked_for(self, world: World) -> None:
        subscription = await _subscribe(world, "subscription { endless }")
        assert isinstance(subscription, Subscription)

        async with aclosing(subscription.results()) as results:
            await anext(results)
            await anext(results)
            assert world.made == 2

    async def test_closing_it_closes_its_source(self, world: World) -> None:
        subscription = await _subscribe(world, "subscription { endless }")
        assert isinstance(subscription, Subscription)

        results = subscription.results()
        await anext(results)
        await results.aclose()

        assert world.stopped.is_set()

    async def test_cancelling_it_closes_its_source(self, world: World) -> None:
        subscription = await _subscribe(world, "subscription { silent }")
        assert isinstance(subscription, Subscription)
        waiting = asyncio.ensure_future(anext(subscription.results()))
        await world.started.wait()

        waiting.cancel()
        await asyncio.wait([waiting])

        assert world.stopped.is_set()

    async def test_events_leave_nothing_behind(self, world: World) -> None:
        subscription = await _subscribe(
            world, "subscription { count(to: 500) { again { number } } }"
        )
        assert isinstance(subscription, Subscription)
        template = subscription._template

        async with aclosing(subscription.results()) as results:
            async for _ in results:
                pass

        assert template._relevant_sub_fields == {}
