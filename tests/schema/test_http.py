"""GraphQL over HTTP, rule by rule, against a real server."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from resolvers.errors import RateLimited
from schema.http import HTTPLimits
from schema.negotiation import MediaType, negotiate
from tests.schema.toy import ADA, World, http_endpoint
from tests.serving import Stage

QUERY = "{ thing { number } }"
DATA = {"data": {"thing": {"number": 1}}}
RESPONSE = "application/graphql-response+json"
JSON = "application/json"
PREFLIGHT = {"GraphQL-Preflight": "1"}


async def _post(
    client: httpx.AsyncClient, query: str = QUERY, accept: str = RESPONSE, **more: object
) -> httpx.Response:
    return await client.post("/", json={"query": query, **more}, headers={"accept": accept})


async def _post_raw(
    client: httpx.AsyncClient, content: bytes, content_type: str | None = JSON
) -> httpx.Response:
    headers = {} if content_type is None else {"content-type": content_type}
    return await client.post("/", content=content, headers=headers)


def _code(response: httpx.Response) -> str:
    answer: dict[str, Any] = response.json()
    assert set(answer) == {"errors"}
    (error,) = answer["errors"]
    assert error["message"]
    code: str = error["extensions"]["code"]
    return code


async def _exchange(address: str, request: bytes) -> bytes:
    """Send bytes as they are and return all that comes back."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()


class TestAnswering:
    async def test_a_posted_query_is_answered(self, client: httpx.AsyncClient) -> None:
        response = await _post(client)

        assert response.status_code == 200
        assert response.json() == DATA

    async def test_a_posted_mutation_is_executed(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        response = await _post(
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
        assert _code(response) == "BAD_USER_INPUT"
        assert world.count == 0

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
    async def test_other_methods_are_not_allowed(
        self, client: httpx.AsyncClient, method: str
    ) -> None:
        response = await client.request(method, "/")

        assert response.status_code == 405
        assert response.headers["allow"] == "GET, POST"

    async def test_a_subscription_is_sent_to_websockets(self, client: httpx.AsyncClient) -> None:
        response = await _post(client, "subscription { count(to: 1) { number } }")

        assert response.status_code == 400
        assert "WebSocket" in response.json()["errors"][0]["message"]

    async def test_a_connection_serves_many_requests(self, client: httpx.AsyncClient) -> None:
        for _ in range(3):
            assert "connection" not in (await _post(client)).headers


class TestHeaders:
    async def test_answers_are_never_stored(self, client: httpx.AsyncClient) -> None:
        assert (await _post(client)).headers["cache-control"] == "no-store"
        assert (await _post(client, "{")).headers["cache-control"] == "no-store"

    async def test_every_answer_names_its_request(self, client: httpx.AsyncClient) -> None:
        answers = [await _post(client), await _post(client, "{"), await client.put("/")]

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
        response = await _post(client, "{ maybe { number } }")

        (error,) = response.json()["errors"]
        assert error["extensions"]["requestId"] == response.headers["x-request-id"]
        assert world.unexpected[0][1] == response.headers["x-request-id"]

    async def test_the_context_knows_the_client_and_the_address_it_used(
        self, client: httpx.AsyncClient, address: str
    ) -> None:
        response = await _post(client, "{ caller }")
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
            ("text/html", None),
            (f"{JSON};q=0", None),
            (f"{JSON};q=x", None),
        ],
    )
    def test_the_best_liked_type_is_chosen(self, accept: str, answered: str | None) -> None:
        assert negotiate(accept) == (answered and MediaType(answered))

    async def test_the_type_and_its_encoding_are_named(self, client: httpx.AsyncClient) -> None:
        for accept in (RESPONSE, JSON):
            response = await _post(client, accept=accept)
            assert response.headers["content-type"] == f"{accept}; charset=utf-8"

    async def test_nothing_acceptable_is_said_so(self, client: httpx.AsyncClient) -> None:
        response = await _post(client, accept="text/html")

        assert response.status_code == 406
        assert _code(response) == "BAD_USER_INPUT"


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
        response = await _post(client, query)

        assert response.status_code == 400
        assert _code(response) == code

    @pytest.mark.parametrize(("query", "code"), WRONG)
    async def test_a_wrong_request_is_200_in_the_old_type(
        self, client: httpx.AsyncClient, query: str, code: str
    ) -> None:
        response = await _post(client, query, JSON)

        assert response.status_code == 200
        assert _code(response) == code

    @pytest.mark.parametrize("accept", [RESPONSE, JSON])
    @pytest.mark.parametrize("query", ["{ maybe { number } }", "{ surely { number } }"])
    async def test_an_executed_request_is_200_whatever_failed_in_it(
        self, client: httpx.AsyncClient, query: str, accept: str
    ) -> None:
        response = await _post(client, query, accept)

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
        assert _code(response) == "BAD_USER_INPUT"
        assert world.unexpected == []

    async def test_null_is_as_good_as_nothing(self, client: httpx.AsyncClient) -> None:
        response = await _post(client, variables=None, operationName=None, extensions=None)

        assert response.json() == DATA

    async def test_deep_variables_are_refused_without_a_fault(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        shape = b'{"type":' * 400 + b'"Point"' + b"}" * 400

        response = await _post_raw(
            client,
            b'{"query": "query ($s: GeoJSON!, $n: Int!) { distance(point: {x: $n}) }",'
            b' "variables": {"n": 1, "s": ' + shape + b"}}",
        )

        assert response.status_code == 400
        assert world.unexpected == []

    async def test_batches_are_refused(self, client: httpx.AsyncClient) -> None:
        response = await _post_raw(client, b' [{"query": "{ viewer }"}]')

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
        assert _code(response) == "BAD_USER_INPUT"

    async def test_a_fault_of_ours_is_500_and_masked(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        world.tokens["broken"] = OSError("a secret of the database")

        response = await client.post(
            "/", json={"query": QUERY}, headers={"authorization": "Bearer broken"}
        )

        assert response.status_code == 500
        assert _code(response) == "INTERNAL_SERVER_ERROR"
        assert "secret" not in response.text
        assert len(world.unexpected) == 1

    async def test_an_answer_that_can_not_be_encoded_is_500_and_masked(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        response = await _post(client, "{ unencodable }")

        assert response.status_code == 500
        assert _code(response) == "INTERNAL_SERVER_ERROR"
        assert len(world.unexpected) == 1


class TestContentType:
    @pytest.mark.parametrize(
        "content_type",
        [
            None,
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/graphql",
            "application/json; charset=latin-1",
        ],
    )
    async def test_anything_but_json_in_utf8_is_not_supported(
        self, client: httpx.AsyncClient, content_type: str | None
    ) -> None:
        response = await _post_raw(client, b'{"query": "{ viewer }"}', content_type)

        assert response.status_code == 415
        assert _code(response) == "BAD_USER_INPUT"

    @pytest.mark.parametrize(
        "content_type",
        [
            JSON,
            "Application/JSON",
            "application/json; charset=utf-8",
            'application/json;charset="UTF-8"',
        ],
    )
    async def test_json_in_utf8_is(self, client: httpx.AsyncClient, content_type: str) -> None:
        response = await _post_raw(client, b'{"query": "{ thing { number } }"}', content_type)

        assert response.json() == DATA

    async def test_a_compressed_body_is_not_supported(self, client: httpx.AsyncClient) -> None:
        response = await client.post(
            "/", content=b"x", headers={"content-type": JSON, "content-encoding": "gzip"}
        )

        assert response.status_code == 415


class TestAuthentication:
    async def test_credentials_make_the_viewer(self, client: httpx.AsyncClient) -> None:
        response = await client.post(
            "/", json={"query": "{ viewer }"}, headers={"authorization": "Bearer ada"}
        )

        assert response.json() == {"data": {"viewer": str(ADA)}}

    async def test_without_credentials_there_is_no_viewer(self, client: httpx.AsyncClient) -> None:
        assert (await _post(client, "{ viewer }")).json() == {"data": {"viewer": None}}

    @pytest.mark.parametrize("accept", [RESPONSE, JSON])
    async def test_credentials_that_do_not_hold_are_401(
        self, client: httpx.AsyncClient, accept: str
    ) -> None:
        response = await client.post(
            "/",
            json={"query": "{ secret }"},
            headers={"authorization": "Bearer x", "accept": accept},
        )

        assert response.status_code == 401
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert _code(response) == "UNAUTHENTICATED"

    async def test_they_do_not_stand_in_the_way_of_what_needs_none(
        self, client: httpx.AsyncClient
    ) -> None:
        response = await client.post(
            "/", json={"query": "{ viewer }"}, headers={"authorization": "Bearer x"}
        )

        assert response.json() == {"data": {"viewer": None}}

    async def test_other_refusals_have_their_status(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        world.tokens["often"] = RateLimited("Later.")

        response = await client.post(
            "/", json={"query": QUERY}, headers={"authorization": "Bearer often"}
        )

        assert response.status_code == 429
        assert _code(response) == "RATE_LIMITED"


class TestCrossSiteRequests:
    async def test_a_get_without_a_preflight_header_is_refused(
        self, client: httpx.AsyncClient
    ) -> None:
        response = await client.get("/", params={"query": QUERY})

        assert response.status_code == 400
        assert "GraphQL-Preflight" in response.json()["errors"][0]["message"]

    @pytest.mark.parametrize(
        "header", ["Apollo-Require-Preflight", "X-Requested-With", "GraphQL-Preflight"]
    )
    async def test_any_of_the_headers_is_enough(
        self, client: httpx.AsyncClient, header: str
    ) -> None:
        response = await client.get("/", params={"query": QUERY}, headers={header: "true"})

        assert response.json() == DATA

    async def test_an_empty_header_is_not(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/", params={"query": QUERY}, headers={"X-Requested-With": ""})

        assert response.status_code == 400


class TestBodies:
    @pytest.fixture
    def small(self, stage: Stage, world: World) -> None:
        stage.http = http_endpoint(world, HTTPLimits(json_bytes=1_000, idle_seconds=0.2))

    @pytest.mark.usefixtures("small")
    async def test_a_body_over_the_limit_is_413(self, client: httpx.AsyncClient) -> None:
        body = msgspec.json.encode({"query": QUERY.ljust(900)})
        assert (await _post_raw(client, body)).status_code == 200

        response = await _post_raw(client, body.ljust(1_001))

        assert response.status_code == 413
        assert _code(response) == "BAD_USER_INPUT"

    @pytest.mark.usefixtures("small")
    async def test_a_body_of_unknown_length_is_counted_as_it_comes(self, address: str) -> None:
        chunks = b"".join(b"c8\r\n" + b" " * 200 + b"\r\n" for _ in range(6))

        answer = await _exchange(
            address,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + chunks,
        )

        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"\r\nconnection: close\r\n" in answer

    @pytest.mark.usefixtures("small")
    async def test_a_body_that_stops_coming_is_408(self, address: str) -> None:
        answer = await _exchange(
            address,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\nConnection: close\r\n\r\n{"query":',
        )

        assert answer.startswith(b"HTTP/1.1 408 ")

    async def test_a_client_that_goes_away_is_no_fault(
        self, address: str, client: httpx.AsyncClient, world: World
    ) -> None:
        host, _, port = address.partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"query":'
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()

        assert (await _post(client)).json() == DATA
        assert world.unexpected == []

    async def test_a_refused_body_that_is_short_keeps_the_connection(self, address: str) -> None:
        request = (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
            b"Content-Length: 5\r\n%b\r\nabcde"
        )

        answer = await _exchange(address, request % b"" + request % b"Connection: close\r\n")

        assert answer.count(b"HTTP/1.1 415 ") == 2

    async def test_a_client_that_sends_all_before_it_reads_gets_its_answer(
        self, address: str
    ) -> None:
        chunks = (b"10000\r\n" + b" " * 2**16 + b"\r\n") * 100

        answer = await _exchange(
            address,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n",
        )

        assert answer.startswith(b"HTTP/1.1 415 ")

    async def test_a_client_that_asks_first_is_told_no_without_sending(self, address: str) -> None:
        answer = await _exchange(
            address,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
            b"Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n",
        )

        assert answer.startswith(b"HTTP/1.1 415 ")
