"""Server-sent events: graphql-sse's distinct connections, rule by rule, against a real server."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from schema.http import GraphQLHTTPEndpoint, HTTPLimits
from schema.results import Result, encode
from schema.sse import next_event
from tests.protocol.streams import (
    ACCEPT,
    COMMENT,
    COMPLETE,
    Event,
    code_of,
    parse,
    result,
    streaming,
)
from tests.schema.toy import http_endpoint
from tests.schema.world import ADA, World
from tests.serving import Stage

PREFLIGHT = {"GraphQL-Preflight": "1"}
COUNT = "subscription { count(to: 2) { number } }"
COUNTED = [result(count={"number": 0}), result(count={"number": 1}), COMPLETE]


@pytest.fixture
def endpoint(world: World) -> GraphQLHTTPEndpoint:
    return http_endpoint(world)


@pytest.fixture
async def client(
    stage_and_address: tuple[Stage, str], endpoint: GraphQLHTTPEndpoint
) -> AsyncIterator[httpx.AsyncClient]:
    stage, address = stage_and_address
    stage.http = endpoint
    async with httpx.AsyncClient(base_url=f"http://{address}", verify=False) as client:
        yield client


async def post(client: httpx.AsyncClient, query: str, **more: object) -> httpx.Response:
    return await client.post("/", json={"query": query, **more}, headers=ACCEPT)


async def get(
    client: httpx.AsyncClient, query: str, headers: dict[str, str], **more: str
) -> httpx.Response:
    return await client.get("/", params={"query": query, **more}, headers=ACCEPT | headers)


class TestHead:
    @pytest.mark.parametrize("query", [COUNT, "{ viewer }", "{ nothing }"])
    async def test_it_names_the_type_and_has_nobody_hold_events_back(
        self, client: httpx.AsyncClient, query: str
    ) -> None:
        response = await post(client, query)

        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store, no-transform"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["x-request-id"]

    async def test_a_stream_is_open_before_it_has_events(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        async with streaming(client, "subscription { silent }") as stream:
            assert not world.go_on.is_set()

            world.go_on.set()

            assert await stream.rest() == [result(silent=1), COMPLETE]


class TestEvents:
    async def test_the_wire_is_as_the_protocol_has_it(self, client: httpx.AsyncClient) -> None:
        response = await post(client, "subscription { count(to: 1) { number } }")

        assert response.text == (
            ':\n\nevent: next\ndata: {"data":{"count":{"number":0}}}\n\nevent: complete\ndata:\n\n'
        )

    async def test_a_subscription_streams_and_completes(self, client: httpx.AsyncClient) -> None:
        async with streaming(client, COUNT) as stream:
            assert await stream.rest() == COUNTED

    async def test_a_query_has_one_result(self, client: httpx.AsyncClient) -> None:
        response = await post(client, "{ thing { number } }")

        assert parse(response.text) == [result(thing={"number": 1}), COMPLETE]

    async def test_a_mutation_has_one_result(self, client: httpx.AsyncClient, world: World) -> None:
        response = await post(
            client, "mutation ($by: Int!) { increment(by: $by) }", variables={"by": 2}
        )

        assert parse(response.text) == [result(increment=2), COMPLETE]
        assert world.count == 2

    async def test_the_operation_name_chooses(self, client: httpx.AsyncClient) -> None:
        query = "query A { viewer } subscription B { count(to: 2) { number } }"

        response = await post(client, query, operationName="A")

        assert parse(response.text) == [result(viewer=None), COMPLETE]

    async def test_a_connection_carries_one_stream_after_the_other(
        self, client: httpx.AsyncClient
    ) -> None:
        only_one = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))
        async with httpx.AsyncClient(base_url=client.base_url, transport=only_one) as single:
            for _ in range(3):
                async with streaming(single, COUNT) as stream:
                    assert await stream.rest() == COUNTED
                    assert "connection" not in stream.response.headers

    async def test_many_stream_at_once(self, client: httpx.AsyncClient, world: World) -> None:
        async with AsyncExitStack() as stack:
            silent = "subscription { silent }"
            streams = [await stack.enter_async_context(streaming(client, silent)) for _ in range(9)]

            world.go_on.set()

            for stream in streams:
                assert await stream.rest() == [result(silent=1), COMPLETE]

    async def test_each_event_has_a_fresh_context_with_the_viewer(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        query = "subscription { count(to: 3) { context } }"
        async with streaming(client, query, "ada") as stream:
            seen = {event.data["data"]["count"]["context"] for event in (await stream.rest())[:3]}
            request_id = stream.response.headers["x-request-id"]

        assert len(seen) == 3
        assert {context.viewer and context.viewer.user_id for context in world.contexts} == {ADA}
        assert {context.request_id for context in world.contexts} == {request_id}

    async def test_a_silent_stream_is_kept_alive(self, client: httpx.AsyncClient) -> None:
        async with streaming(client, "subscription { silent }") as stream:
            for _ in range(3):
                assert await stream.next() == COMMENT

    @pytest.fixture
    def endpoint(self, world: World) -> GraphQLHTTPEndpoint:
        return http_endpoint(world, HTTPLimits(keep_alive_seconds=0.05))

    def test_silence_is_at_most_twelve_seconds_long(self) -> None:
        assert HTTPLimits().keep_alive_seconds <= 12

    def test_a_result_is_one_line_whatever_is_in_it(self) -> None:
        event = next_event(encode(Result({"text": "a\nb\r\nc\rd"})))

        assert event == b'event: next\ndata: {"data":{"text":"a\\nb\\r\\nc\\rd"}}\n\n'

    def test_the_revision_of_an_event_is_its_id(self) -> None:
        assert parse(next_event(b"1", 42).decode()) == [Event("next", 1, "42")]


class TestErrors:
    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("subscription {", "GRAPHQL_PARSE_FAILED"),
            ("", "GRAPHQL_PARSE_FAILED"),
            ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
            ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription ($n: Int!) { count(to: $n) { number } }", "BAD_USER_INPUT"),
            ("query A { viewer } query B { viewer }", "BAD_USER_INPUT"),
            ("mutation ($n: Int!) { increment(by: $n) }", "BAD_USER_INPUT"),
            ("{" + "thing {" * 20 + "number" + "}" * 21, "BAD_USER_INPUT"),
            ("subscription { refused { number } }", "RATE_LIMITED"),
            ('subscription { unprepared(reason: "forbidden") { number } }', "FORBIDDEN"),
        ],
    )
    async def test_a_wrong_request_is_answered_in_an_accepted_stream(
        self, client: httpx.AsyncClient, query: str, code: str
    ) -> None:
        response = await post(client, query)

        assert response.status_code == 200
        error, complete = [event for event in parse(response.text) if event != COMMENT]
        assert code_of(error) == code
        assert "data" not in error.data
        assert complete == COMPLETE

    async def test_a_subscription_that_loses_access_ends_with_forbidden(
        self, client: httpx.AsyncClient
    ) -> None:
        async with streaming(client, "subscription { revoked { number } }") as stream:
            told, error, complete = await stream.rest()

        assert told == result(revoked={"number": 1})
        assert code_of(error) == "FORBIDDEN"
        assert complete == COMPLETE

    async def test_a_fault_of_ours_is_masked(self, client: httpx.AsyncClient, world: World) -> None:
        async with streaming(client, "subscription { breaking { number } }") as stream:
            _, error, complete = await stream.rest()
            request_id = stream.response.headers["x-request-id"]

        assert code_of(error) == "INTERNAL_SERVER_ERROR"
        assert "secret" not in str(error)
        assert error.data["errors"][0]["extensions"]["requestId"] == request_id
        assert complete == COMPLETE
        assert [id_ for _, id_ in world.unexpected] == [request_id]

    async def test_an_event_that_can_not_be_encoded_is_masked(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        async with streaming(client, "subscription { unencodable }") as stream:
            error, complete = await stream.rest()

        assert code_of(error) == "INTERNAL_SERVER_ERROR"
        assert complete == COMPLETE
        assert len(world.unexpected) == 1

    @pytest.mark.parametrize(
        ("content", "content_type", "status"),
        [
            (b"", "application/json", 400),
            (b'{"qeury": ""}', "application/json", 400),
            (b'[{"query": "{ viewer }"}]', "application/json", 400),
            (b" " * 70_000, "application/json", 413),
            (b'{"query": "{ viewer }"}', "text/plain", 415),
            (b'{"query": "{ viewer }"}', "application/json; charset=latin-1", 415),
        ],
    )
    async def test_what_is_no_request_has_its_status(
        self, client: httpx.AsyncClient, content: bytes, content_type: str, status: int
    ) -> None:
        response = await client.post(
            "/", content=content, headers=ACCEPT | {"content-type": content_type}
        )

        assert response.status_code == status
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


class TestNegotiation:
    @pytest.mark.parametrize(
        ("accept", "streams"),
        [
            ("text/event-stream", True),
            ("text/event-stream, multipart/mixed", True),
            ("text/event-stream, application/json", True),
            ("application/json;q=0.9, text/event-stream", True),
            ("application/json, text/event-stream", False),
            ("application/json, text/event-stream;q=0.9", False),
            ("text/event-stream;q=0, application/json", False),
            ("*/*", False),
        ],
    )
    async def test_results_stream_where_the_client_likes_that_best(
        self, client: httpx.AsyncClient, accept: str, streams: bool
    ) -> None:
        response = await client.post("/", json={"query": "{ viewer }"}, headers={"accept": accept})

        assert response.status_code == 200
        assert (response.headers["content-type"] == "text/event-stream") is streams


class TestGet:
    async def test_a_subscription_may_come_by_get(self, client: httpx.AsyncClient) -> None:
        query = "subscription S($n: Int!) { count(to: $n) { number } } query Q { viewer }"
        more = {"operationName": "S", "variables": '{"n": 2}', "extensions": "{}"}

        response = await get(client, query, PREFLIGHT, **more)

        assert parse(response.text) == [COMMENT, *COUNTED]

    async def test_a_page_of_the_same_origin_needs_no_header_of_its_own(
        self, client: httpx.AsyncClient
    ) -> None:
        response = await get(client, COUNT, {"sec-fetch-site": "same-origin"})

        assert parse(response.text) == [COMMENT, *COUNTED]

    @pytest.mark.parametrize("site", [None, "", "same-site", "cross-site", "none", "SAME-ORIGIN"])
    async def test_other_pages_do(
        self, client: httpx.AsyncClient, world: World, site: str | None
    ) -> None:
        response = await get(client, COUNT, {} if site is None else {"sec-fetch-site": site})

        assert response.status_code == 400
        assert "GraphQL-Preflight" in response.json()["errors"][0]["message"]
        assert world.contexts == []

    async def test_a_mutation_by_get_is_not_allowed(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        response = await get(client, "mutation { increment }", PREFLIGHT)

        assert response.status_code == 405
        assert response.headers["allow"] == "POST"
        assert world.count == 0

    async def test_credentials_are_read_from_their_header_alone(
        self, client: httpx.AsyncClient
    ) -> None:
        anywhere = {"Authorization": "Bearer ada", "token": "ada", "access_token": "ada"}
        extensions = json.dumps(anywhere)

        by_address = await get(client, "{ viewer }", PREFLIGHT, extensions=extensions, **anywhere)
        by_header = await get(client, "{ viewer }", PREFLIGHT | {"authorization": "Bearer ada"})

        assert parse(by_address.text)[0] == result(viewer=None)
        assert parse(by_header.text)[0] == result(viewer=str(ADA))


class TestLastEventId:
    @pytest.mark.parametrize(
        ("header", "known"), [("0", 0), ("42", 42), ("9007199254740991", 2**53 - 1)]
    )
    async def test_a_client_that_reconnects_is_asked_about(
        self, client: httpx.AsyncClient, world: World, header: str, known: int
    ) -> None:
        async with streaming(client, COUNT, headers={"last-event-id": header}) as stream:
            await stream.rest()

        assert {context.last_event_id for context in world.contexts} == {known}

    @pytest.mark.parametrize("headers", [{}, {"last-event-id": ""}])
    async def test_a_client_that_begins_has_none(
        self, client: httpx.AsyncClient, world: World, headers: dict[str, str]
    ) -> None:
        async with streaming(client, COUNT, headers=headers) as stream:
            await stream.rest()

        assert {context.last_event_id for context in world.contexts} == {None}

    @pytest.mark.parametrize("header", ["x", "-1", "+1", "1.5", "1 2", "1_000", "²", "1" * 17])
    async def test_what_is_no_id_of_ours_is_refused(
        self, client: httpx.AsyncClient, world: World, header: str
    ) -> None:
        headers = httpx.Headers(ACCEPT | {"last-event-id": header}, encoding="latin-1")

        response = await client.post("/", json={"query": COUNT}, headers=headers)

        assert response.status_code == 400
        assert "Last-Event-ID" in response.json()["errors"][0]["message"]
        assert world.contexts == []
