"""A hub that clients follow is restarted: they go on by themselves, and miss nothing."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from hub import urls
from tests.clients.libraries import client
from tests.clients.programs import Client
from tests.faults.model import (
    PROJECT_UPDATED,
    SEGMENTATION_UPDATED,
    Chronicle,
    Images,
    Numbers,
    Violation,
)
from tests.faults.processes import HubProcess, hubs
from tests.faults.truth import Truth, truth_of
from tests.hubs import Person
from tests.live.pictures import png

LIBRARIES = ("graphql-ws", "apollo", "graphql-sse")


@pytest.fixture
async def pair(database_url: str, tmp_path: Path) -> AsyncIterator[Sequence[HubProcess]]:
    """Two hubs on one database."""
    async with hubs(tmp_path, database_url, urls.broker_of(database_url), count=2) as running:
        yield running


def knows(node: Client, project: str, truth: Truth) -> bool:
    """Tell whether all that the client was told comes to the truth. Raises Violation."""
    numbers, images = Numbers(Chronicle(), project), Images(Chronicle(), project)
    for event in node.events:
        match event:
            case {"id": "numbers", "result": result}:
                if result["data"]["projectUpdated"]["operation"] == "SNAPSHOT":
                    numbers.lose_sight()
                numbers.take(json.dumps(result).encode())
            case {"id": "images", "result": result}:
                images.take(json.dumps(result).encode())
            case {"id": _}:
                raise Violation(f"ended: {event}")
    return numbers.stats == truth.stats and images.images == truth.images[project]


async def all_know(nodes: Sequence[Client], project: str, database_url: str) -> None:
    """Wait until all clients know the truth."""
    truth = await truth_of(database_url)
    for node in nodes:
        await node.until(partial(knows, node, project, truth))


async def test_clients_whose_hub_is_restarted_resume_and_miss_nothing(
    pair: Sequence[HubProcess], database_url: str
) -> None:
    hub, other = pair
    async with httpx.AsyncClient(base_url=other.url) as http, AsyncExitStack() as stack:
        ada = await Person(other.url, http).sign_up("Ada")
        token = ada.headers["Authorization"].removeprefix("Bearer ")
        created = await ada.do("createProject", "{ project { id } }", name="Cells")
        project = created["project"]["id"]
        uploaded = await ada.upload(project, *((f"{shade}.png", png(shade)) for shade in range(4)))
        changed, deleted, *_ = (image["id"] for image in uploaded["images"])
        nodes = [
            await stack.enter_async_context(client(library, hub.url, token))
            for library in LIBRARIES
        ]
        for node in nodes:
            node.subscribe("numbers", PROJECT_UPDATED, projectId=project)
            node.subscribe("images", SEGMENTATION_UPDATED, projectId=project, after=0)
        await all_know(nodes, project, database_url)

        assert await hub.stop() == 0
        await ada.do("setSegmentationStatus", "{ image { id } }", imageId=changed, status="QUEUED")
        await ada.do("deleteImages", "{ deletedIds }", imageIds=[deleted])
        await ada.upload(project, ("new.png", png(9)))
        await hub.start()
        await all_know(nodes, project, database_url)
        await ada.do("setSegmentationStatus", "{ image { id } }", imageId=changed, status="FAILED")
        await all_know(nodes, project, database_url)

    for node, connections in zip(nodes, (2, 2, 4), strict=True):
        assert len(node.told("connected")) == connections
        told = [update["operation"] for update in node.data_of("numbers")]
        assert told.count("SNAPSHOT") == 2
        # What was known already is not told again: four at first, three while away, one in the end.
        assert len(node.data_of("images")) == 4 + 3 + 1
    for node in nodes[:2]:
        restarted, *refused = node.told("closed")
        assert restarted == 1012
        assert set(refused) <= {1006}
