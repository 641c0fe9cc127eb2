"""A real server in front of the toy schema."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.schema.toy import http_endpoint
from tests.schema.world import World
from tests.serving import Stage, serving


@pytest.fixture
def world() -> World:
    world = World()
    world.sign_in("ada")
    return world


@pytest.fixture(scope="session")
async def stage_and_address() -> AsyncIterator[tuple[Stage, str]]:
    stage = Stage()
    async with serving(stage) as address:
        yield stage, address


@pytest.fixture
def stage(stage_and_address: tuple[Stage, str], world: World) -> Stage:
    stage, _ = stage_and_address
    stage.http = http_endpoint(world)
    return stage


@pytest.fixture
def address(stage_and_address: tuple[Stage, str], stage: Stage) -> str:
    return stage_and_address[1]


@pytest.fixture
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{address}", verify=False) as client:
        yield client
