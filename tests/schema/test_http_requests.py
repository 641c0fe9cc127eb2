"""What a request over HTTP has to be, and who may send it."""

import asyncio

import httpx
import msgspec
import pytest

from resolvers.errors import RateLimited
from schema.http import HTTPLimits
from tests.schema.calls import (
    DATA,
    JSON,
    QUERY,
    RESPONSE,
    code_of,
    exchange,
    post,
    post_raw,
)
from tests.schema.toy import http_endpoint
from tests.schema.world import ADA, World
from tests.serving import Stage


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
        response = await post_raw(client, b'{"query": "{ viewer }"}', content_type)

        assert response.status_code == 415
        assert code_of(response) == "BAD_USER_INPUT"

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
        response = await post_raw(client, b'{"query": "{ thing { number } }"}', content_type)

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
        assert (await post(client, "{ viewer }")).json() == {"data": {"viewer": None}}

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
        assert code_of(response) == "UNAUTHENTICATED"

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
        assert code_of(response) == "RATE_LIMITED"


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
        assert (await post_raw(client, body)).status_code == 200

        response = await post_raw(client, body.ljust(1_001))

        assert response.status_code == 413
        assert code_of(response) == "BAD_USER_INPUT"

    @pytest.mark.usefixtures("small")
    async def test_a_body_of_unknown_length_is_counted_as_it_comes(self, address: str) -> None:
        chunks = b"".join(b"c8\r\n" + b" " * 200 + b"\r\n" for _ in range(6))

        answer = await exchange(
            address,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + chunks,
        )

        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"\r\nconnection: close\r\n" in answer

    @pytest.mark.usefixtures("small")
    async def test_a_body_that_stops_coming_is_408(self, address: str) -> None:
        answer = await exchange(
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

        assert (await post(client)).json() == DATA
        assert world.unexpected == []

    async def test_a_refused_body_that_is_short_keeps_the_connection(self, address: str) -> None:
        request = (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
            b"Content-Length: 5\r\n%b\r\nabcde"
        )

        answer = await exchange(address, request % b"" + request % b"Connection: close\r\n")

        assert answer.count(b"HTTP/1.1 415 ") == 2

    async def test_a_client_that_sends_all_before_it_reads_gets_its_answer(
        self, address: str
    ) -> None:
        chunks = (b"10000\r\n" + b" " * 2**16 + b"\r\n") * 100

        answer = await exchange(
            address,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n",
        )

        assert answer.startswith(b"HTTP/1.1 415 ")

    async def test_a_client_that_asks_first_is_told_no_without_sending(self, address: str) -> None:
        answer = await exchange(
            address,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
            b"Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n",
        )

        assert answer.startswith(b"HTTP/1.1 415 ")
