"""How event streams end: by the client, by what let it in, by the server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from hub.guarded_http import GuardedHTTP
from schema.http import GraphQLHTTPEndpoint, HTTPLimits
from tests.protocol.streams import ACCEPT, COMPLETE, Reader, code_of, result, streaming
from tests.schema.toy import http_endpoint
from tests.schema.world import ADA, BOB, World
from tests.serving import Stage, serving

SILENT = "subscription { silent }"
MOMENT = 5.0


class Hasty(GuardedHTTP):
    """The protocol of the hub, with less patience for those who read nothing."""

    stalled_seconds = 0.3


@pytest.fixture(scope="module")
async def stage_and_address() -> AsyncIterator[tuple[Stage, str]]:
    stage = Stage()
    async with serving(stage, http=Hasty) as address:
        yield stage, address


@pytest.fixture
def endpoint(world: World) -> GraphQLHTTPEndpoint:
    return http_endpoint(world)


@pytest.fixture
def address(stage_and_address: tuple[Stage, str], endpoint: GraphQLHTTPEndpoint) -> str:
    stage, address = stage_and_address
    stage.http = endpoint
    return address


@pytest.fixture
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{address}", verify=False) as client:
        yield client


async def until_none_is_open(endpoint: GraphQLHTTPEndpoint) -> None:
    async with asyncio.timeout(MOMENT):
        # There is no event for what nobody but an operator asks.
        while len(endpoint.streams):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def asked_by_ada() -> dict[str, Any]:
    return {"json": {"query": SILENT}, "headers": ACCEPT | {"authorization": "Bearer ada"}}


async def refused(stream: Reader) -> None:
    """See that a stream ends because the viewer is known no more."""
    error, complete = await stream.rest()
    assert code_of(error) == "UNAUTHENTICATED"
    assert "data" not in error.data
    assert complete == COMPLETE


class TestByTheClient:
    @pytest.fixture
    def endpoint(self, world: World) -> GraphQLHTTPEndpoint:
        return http_endpoint(world, HTTPLimits(keep_alive_seconds=0.1))

    async def test_a_client_that_goes_stops_its_operation_at_once(
        self, client: httpx.AsyncClient, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        async with streaming(client, SILENT):
            await world.started.wait()
            assert len(endpoint.streams) == 1

        async with asyncio.timeout(MOMENT):
            await world.stopped.wait()
        await until_none_is_open(endpoint)

    async def test_so_it_does_in_the_middle_of_many_events(
        self, client: httpx.AsyncClient, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        async with streaming(client, "subscription { endless }") as stream:
            await stream.event()

        async with asyncio.timeout(MOMENT):
            await world.stopped.wait()
        await until_none_is_open(endpoint)

    async def test_so_it_does_when_another_request_waits_behind_the_stream(
        self, address: str, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        wire = await Wire.to(address, SILENT)
        await world.started.wait()
        await wire.ask(SILENT)

        # The server reads nothing more meanwhile, and notices when it next keeps the stream alive.
        wire.writer.transport.abort()

        async with asyncio.timeout(MOMENT):
            await world.stopped.wait()
        await until_none_is_open(endpoint)

    async def test_so_it_does_when_more_requests_wait_than_may(
        self, address: str, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        wire = await Wire.to(address, SILENT)
        await world.started.wait()

        wire.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * (Hasty.most_waiting + 1))

        async with asyncio.timeout(MOMENT):
            await world.stopped.wait()
        await until_none_is_open(endpoint)
        wire.writer.transport.abort()

    async def test_one_that_reads_nothing_delays_nobody_and_costs_a_bounded_memory(
        self, address: str, client: httpx.AsyncClient, world: World
    ) -> None:
        size = 2**16
        wire = await Wire.to(address, f"subscription {{ endless(size: {size}) }}")

        async with streaming(client, "subscription { count(to: 2000) { number } }") as stream:
            assert len(await stream.rest()) == 2001

        assert world.made * size < 32 * 2**20, "what is in flight is the sockets' business"
        wire.writer.transport.abort()
        async with asyncio.timeout(MOMENT):
            await world.stopped.wait()

    async def test_one_that_reads_nothing_for_long_is_cut_off(
        self, address: str, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        wire = await Wire.to(address, f"subscription {{ endless(size: {2**16}) }}")

        async with asyncio.timeout(MOMENT):
            await world.stopped.wait()
        await until_none_is_open(endpoint)
        wire.writer.transport.abort()

    async def test_one_that_reads_slowly_gets_everything(self, client: httpx.AsyncClient) -> None:
        numbers = []
        async with streaming(client, "subscription { count(to: 300) { number } }") as stream:
            while (event := await stream.event()) != COMPLETE:
                assert event is not None
                numbers.append(event.data["data"]["count"]["number"])
                await asyncio.sleep(0)

        assert numbers == list(range(300))


class TestByCredentials:
    @pytest.mark.parametrize("query", [SILENT, "{ secret }"])
    async def test_what_does_not_hold_is_401(
        self, client: httpx.AsyncClient, world: World, query: str
    ) -> None:
        response = await client.post(
            "/", json={"query": query}, headers=ACCEPT | {"authorization": "Bearer x"}
        )

        assert response.status_code == 401
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert not world.started.is_set()

    async def test_an_expired_token_ends_the_stream(
        self, client: httpx.AsyncClient, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        world.sign_in("short", seconds=0.1)

        async with streaming(client, SILENT, "short") as stream:
            await refused(stream)

        assert world.stopped.is_set()
        assert world.unexpected == []

    async def test_withdrawn_credentials_end_their_streams_and_no_others(
        self, client: httpx.AsyncClient, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        phone = world.sign_in("phone")
        world.sign_in("bob", BOB)
        async with AsyncExitStack() as stack:
            tokens = ("phone", "phone", "ada", "bob", None)
            streams = [
                await stack.enter_async_context(streaming(client, SILENT, token))
                for token in tokens
            ]
            assert {viewer.user_id for viewer in endpoint.streams.viewers} == {ADA, BOB}

            endpoint.streams.forbid(lambda viewer: viewer.session_id == phone.session_id)

            for stream in streams[:2]:
                await refused(stream)
            world.go_on.set()
            for stream in streams[2:]:
                assert await stream.rest() == [result(silent=1), COMPLETE]

    async def test_nothing_that_happens_later_is_told(
        self, client: httpx.AsyncClient, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        async with streaming(client, "subscription { endless }", "ada") as stream:
            await stream.event()
            made = world.made

            endpoint.streams.forbid(lambda _: True)

            *told, error, complete = await stream.rest()
        assert 1 + len(told) <= made
        assert code_of(error) == "UNAUTHENTICATED"
        assert complete == COMPLETE

    async def test_an_event_that_is_on_its_way_is_not_told(
        self, client: httpx.AsyncClient, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        async with streaming(client, SILENT, "ada") as stream:
            await world.started.wait()
            world.go_on.set()
            # Once the event is there, and before the stream has seen it.
            asyncio.get_running_loop().call_soon(endpoint.streams.forbid, lambda _: True)

            await refused(stream)

    async def test_a_stream_that_ends_already_ends_once(
        self, client: httpx.AsyncClient, endpoint: GraphQLHTTPEndpoint
    ) -> None:
        async with streaming(client, SILENT, "ada") as stream:
            for _ in range(3):
                endpoint.streams.forbid(lambda _: True)

            await refused(stream)

    async def test_credentials_withdrawn_while_they_are_checked_open_nothing(
        self, client: httpx.AsyncClient, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        world.hesitates = True
        request = asked_by_ada()
        asked = asyncio.create_task(client.post("/", **request))
        await world.started.wait()
        del world.tokens["ada"]
        endpoint.streams.forbid(lambda _: True)

        world.go_on.set()

        async with asyncio.timeout(MOMENT):
            assert (await asked).status_code == 401
        assert world.contexts == []

    async def test_credentials_withdrawn_while_they_are_checked_again_end_the_stream(
        self, client: httpx.AsyncClient, endpoint: GraphQLHTTPEndpoint, world: World
    ) -> None:
        async with asyncio.TaskGroup() as tasks:
            world.hesitates = True
            asked = tasks.create_task(self._rest(client))
            await world.started.wait()
            world.started.clear()
            world.go_on.set()
            world.go_on.clear()
            await world.started.wait()
            endpoint.streams.forbid(lambda _: True)
            world.go_on.set()

        assert "UNAUTHENTICATED" in asked.result()
        assert world.contexts == []

    async def _rest(self, client: httpx.AsyncClient) -> str:
        return (await client.post("/", **asked_by_ada())).text


class TestByTheServer:
    async def test_a_shutdown_interrupts_without_completing(self, world: World) -> None:
        stage = Stage()
        stage.http = http_endpoint(world)
        async with AsyncExitStack() as clients:
            async with serving(stage, http=Hasty) as address:
                client = httpx.AsyncClient(base_url=f"http://{address}", verify=False)
                await clients.enter_async_context(client)
                stream = await clients.enter_async_context(streaming(client, SILENT))
                await world.started.wait()

            assert await stream.next() is None, "the response is whole, the stream is not"
        assert world.stopped.is_set()
        assert world.unexpected == []


class Wire:
    """A connection on which a stream has begun."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, address: str, query: str) -> "Wire":
        host, _, port = address.partition(":")
        wire = cls(*await asyncio.open_connection(host, int(port)))
        await wire.ask(query)
        assert (await wire.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        return wire

    async def ask(self, query: str) -> None:
        body = json.dumps({"query": query}).encode()
        self.writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        await self.writer.drain()
