"""Limits on documents, the cache of prepared ones, and subscriptions."""

import asyncio
from contextlib import aclosing

import pytest

from schema.documents import Documents
from schema.limits import DocumentLimits
from schema.rendering import Subscription
from schema.results import Result
from tests.schema.runs import codes, execute, results, subscribe
from tests.schema.toy import SCHEMA
from tests.schema.world import World


class TestLimits:
    async def _refused(self, world: World, query: str, limits: DocumentLimits) -> str:
        answer = await execute(world, query, limits=limits)
        assert codes(answer) == ["BAD_USER_INPUT"]
        assert "data" not in answer
        message: str = answer["errors"][0]["message"]
        return message

    async def _allowed(self, world: World, query: str, limits: DocumentLimits) -> None:
        assert "errors" not in await execute(world, query, limits=limits)

    async def test_characters_are_bounded(self, world: World) -> None:
        limits = DocumentLimits(characters=30)

        await self._allowed(world, "{ thing { number } }".ljust(30), limits)
        assert "30" in await self._refused(world, "{ thing { number } }".ljust(31), limits)

    async def test_tokens_are_bounded(self, world: World) -> None:
        limits = DocumentLimits(tokens=6)

        await self._allowed(world, "{ thing { number } }", limits)
        assert "6" in await self._refused(world, "{ thing { number number } }", limits)

    async def test_depth_is_bounded(self, world: World) -> None:
        limits = DocumentLimits(depth=3)

        await self._allowed(world, "{ thing { again { number } } }", limits)
        assert "3" in await self._refused(world, "{ thing { again { again { number } } } }", limits)

    async def test_depth_counts_through_fragments(self, world: World) -> None:
        limits = DocumentLimits(depth=3)
        query = "{ thing { ...A } } fragment A on Thing { again { ...B } } fragment B on Thing %s"

        await self._allowed(world, query % "{ number }", limits)
        assert "4" in await self._refused(world, query % "{ ... { again { number } } }", limits)

    async def test_aliases_count_as_often_as_their_fragment_is_used(self, world: World) -> None:
        query = "{ thing { ...A } x: thing { ...A } } fragment A on Thing { y: number z: number }"

        await self._allowed(world, query, DocumentLimits(aliases=5))
        assert "5" in await self._refused(world, query, DocumentLimits(aliases=4))

    async def test_names_selected_again_and_again_are_refused(self, world: World) -> None:
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

    async def test_fragments_nested_without_end_are_refused(self, world: World) -> None:
        query = "{ thing { ...F0 } }" + "".join(
            f"fragment F{level} on Thing {{ ...F{level + 1} }}" for level in range(2_000)
        )

        message = await self._refused(
            world, query, DocumentLimits(tokens=100_000, characters=1_000_000)
        )

        assert "nested too deeply" in message

    async def test_brackets_nested_without_end_are_refused(self, world: World) -> None:
        answer = await execute(world, "{ thing " * 600)

        assert codes(answer) == ["BAD_USER_INPUT"]


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
        subscription = await subscribe(world, "subscription { count(to: 3) { number } }")

        assert [result async for result in results(subscription)] == [
            {"data": {"count": {"number": number}}} for number in range(3)
        ]

    async def test_each_event_has_a_context_of_its_own(self, world: World) -> None:
        subscription = await subscribe(world, "subscription { count(to: 3) { context } }")

        seen = [result["data"]["count"]["context"] async for result in results(subscription)]

        assert seen == [f"{id(context)} r1" for context in world.contexts[-3:]]
        assert len(set(seen)) == 3

    async def test_variables_hold_for_all_events(self, world: World) -> None:
        query = """subscription ($to: Int!, $more: Boolean!) {
            count(to: $to) { number again @include(if: $more) { number } }
        }"""

        subscription = await subscribe(world, query, to=2, more=True)

        assert [
            result["data"]["count"]["again"]["number"] async for result in results(subscription)
        ] == [1, 2]

    async def test_a_field_that_fails_does_not_end_it(self, world: World) -> None:
        subscription = await subscribe(world, "subscription { count(to: 2) { owner } }")

        answers = [result async for result in results(subscription)]

        assert [codes(answer) for answer in answers] == [["FORBIDDEN"]] * 2
        assert all(answer["data"] is None for answer in answers)

    @pytest.mark.parametrize(
        ("field", "code"), [("breaking", "INTERNAL_SERVER_ERROR"), ("revoked", "FORBIDDEN")]
    )
    async def test_a_source_that_fails_ends_it_with_an_error(
        self, world: World, field: str, code: str
    ) -> None:
        subscription = await subscribe(world, f"subscription {{ {field} {{ number }} }}")

        first, last = [result async for result in results(subscription)]

        assert first == {"data": {field: {"number": 1}}}
        assert codes(last) == [code]
        assert "data" not in last
        assert len(world.unexpected) == (code == "INTERNAL_SERVER_ERROR")
        assert "secret" not in str(last)

    async def test_a_source_that_refuses_at_once_is_an_error(self, world: World) -> None:
        subscription = await subscribe(world, "subscription { refused { number } }")

        (answer,) = [result async for result in results(subscription)]

        assert codes(answer) == ["RATE_LIMITED"]
        assert "data" not in answer

    async def test_a_source_may_be_any_asynchronous_iterator(self, world: World) -> None:
        subscription = await subscribe(world, "subscription { prepared(to: 2) { number } }")

        assert [result async for result in results(subscription)] == [
            {"data": {"prepared": {"number": number}}} for number in (1, 0)
        ]

    @pytest.mark.parametrize(
        ("reason", "code"), [("forbidden", "FORBIDDEN"), ("broken", "INTERNAL_SERVER_ERROR")]
    )
    async def test_a_source_that_can_not_be_made_is_an_error(
        self, world: World, reason: str, code: str
    ) -> None:
        query = "subscription ($reason: String!) { unprepared(reason: $reason) { number } }"

        refused = await subscribe(world, query, reason=reason)

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
        refused = await subscribe(world, query)

        assert isinstance(refused, Result)
        assert not refused.executed
        assert refused.errors
        assert refused.errors[0].code == code

    async def test_the_next_event_is_made_when_it_is_asked_for(self, world: World) -> None:
        subscription = await subscribe(world, "subscription { endless }")
        assert isinstance(subscription, Subscription)

        async with aclosing(subscription.payloads()) as results:
            await anext(results)
            await anext(results)
            assert world.made == 2

    async def test_closing_it_closes_its_source(self, world: World) -> None:
        subscription = await subscribe(world, "subscription { endless }")
        assert isinstance(subscription, Subscription)

        results = subscription.payloads()
        await anext(results)
        await results.aclose()

        assert world.stopped.is_set()

    async def test_cancelling_it_closes_its_source(self, world: World) -> None:
        subscription = await subscribe(world, "subscription { silent }")
        assert isinstance(subscription, Subscription)
        waiting = asyncio.ensure_future(anext(subscription.payloads()))
        await world.started.wait()

        waiting.cancel()
        await asyncio.wait([waiting])

        assert world.stopped.is_set()

    async def test_events_leave_nothing_behind(self, world: World) -> None:
        subscription = await subscribe(
            world, "subscription { count(to: 500) { again { number } } }"
        )
        assert isinstance(subscription, Subscription)
        template = subscription.group._render.args[0]  # type: ignore[attr-defined]

        async with aclosing(subscription.payloads()) as results:
            await anext(results)
            first = dict(template._relevant_sub_fields)
            async for _ in results:
                pass

        assert template._relevant_sub_fields == first
