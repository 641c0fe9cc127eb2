"""Real sockets in front of the toy schema."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

from schema.websocket import GraphQLWebSocketEndpoint
from tests.protocol.client import Client, connect
from tests.protocol.raw import RawSocket, raw_connection
from tests.schema.toy import websocket_endpoint
from tests.schema.world import World
from tests.serving import Stage, serving


@pytest.fixture
def world(caplog: pytest.LogCaptureFixture) -> Iterator[World]:
    """A world in which Ada is known. A traceback in the logs fails the test."""
    world = World()
    world.sign_in("ada")
    yield world
    records = [*caplog.get_records("setup"), *caplog.get_records("call"), *caplog.records]
    assert [each for each in records if each.exc_info or each.levelname == "ERROR"] == []


@pytest.fixture(scope="session")
async def stage_and_address() -> AsyncIterator[tuple[Stage, str]]:
    stage = Stage()
    async with serving(stage, http="hub.guarded_http:GuardedHTTP") as address:
        yield stage, address


@pytest.fixture
def endpoint(world: World) -> GraphQLWebSocketEndpoint:
    return websocket_endpoint(world)


@pytest.fixture
def address(stage_and_address: tuple[Stage, str], endpoint: GraphQLWebSocketEndpoint) -> str:
    """The address at which the endpoint is served."""
    stage, address = stage_and_address
    stage.websocket = endpoint
    return f"ws://{address}/graphql"


class Connect(Protocol):
    """Opens a socket; with a token, its connection is acknowledged already."""

    def __call__(self, token: str | None = None) -> AbstractAsyncContextManager[Client]: ...


@pytest.fixture
def connected(address: str) -> Connect:
    def opened(token: str | None = None) -> AbstractAsyncContextManager[Client]:
        return connect(address, token)

    return opened


@pytest.fixture
async def client(connected: Connect) -> AsyncIterator[Client]:
    """Ada's client, acknowledged."""
    async with connected("ada") as client:
        yield client


@pytest.fixture
async def raw(address: str) -> AsyncIterator[RawSocket]:
    """Ada's socket, acknowledged, for frames made by hand."""
    async with raw_connection(address) as socket:
        yield socket
