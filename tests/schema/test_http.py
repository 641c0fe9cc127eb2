"""GraphQL over HTTP, rule by rule, against a real server."""

import httpx
import pytest

from schema.negotiation import MediaType, negotiate
from tests.schema.calls import (
    DATA,
    EVENTS,
    JSON,
    PREFLIGHT,
    QUERY,
    RESPONSE,
    code_of,
    post,
    post_raw,
)
from tests.schema.world import World


class TestAnswering:
    async def test_a_posted_query_is_answered(self, client: httpx.AsyncClient) -> None:
        response = await post(client)

        assert response.status_code == 200
        assert response.json() == DATA

    async def test_a_posted_mutation_is_executed(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        response = await post(
            client, "mutation ($by: Int!) { increment(by: $by) }", variables={"by": 3}
        )

        assert response.json() == {"data": {"increment": 3}}
        assert world.count == 3

    async def test_a_query_may_come_by_get(self, client: httpx.AsyncClient) -> None:
        parameters = {
            "query": "query A($n: Int!) { thing(number: $n) { number } } query B { viewer }",
            "operationName": "A",
            "variables": '{"n": 7}',
            "extensions": "{}",
        }

        response = await client.get("/", params=parameters, headers=PREFLIGHT)

        assert response.status_code == 200
        assert response.json() == {"data": {"thing": {"number": 7}}}

    @pytest.mark.parametrize("accept", [RESPONSE, JSON])
    async def test_a_mutation_by_get_is_not_allowed(
        self, client: httpx.AsyncClient, world: World, accept: str
    ) -> None:
        response = await client.get(
            "/", params={"query": "mutation { increment }"}, headers=PREFLIGHT | {"accept": accept}
        )

        assert response.status_code == 405
        assert response.headers["allow"] == "POST"
        assert code_of(response) == "BAD_USER_INPUT"
        assert world.count == 0

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
    async def test_other_methods_are_not_allowed(
        self, client: httpx.AsyncClient, method: str
    ) -> None:
        response = await client.request(method, "/")

        assert response.status_code == 405
        assert response.headers["allow"] == "GET, POST"

    async def test_a_subscription_is_told_where_it_runs(self, client: httpx.AsyncClient) -> None:
        response = await post(client, "subscription { count(to: 1) { number } }")

        assert response.status_code == 400
        (error,) = response.json()["errors"]
        assert "WebSocket" in error["message"]
        assert "text/event-stream" in error["message"]

    async def test_a_connection_serves_many_requests(self, client: httpx.AsyncClient) -> None:
        for _ in range(3):
            assert "connection" not in (await post(client)).headers


class TestHeaders:
    async def test_answers_are_never_stored(self, client: httpx.AsyncClient) -> None:
        assert (await post(client)).headers["cache-control"] == "no-store"
        assert (await post(client, "{")).headers["cache-control"] == "no-store"

    async def test_every_answer_names_its_request(self, client: httpx.AsyncClient) -> None:
        answers = [await post(client), await post(client, "{"), await client.put("/")]

        assert len({answer.headers["x-request-id"] for answer in answers}) == 3

    async def test_a_sane_request_id_is_taken_over(self, client: httpx.AsyncClient) -> None:
        response = await client.put("/", headers={"X-Request-ID": "proxy-42.a"})

        assert response.headers["x-request-id"] == "proxy-42.a"

    @pytest.mark.parametrize("request_id", ["", "a b", "x" * 129, '"><script>', "ü"])
    async def test_an_odd_request_id_is_not(
        self, client: httpx.AsyncClient, request_id: str
    ) -> None:
        headers = httpx.Headers({"X-Request-ID": request_id}, encoding="utf-8")

        response = await client.put("/", headers=headers)

        assert response.headers["x-request-id"].isalnum()

    async def test_a_masked_error_names_the_same_request(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        response = await post(client, "{ maybe { number } }")

        (error,) = response.json()["errors"]
        assert error["extensions"]["requestId"] == response.headers["x-request-id"]
        assert world.unexpected[0][1] == response.headers["x-request-id"]

    async def test_the_context_knows_the_client_and_the_address_it_used(
        self, client: httpx.AsyncClient, address: str
    ) -> None:
        response = await post(client, "{ caller }")
        behind_proxy = await client.post(
            "/", json={"query": "{ caller }"}, headers={"host": "cells.example.org:8443"}
        )

        assert response.json()["data"]["caller"] == ["127.0.0.1", f"http://{address}"]
        assert behind_proxy.json()["data"]["caller"][1] == "http://cells.example.org:8443"

    async def test_a_strange_host_is_not_repeated(
        self, client: httpx.AsyncClient, address: str
    ) -> None:
        response = await client.post(
            "/", json={"query": "{ caller }"}, headers={"host": "a/b?<script>"}
        )

        assert response.json()["data"]["caller"][1] == f"http://{address}"


class TestNegotiation:
    @pytest.mark.parametrize(
        ("accept", "answered"),
        [
            ("", RESPONSE),
            ("*/*", RESPONSE),
            ("application/*", RESPONSE),
            (RESPONSE, RESPONSE),
            (JSON, JSON),
            ("application/JSON; charset=utf-8", JSON),
            (f"{RESPONSE}, {JSON}", RESPONSE),
            (f"{JSON}, {RESPONSE}", JSON),
            (f"{JSON};q=0.9, {RESPONSE}", RESPONSE),
            (f"text/html, {JSON};q=0.2, {RESPONSE}; q=0.1", JSON),
            (f"{JSON};q=0, */*;q=0.1", RESPONSE),
            (EVENTS, EVENTS),
            ("text/*", EVENTS),
            (f"{EVENTS}, multipart/mixed", EVENTS),
            (f"{RESPONSE}, {JSON}, {EVENTS}, multipart/mixed", RESPONSE),
            (f"{JSON};q=0.9, {EVENTS}", EVENTS),
            (f"{JSON}, {EVENTS};q=0.9", JSON),
            (f"{EVENTS};q=0, {JSON};q=0.1", JSON),
            (f"{EVENTS};q=0", None),
            ("text/html", None),
            (f"{JSON};q=0", None),
            (f"{JSON};q=x", None),
        ],
    )
    def test_the_best_liked_type_is_chosen(self, accept: str, answered: str | None) -> None:
        assert negotiate(accept) == (answered and MediaType(answered))

    async def test_the_type_and_its_encoding_are_named(self, client: httpx.AsyncClient) -> None:
        for accept in (RESPONSE, JSON):
            response = await post(client, accept=accept)
            assert response.headers["content-type"] == f"{accept}; charset=utf-8"

    async def test_nothing_acceptable_is_said_so(self, client: httpx.AsyncClient) -> None:
        response = await post(client, accept="text/html")

        assert response.status_code == 406
        assert code_of(response) == "BAD_USER_INPUT"


class TestStatus:
    WRONG = (
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($n: Int!) { thing(number: $n) { number } }", "BAD_USER_INPUT"),
        ("query A { viewer } query B { viewer }", "BAD_USER_INPUT"),
        ("{" + "thing {" * 20 + "number" + "}" * 21, "BAD_USER_INPUT"),
    )

    @pytest.mark.parametrize(("query", "code"), WRONG)
    async def test_a_wrong_request_is_400_in_the_new_type(
        self, client: httpx.AsyncClient, query: str, code: str
    ) -> None:
        response = await post(client, query)

        assert response.status_code == 400
        assert code_of(response) == code

    @pytest.mark.parametrize(("query", "code"), WRONG)
    async def test_a_wrong_request_is_200_in_the_old_type(
        self, client: httpx.AsyncClient, query: str, code: str
    ) -> None:
        response = await post(client, query, JSON)

        assert response.status_code == 200
        assert code_of(response) == code

    @pytest.mark.parametrize("accept", [RESPONSE, JSON])
    @pytest.mark.parametrize("query", ["{ maybe { number } }", "{ surely { number } }"])
    async def test_an_executed_request_is_200_whatever_failed_in_it(
        self, client: httpx.AsyncClient, query: str, accept: str
    ) -> None:
        response = await post(client, query, accept)

        assert response.status_code == 200
        assert "data" in response.json()

    @pytest.mark.parametrize("accept", [RESPONSE, JSON])
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"NONSENSE",
            b'{"query":',
            b'{"query": "{ viewer }"} x',
            b'"{ viewer }"',
            b"null",
            b"{}",
            b'{"qeury": "{ viewer }"}',
            b'{"query": null}',
            b'{"query": 1}',
            b'{"query": ["{ viewer }"]}',
            b'{"query": "{ viewer }", "variables": [7]}',
            b'{"query": "{ viewer }", "variables": "{}"}',
            b'{"query": "{ viewer }", "operationName": 7}',
            b'{"query": "{ viewer }", "operationName": {}}',
            b'{"query": "{ viewer }", "extensions": []}',
            b'{"query": "{ viewer }", "variables": {"x": NaN}}',
            b'{"query": "{ viewer }", "variables": {"x": 1e999}}',
            b'{"query": "{ viewer }", "variables": {"x": "\\ud800"}}',
            b'{"query": "\xff"}',
            b"\xef\xbb\xbf{}",
            b'{"query": "{ viewer }", "variables": {"x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}",
            b"[" * 100_000,
        ],
    )
    async def test_a_malformed_request_is_400_in_every_type(
        self, client: httpx.AsyncClient, world: World, body: bytes, accept: str
    ) -> None:
        headers = {"content-type": JSON, "accept": accept, "authorization": "Bearer ada"}
        response = await client.post("/", content=body, headers=headers)

        assert response.status_code == 400
        assert code_of(response) == "BAD_USER_INPUT"
        assert world.unexpected == []

    async def test_null_is_as_good_as_nothing(self, client: httpx.AsyncClient) -> None:
        response = await post(client, variables=None, operationName=None, extensions=None)

        assert response.json() == DATA

    async def test_deep_variables_are_refused_without_a_fault(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        shape = b'{"type":' * 400 + b'"Point"' + b"}" * 400

        response = await post_raw(
            client,
            b'{"query": "query ($s: GeoJSON!, $n: Int!) { distance(point: {x: $n}) }",'
            b' "variables": {"n": 1, "s": ' + shape + b"}}",
        )

        assert response.status_code == 400
        assert world.unexpected == []

    async def test_batches_are_refused(self, client: httpx.AsyncClient) -> None:
        response = await post_raw(client, b' [{"query": "{ viewer }"}]')

        assert response.status_code == 400
        assert "Batches" in response.json()["errors"][0]["message"]

    @pytest.mark.parametrize(
        "query_string",
        [
            "",
            "operationName=A",
            "query=%FF",
            "query={viewer}&variables=[1]",
            "query={viewer}&variables={",
            "query={viewer}&extensions=1",
            "&".join(["query={viewer}"] * 40),
        ],
    )
    async def test_a_malformed_query_string_is_400(
        self, client: httpx.AsyncClient, query_string: str
    ) -> None:
        response = await client.get(f"/?{query_string}", headers=PREFLIGHT)

        assert response.status_code == 400
        assert code_of(response) == "BAD_USER_INPUT"

    async def test_a_fault_of_ours_is_500_and_masked(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        world.tokens["broken"] = OSError("a secret of the database")

        response = await client.post(
            "/", json={"query": QUERY}, headers={"authorization": "Bearer broken"}
        )

        assert response.status_code == 500
        assert code_of(response) == "INTERNAL_SERVER_ERROR"
        assert "secret" not in response.text
        assert len(world.unexpected) == 1

    async def test_an_answer_that_can_not_be_encoded_is_500_and_masked(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        response = await post(client, "{ unencodable }")

        assert response.status_code == 500
        assert code_of(response) == "INTERNAL_SERVER_ERROR"
        assert len(world.unexpected) == 1
