"""The snippets of docs/clients.md, library by library, against real hubs."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub import urls
from persistence import changes
from tests.clients.libraries import LIBRARIES, snippet
from tests.clients.programs import Client
from tests.faults.model import Stats
from tests.faults.processes import HubProcess, hubs
from tests.faults.truth import Truth, truth_of
from tests.hubs import PASSWORD, Hub, Person
from tests.lab import Lab
from tests.live.pictures import png, png_of_noise

REFRESH = "refreshSession"
STATUS = "{ image { id } }"


@asynccontextmanager
async def two_hubs(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[list[Any]]:
    """Two hubs on one database, and Ada, who uses the second."""
    broker = urls.broker_of(database_url)
    async with (
        hubs(folder, database_url, broker, count=2, **settings) as (hub, other),
        httpx.AsyncClient(base_url=other.url) as http,
    ):
        ada = await Person(other.url, http).sign_up("Ada")
        await ada.take_key()
        yield [hub, other, ada]


@asynccontextmanager
async def signed_in(hub: HubProcess | Hub, ada: Person) -> AsyncIterator[Sequence[Client]]:
    """A client of each library, that Ada has signed in to."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(snippet(name, hub.url)) for name in LIBRARIES]
        for client in clients:
            client.say(does="signIn", email=ada.email, password=PASSWORD)
        for client in clients:
            await client.until(partial(client.told, "signedIn"))
        yield clients


async def project_of(ada: Person, name: str = "Cells") -> str:
    payload = await ada.do("createProject", "{ project { id } }", name=name)
    project_id: str = payload["project"]["id"]
    return project_id


def knows(client: Client, project: str, truth: Truth) -> bool:
    """Tell whether what the client shows is the truth."""
    # A call that was on its way when the hub ended may be told of, and is made again.
    assert [why for why in client.told("failed") if "not to be reached" not in why] == []
    if not client.told("projects") or not client.told("images"):
        return False
    projects = {each["id"]: each["stats"] for each in client.told("projects")[-1]}
    images = client.told("images")[-1]
    return projects == {key: shown(stats) for key, stats in truth.stats.items()} and {
        image["id"]: (image["status"], image["revision"]) for image in images
    } == dict(truth.images[project])


def shown(stats: Stats) -> dict[str, int]:
    """Return what the clients show of a project's numbers."""
    return {
        "imageCount": stats.image_count,
        "segmentedCount": stats.segmented_count,
        "revision": stats.revision,
    }


async def all_know(clients: Sequence[Client], project: str, database_url: str) -> None:
    """Wait until all clients show the truth."""
    truth = await truth_of(database_url)
    for client in clients:
        await client.until(partial(knows, client, project, truth))


def revisions_told(client: Client) -> list[int]:
    """Return the revisions of all updates of images that came over the wire."""
    received = [each for each in client.told("received") if each["type"] == "next"]
    data = [message["payload"]["data"] or {} for message in received]
    updates = [each["segmentationUpdated"] for each in data if "segmentationUpdated" in each]
    return [update["revision"] for update in updates]


def assert_nothing_came_twice(client: Client) -> None:
    told = revisions_told(client)
    assert told == sorted(set(told)), client.name


@pytest.mark.parametrize("library", LIBRARIES)
async def test_one_signs_in_uploads_with_progress_and_goes_on_after_a_refusal(
    hub: Hub, ada: Person, project: str, library: str
) -> None:
    noise = [png_of_noise(seed, side=2_000) for seed in (1, 2)]
    contents = {"a.png": noise[0], "note.txt": b"no image", "b.png": noise[1]}
    files = [
        {"name": name, "content": b64encode(content).decode()} for name, content in contents.items()
    ]
    async with snippet(library, hub.url) as client:
        client.say(does="signIn", email=ada.email, password="not hers, by far")
        await client.until(lambda: client.told("failed"))
        assert client.told("failed") == ["The e-mail address or the password is wrong."]
        client.say(does="signIn", email=ada.email, password=PASSWORD)
        await client.until(lambda: client.told("signedIn"))
        client.say(does="watch", projectId=project)
        await client.until(lambda: client.told("projects") and client.told("projects")[-1])
        stats = {"imageCount": 0, "segmentedCount": 0, "revision": 1}
        assert client.told("projects")[-1] == [{"id": project, "name": "Cells", "stats": stats}]

        client.say(does="upload", projectId=project, files=files)
        await client.until(lambda: client.told("uploaded"))
        await client.until(lambda: client.told("progress") and client.told("progress")[-1]["done"])
        assert client.told("uploaded")[-1] == {"stored": 2, "rejected": ["note.txt"]}
        first, *_, last = progress = client.told("progress")
        assert not first["done"]
        assert (last["filesTotal"], last["filesStored"], last["filesRejected"]) == (3, 2, 1)
        assert last["bytesReceived"] == sum(map(len, contents.values()))
        for name in ("bytesReceived", "filesStored", "filesRejected", "done"):
            told = [each[name] for each in progress]
            assert told == sorted(told)

        await a_second()
        client.say(does="spoil")
        client.say(does="upload", projectId=project, files=files[:1])
        client.say(does="upload", projectId=project, files=files[:1])
        await client.until(lambda: client.told("images") and len(client.told("images")[-1]) == 4)
        # Both were refused, and had to share what the one refresh brought.
        assert refreshes(client) == 1
        assert len(client.told("failed")) == 1


async def test_after_restarts_all_know_what_happened_meanwhile_and_nothing_comes_twice(
    database_url: str, tmp_path: Path, lab: Lab
) -> None:
    async with two_hubs(database_url, tmp_path) as (hub, _, ada):
        project, gone = await project_of(ada), await project_of(ada, "Trials")
        uploaded = await ada.upload(project, *((f"{shade}.png", png(shade)) for shade in range(4)))
        changed, deleted, purged, _ = (image["id"] for image in uploaded["images"])
        async with signed_in(hub, ada) as clients:
            for client in clients:
                client.say(does="watch", projectId=project)
            await all_know(clients, project, database_url)

            assert await hub.stop() == 0
            await ada.do("setSegmentationStatus", STATUS, imageId=changed, status="QUEUED")
            await ada.do("deleteImages", "{ deletedIds }", imageIds=[deleted])
            await ada.do("deleteProject", "{ projectId }", projectId=gone)
            await ada.upload(await project_of(ada, "New"), ("other.png", png(5)))
            await ada.upload(project, ("new.png", png(9)))
            await hub.start()
            await all_know(clients, project, database_url)
            await ada.do("setSegmentationStatus", STATUS, imageId=changed, status="FAILED")
            brief = await project_of(ada, "Brief")
            await ada.do("deleteProject", "{ projectId }", projectId=brief)
            await all_know(clients, project, database_url)
            for client in clients:
                assert_nothing_came_twice(client)
                # Four at first, three while away, one in the end.
                assert len(revisions_told(client)) == 4 + 3 + 1, client.name

            assert await hub.stop() == 0
            await ada.do("deleteImages", "{ deletedIds }", imageIds=[purged])
            async with lab.database.transaction() as unit:
                # As if they were away for longer than deletions are known.
                assert await changes.purge(unit.connection, older_than_seconds=0) == 2
            await hub.start()
            await all_know(clients, project, database_url)
            await ada.upload(project, ("newer.png", png(7)))
            await all_know(clients, project, database_url)
            for client in clients:
                assert len(revisions_told(client)) == 8 + 3 + 1, client.name


async def test_tokens_that_expire_are_refreshed_and_nobody_notices(
    database_url: str, tmp_path: Path
) -> None:
    async with two_hubs(database_url, tmp_path, access_token_seconds=3) as (hub, _, ada):
        project = await project_of(ada)
        async with signed_in(hub, ada) as clients:
            for client in clients:
                client.say(does="watch", projectId=project)
            await ada.upload(project, ("a.png", png(1)))
            await all_know(clients, project, database_url)
            for client in clients:
                await client.until(partial(has_refreshed, client, 2))
            await ada.upload(project, ("b.png", png(2)))
            await all_know(clients, project, database_url)
            for client in clients:
                assert_nothing_came_twice(client)


async def test_tabs_that_share_a_session_refresh_one_at_a_time(hub: Hub, ada: Person) -> None:
    async with snippet("tabs", hub.url) as tabs:
        tabs.say(does="signIn", email=ada.email, password=PASSWORD)
        await tabs.until(lambda: tabs.told("signedIn"))
        await refresh(tabs)
        await refresh(tabs)
        assert refreshes(tabs) == 2
        tabs.say(does="signOut")
        await tabs.until(lambda: tabs.told("isSignedIn"))
        assert tabs.told("isSignedIn") == [[False, False]]
        assert tabs.told("failed") == []


async def refresh(tabs: Client) -> None:
    """Have both tabs ask at once for another token: they get the same one."""
    await a_second()
    before = len(tabs.told("got"))
    tabs.say(does="refresh")
    await tabs.until(lambda: len(tabs.told("got")) > before)
    one, other = tabs.told("got")[-1]
    assert one == other != tabs.told("refused")[-1]


async def a_second() -> None:
    """Let a second pass: access tokens that are handed out within one are the same."""
    await asyncio.sleep(1)


def has_refreshed(client: Client, times: int) -> bool:
    return refreshes(client) >= times


def refreshes(client: Client) -> int:
    """Return how often a client has refreshed its session."""
    return sum(REFRESH in each for each in client.told("asked"))
