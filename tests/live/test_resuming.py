"""Streams of images that go on where they broke off, and miss nothing."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from websockets import ClientConnection

from persistence import changes
from schema.ids import Kind
from tests.hubs import Person, Stream
from tests.live.deeds import set_status
from tests.live.pictures import png
from tests.live.scenes import Scene, absent, raw_socket, subscribe

IMAGES = """subscription($id: ID!, $after: BigInt, $image: ID) { segmentationUpdated(
    projectId: $id, after: $after, imageId: $image) {
    imageId operation status revision image { id name status revision } } }"""
PRESENCE = "subscription($id: ID!) { presenceChanged(projectId: $id) { users { id } } }"
FRESH = """query($id: ID!) { project(id: $id) { stats { revision }
    images(first: 500) { edges { node { id name status revision } } } } }"""


async def upload(person: Person, project: str, *names: str) -> list[str]:
    uploaded = await person.upload(project, *((name, png()) for name in names))
    return [image["id"] for image in uploaded["images"]]


async def fresh(person: Person, project: str) -> dict[str, Any]:
    """Return the project's images by id, as a query has them."""
    found = (await person.ask(FRESH, id=project))["project"]
    return {edge["node"]["id"]: edge["node"] for edge in found["images"]["edges"]}


def applied(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the images by id, as who got these events has them."""
    images: dict[str, Any] = {}
    for event in events:
        if event["operation"] == "DELETED":
            assert event["image"] is event["status"] is None
            images.pop(event["imageId"], None)
        else:
            assert event["image"]["revision"] == event["revision"]
            assert event["image"]["status"] == event["status"]
            images[event["imageId"]] = event["image"]
    return images


def rising(events: Sequence[dict[str, Any]]) -> bool:
    revisions = [event["revision"] for event in events]
    return revisions == sorted(set(revisions))


async def received(socket: ClientConnection) -> dict[str, Any]:
    """Return the next event of a raw socket's only stream."""
    async with asyncio.timeout(10):
        frame = msgspec.json.decode(await socket.recv())
    assert frame["type"] == "next", frame
    event: dict[str, Any] = frame["payload"]["data"]["segmentationUpdated"]
    return event


async def test_who_comes_back_after_a_broken_connection_misses_nothing(
    scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    kept, changed, deleted = await upload(ada, project, "kept.png", "changed.png", "deleted.png")
    known = []
    async with raw_socket(scene.hub, ada) as socket:
        await socket.recv()
        await subscribe(socket, IMAGES, id=project, after=0)
        known += [await received(socket) for _ in range(3)]
        await set_status(ada, "QUEUED", kept)
        known.append(await received(socket))
        socket.transport.abort()
        await set_status(ada, "QUEUED", changed)
        await set_status(ada, "PROCESSING", changed)
        await ada.do("deleteImages", "{ deletedIds }", imageIds=[deleted])
        passing, created = await upload(ada, project, "passing.png", "created.png")
        await ada.do("deleteImage", "{ deletedIds }", imageId=passing)
    async with ada.connected() as again:
        stream = again.watch(IMAGES, id=project, after=known[-1]["revision"])
        await stream.until(lambda events: len(events) == 4)
        await set_status(ada, "QUEUED", created)
        await stream.until(lambda events: len(events) == 5)
    assert [(event["imageId"], event["operation"]) for event in stream.events] == [
        (changed, "SNAPSHOT"),
        (deleted, "DELETED"),
        (created, "SNAPSHOT"),
        (passing, "DELETED"),
        (created, "UPDATED"),
    ]
    assert rising([*known, *stream.events])
    assert applied([*known, *stream.events]) == await fresh(ada, project)


async def test_between_what_is_replayed_and_what_is_live_there_is_no_gap(
    scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 30)
    streams: dict[int, Stream] = {}
    async with ada.connected() as socket:
        for number, image in enumerate(images):
            # Each begins while the next change is made, and goes on behind the last but two.
            after = await scene.revision(project) - 2
            if number % 3 == 0:
                streams[after] = socket.watch(IMAGES, id=project, after=after)
            await set_status(ada, "QUEUED", image)
        last = await scene.revision(project)
        for stream in streams.values():
            await stream.until(lambda events: events and events[-1]["revision"] == last)
    whole = await fresh(ada, project)
    for after, stream in streams.items():
        assert rising(stream.events)
        newer = {id_: image for id_, image in whole.items() if image["revision"] > after}
        assert applied(stream.events) == newer


async def test_after_0_gives_everything_by_pages_however_much(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 1_201)
    await ada.do("deleteImages", "{ deletedIds }", imageIds=images[:2])
    async with ada.connected() as socket:
        stream = socket.watch(IMAGES, id=project, after=0)
        await stream.until(lambda events: len(events) == 1_201)
        await set_status(ada, "QUEUED", images[-1])
        await stream.until(lambda events: len(events) == 1_202)
    assert rising(stream.events)
    operations = [event["operation"] for event in stream.events]
    assert operations == ["SNAPSHOT"] * 1_199 + ["DELETED"] * 2 + ["UPDATED"]
    assert applied(stream.events).keys() == set(images[2:])


async def test_without_after_only_what_changes_from_now_on_is_told(
    scene: Scene, ada: Person
) -> None:
    ben = await scene.hub.person("Ben")
    project = await scene.project(ada, viewer=ben)
    old, *_ = await scene.images(project, ada, 2)
    async with ben.connected() as bens, ada.connected() as adas:
        stream = bens.watch(IMAGES, id=project)
        # Who watches is present: so Ben's stream has begun once he is.
        present = adas.watch(PRESENCE, id=project)
        await present.until(
            lambda events: events and {"id": ben.id} in events[-1]["users"],
        )
        await set_status(ada, "QUEUED", old)
        [new] = await upload(ada, project, "new.png")
        await ada.do("deleteImage", "{ deletedIds }", imageId=new)
        await stream.until(lambda events: len(events) == 3)
    assert [(event["imageId"], event["operation"]) for event in stream.events] == [
        (old, "UPDATED"),
        (new, "CREATED"),
        (new, "DELETED"),
    ]


async def test_one_image_can_be_followed_alone_to_its_end(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    one, another = await scene.images(project, ada, 2)
    async with ada.connected() as socket:
        stream = socket.watch(IMAGES, id=project, image=one, after=0)
        await stream.until(lambda events: events)
        await set_status(ada, "QUEUED", another, one)
        await set_status(ada, "PROCESSING", another)
        await ada.do("deleteImages", "{ deletedIds }", imageIds=[another, one])
        await stream.until(lambda events: len(events) == 3)
        late = socket.watch(IMAGES, id=project, image=one, after=0)
        await late.until(lambda events: events)
    assert {event["imageId"] for event in stream.events} == {one}
    told = [event["operation"] for event in stream.events]
    assert told == ["SNAPSHOT", "UPDATED", "DELETED"]
    assert [event["operation"] for event in late.events] == ["DELETED"]


async def test_an_image_of_another_project_can_not_be_followed(scene: Scene, ada: Person) -> None:
    project, elsewhere = await scene.project(ada), await scene.project(ada)
    [foreign] = await scene.images(elsewhere, ada, 1)
    async with ada.connected() as socket:
        for image in (foreign, absent(Kind.IMAGE), project):
            stream = socket.watch(IMAGES, id=project, image=image)
            assert await stream.end() == "NOT_FOUND"


async def test_a_cursor_older_than_what_is_known_of_deletions_expires(
    scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    kept, first, second = await scene.images(project, ada, 3)
    for image in (first, second):
        await ada.do("deleteImage", "{ deletedIds }", imageId=image)
        if image == first:
            async with scene.lab.database.reading() as connection:
                await changes.purge(connection, older_than_seconds=0)
    purged = await scene.revision(project) - 1
    async with ada.connected() as socket:
        expired = [socket.watch(IMAGES, id=project, after=after) for after in (1, purged - 1)]
        assert [await stream.end() for stream in expired] == ["CURSOR_EXPIRED"] * 2
        assert [stream.events for stream in expired] == [[], []]
        resumed = socket.watch(IMAGES, id=project, after=purged)
        anew = socket.watch(IMAGES, id=project, after=0)
        await resumed.until(lambda events: events)
        await anew.until(lambda events: len(events) == 2)
    assert [(event["imageId"], event["operation"]) for event in resumed.events] == [
        (second, "DELETED")
    ]
    assert [(event["imageId"], event["operation"]) for event in anew.events] == [
        (kept, "SNAPSHOT"),
        (second, "DELETED"),
    ]


async def test_a_cursor_from_the_future_or_before_the_beginning_is_refused(
    scene: Scene, ada: Person
) -> None:
    """A revision that the project has not reached is of a database that was restored since."""
    project = await scene.project(ada)
    revision = await scene.revision(project)
    async with ada.connected() as socket:
        codes = {
            after: await socket.watch(IMAGES, id=project, after=after).end()
            for after in (revision + 1, 2**53 - 1, -1)
        }
        current = socket.watch(IMAGES, id=project, after=revision)
        [image] = await upload(ada, project, "new.png")
        await current.until(lambda events: events)
    assert codes == {
        revision + 1: "CURSOR_EXPIRED",
        2**53 - 1: "CURSOR_EXPIRED",
        -1: "BAD_USER_INPUT",
    }
    assert [event["imageId"] for event in current.events] == [image]
