"""What one account may not do to the streams and calls of all others, however much it watches."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from resolvers.live.segmentation import ImageOperation, ImagesView
from schema import ids
from schema.ids import Kind
from tests.hubs import Person
from tests.live.scenes import Scene, image_key, project_key, user_key

MANY = 40
SHARE = 5
"""How many connections to the database one viewer has at a time."""

ONE = """subscription($id: ID!, $image: ID, $after: BigInt) { segmentationUpdated(
    projectId: $id, imageId: $image, after: $after) { imageId operation revision } }"""
WHO = "{ viewer { name } }"
SEGMENTATION = """subscription($id: ID!, $after: BigInt) { segmentationUpdated(
    projectId: $id, after: $after) { revision image { s%d: segmentation { model } } } }"""


@pytest.fixture(scope="module")
async def eve(scene: Scene) -> Person:
    return await scene.hub.person("Eve")


@asynccontextmanager
async def locked(scene: Scene, table: str) -> AsyncIterator[asyncpg.Connection]:
    """Have whoever reads the table wait until the connection rolls back."""
    connection = await asyncpg.connect(scene.database_url.replace("+asyncpg", ""))
    try:
        await connection.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield connection
    finally:
        await connection.close()


async def waiting(connection: asyncpg.Connection) -> int:
    found: int = await connection.fetchval(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return found


async def until_waiting(connection: asyncpg.Connection, count: int) -> None:
    async with asyncio.timeout(10):
        while await waiting(connection) < count:
            pass


async def queue(
    person: Person, project: str, images: Sequence[str], *, force: bool = False
) -> None:
    values = {"projectId": project, "imageIds": images, "force": force}
    await person.do("requestSegmentation", "{ batchId }", **values)


async def test_who_follows_one_image_reads_no_others(scene: Scene, eve: Person) -> None:
    project = await scene.project(eve)
    first, *others = await scene.images(project, eve, 600)
    view = ImagesView(lambda: scene.lab.database)
    key, gone = (project_key(project), image_key(first)), image_key(others[0])
    await eve.do("deleteImage", "{ deletedIds }", imageId=others[0])
    newest = await scene.revision(project)

    page = await view.read(key, 0, 0)
    assert page is not None
    assert (page.revision, page.more) == (newest, False)
    [(_, update)] = page.events
    assert (update.image_id, update.operation) == (key[1], ImageOperation.CREATED)

    page = await view.read((key[0], gone), 0, 0)
    assert page is not None
    assert (page.revision, page.more) == (newest, False)
    [(revision, update)] = page.events
    assert (revision, update.operation) == (newest, ImageOperation.DELETED)

    page = await view.read(key, newest, newest)
    assert page is not None
    assert (page.revision, page.more, page.events) == (newest, False, [])


async def test_who_follows_one_image_misses_nothing_of_a_change_of_hundreds(
    scene: Scene, eve: Person
) -> None:
    project = await scene.project(eve)
    images = await scene.images(project, eve, 600)
    followed = [images[0], images[300], images[-1]]
    async with eve.connected() as socket:
        streams = [socket.watch(ONE, id=project, image=image, after=0) for image in followed]
        for stream in streams:
            await stream.until(lambda events: len(events) == 1)
        await queue(eve, project, images)
        for stream in streams:
            await stream.until(lambda events: len(events) == 2)
        await eve.do("deleteImages", "{ deletedIds }", imageIds=images)
        for stream in streams:
            await stream.until(lambda events: len(events) == 3)
    for stream, image in zip(streams, followed, strict=True):
        assert {event["imageId"] for event in stream.events} == {image}
        told = [event["operation"] for event in stream.events]
        assert told == ["SNAPSHOT", "UPDATED", "DELETED"]
        revisions = [event["revision"] for event in stream.events]
        assert revisions == sorted(set(revisions))


async def test_others_are_answered_while_ones_subscriptions_wait_for_the_database(
    scene: Scene, eve: Person, ada: Person
) -> None:
    project = await scene.project(eve)
    [image] = await scene.images(project, eve, 1)
    async with eve.connected() as socket, locked(scene, "images") as lock:
        streams = [socket.watch(ONE, id=project, image=image, after=0) for _ in range(MANY)]
        await until_waiting(lock, SHARE)
        for _ in range(MANY):
            assert (await ada.ask(WHO))["viewer"]["name"] == "Ada"
        assert await waiting(lock) == SHARE
        await lock.execute("ROLLBACK")
        for stream in streams:
            await stream.until(lambda events: len(events) == 1)


async def test_others_are_answered_while_shared_renderings_wait_for_the_database(
    scene: Scene, eve: Person, ada: Person
) -> None:
    project = await scene.project(eve)
    image = await scene.lab.segmented(project_key(project), user_key(eve))
    async with eve.connected() as socket:
        # As many documents, as many renderings of each event.
        streams = [
            socket.watch(SEGMENTATION % number, id=project, after=0) for number in range(MANY)
        ]
        for stream in streams:
            await stream.until(lambda events: len(events) == 1)
        async with locked(scene, "segmentations") as lock:
            await queue(eve, project, [ids.encode(Kind.IMAGE, image.id)], force=True)
            await until_waiting(lock, SHARE)
            for _ in range(MANY):
                assert (await ada.ask(WHO))["viewer"]["name"] == "Ada"
            assert await waiting(lock) == SHARE
            await lock.execute("ROLLBACK")
            for stream in streams:
                await stream.until(lambda events: len(events) == 2)
