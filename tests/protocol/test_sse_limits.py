"""Event streams: how many of them one user may have."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from schema.connections import Connections
from schema.http import GraphQLHTTPEndpoint
from tests.protocol.streams import ACCEPT, COMPLETE, code_of, streaming
from tests.schema.toy import http_endpoint
from tests.schema.world import ADA, BOB, World
from tests.serving import Stage

SILENT = "subscription { silent }"
ASKED_BY_ADA: dict[str, Any] = {
    "json": {"query": SILENT},
    "headers": ACCEPT | {"authorization": "Bearer ada"},
}
MOMENT = 5.0


@pytest.fixture
async def client(
    stage_and_address: tuple[Stage, str], endpoint: GraphQLHTTPEndpoint
) -> AsyncIterator[httpx.AsyncClient]:
    stage, address = stage_and_address
    stage.http = endpoint
    async with httpx.AsyncClient(base_url=f"http://{address}", verify=False) as client:
        yield client


async def until_none_counts(world: World) -> None:
    async with asyncio.timeout(MOMENT):
        while len(world.connections) or len(world.connections.operations):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class TestOfConnections:
    @pytest.fixture
    def endpoint(self, world: World) -> GraphQLHTTPEndpoint:
        world.connections = Connections(2)
        return http_endpoint(world)

    async def test_each_user_has_so_many_streams_and_no_more(
        self, client: httpx.AsyncClient, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        world.sign_in("bob", BOB)
        async with streaming(client, SILENT, "ada"), streaming(client, SILENT, "ada"):
            refusal = await client.post("/", **ASKED_BY_ADA)
            assert refusal.status_code == 429
            assert refusal.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
            async with streaming(client, SILENT, "bob"), streaming(client, SILENT):
                assert len(endpoint.streams) == 4

        await until_none_counts(world)
        world.go_on.set()
        assert (await client.post("/", **ASKED_BY_ADA)).status_code == 200


class TestOfOperations:
    @pytest.fixture
    def endpoint(self, world: World) -> GraphQLHTTPEndpoint:
        world.connections = Connections(operations=2)
        return http_endpoint(world)

    async def test_those_of_sockets_and_streams_count_together(
        self, client: httpx.AsyncClient, world: World
    ) -> None:
        world.sign_in("bob", BOB)
        with world.connections.operations.of(ADA):
            async with streaming(client, SILENT, "ada"):
                refusal = await client.post("/", **ASKED_BY_ADA)
                assert refusal.status_code == 429
                [error] = refusal.json()["errors"]
                assert error["extensions"]["code"] == "RATE_LIMITED"
                assert error["message"].startswith("2 operations run already")
                assert len(world.connections) == 1
                async with streaming(client, SILENT, "bob"), streaming(client, SILENT):
                    assert len(world.connections.operations) == 3

    @pytest.mark.parametrize(
        "query",
        [
            "subscription { count(to: 3) { number } }",
            "subscription { breaking { number } }",
            "subscription { refused { number } }",
            "subscription { unencodable }",
        ],
    )
    async def test_one_that_has_ended_counts_no_more_however_it_ended(
        self, client: httpx.AsyncClient, world: World, query: str
    ) -> None:
        for _ in range(3):
            async with streaming(client, query, "ada") as stream:
                assert (await stream.rest())[-1] == COMPLETE
            await until_none_counts(world)

    @pytest.mark.parametrize("end", ["leave", "forbid", "expire"])
    async def test_one_that_is_ended_counts_no_more(
        self, client: httpx.AsyncClient, endpoint: GraphQLHTTPEndpoint, world: World, end: str
    ) -> None:
        world.sign_in("short", seconds=0.2)
        async with streaming(client, SILENT, "short" if end == "expire" else "ada") as stream:
            await world.started.wait()
            assert len(world.connections.operations) == 1
            if end == "forbid":
                endpoint.streams.forbid(lambda _: True)
            if end != "leave":
                error, complete = await stream.rest()
                assert (code_of(error), complete) == ("UNAUTHENTICATED", COMPLETE)
        await until_none_counts(world)
