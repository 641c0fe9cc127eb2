"""Streams while memberships change: what comes behind a revocation reaches nobody revoked."""

import asyncio
import gc
from typing import Any

import pytest

from tests.hubs import Person, Stream, Subscriber
from tests.live.deeds import revoke, share
from tests.live.scenes import Scene

NUMBERS = """subscription($id: ID) { projectUpdated(projectId: $id) {
    projectId userId operation revision timestamp updates { imageCount revision } } }"""
IMAGES = """subscription($id: ID!, $after: BigInt) { segmentationUpdated(
    projectId: $id, after: $after) { imageId operation status revision } }"""
QUEUE = "subscription($id: ID!) { queueStatsUpdated(projectId: $id) { queued } }"
PRESENCE = "subscription($id: ID!) { presenceChanged(projectId: $id) { users { name } } }"
DASHBOARD = "subscription { dashboardUpdated { projectCount imageCount queuedCount } }"


class Watched:
    """All streams of one project on one socket, with a sibling of another project."""

    def __init__(self, socket: Subscriber, project: str, sibling: str) -> None:
        self.numbers = socket.watch(NUMBERS, id=project)
        self.images = socket.watch(IMAGES, id=project, after=0)
        self.queue = socket.watch(QUEUE, id=project)
        self.presence = socket.watch(PRESENCE, id=project)
        self.sibling = socket.watch(IMAGES, id=sibling, after=0)

    @property
    def all(self) -> dict[str, Stream]:
        return {
            "numbers": self.numbers,
            "images": self.images,
            "queue": self.queue,
            "presence": self.presence,
        }

    async def begun(self) -> None:
        """Wait for what each stream begins with; there must be an image."""
        for stream in (*self.all.values(), self.sibling):
            await stream.until(lambda events: events)

    async def ends(self) -> dict[str, str | None]:
        return {name: await stream.end() for name, stream in self.all.items()}


async def queue_image(person: Person, image: str) -> int:
    """Change an image; return its new revision."""
    done = await person.do(
        "setSegmentationStatus", "{ image { revision } }", imageId=image, status="QUEUED"
    )
    revision: int = done["image"]["revision"]
    return revision


async def create(owner: Person, name: str = "Cells") -> str:
    """Create a project by the API; return its id."""
    made = await owner.do("createProject", "{ project { id } }", name=name)
    project: str = made["project"]["id"]
    return project


def operations(stream: Stream) -> list[tuple[str, str]]:
    return [(event["projectId"], event["operation"]) for event in stream.events]


async def test_a_revoked_person_sees_nothing_that_was_committed_afterwards(
    scene: Scene, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    sibling = await scene.project(ada, viewer=ben)
    images = await scene.images(project, ada, 3)
    [other] = await scene.images(sibling, ada, 1)
    async with ben.connected() as bens, ada.connected() as adas:
        watched = Watched(bens, project, sibling)
        witness = adas.watch(IMAGES, id=project, after=0)
        await watched.begun()
        before = await queue_image(ada, images[0])
        await watched.images.until(lambda events: events[-1]["revision"] == before)
        revoked, *_ = await asyncio.gather(
            revoke(ada, project, ben), *(queue_image(ada, image) for image in images[1:])
        )
        last = await queue_image(ada, other)
        assert await watched.ends() == dict.fromkeys(watched.all, "FORBIDDEN")
        await witness.until(lambda events: len(events) == 6)
        await watched.sibling.until(lambda events: events[-1]["revision"] == last)
        assert not watched.sibling.ended
    assert [event["operation"] for event in watched.numbers.events].count("REVOKED") == 1
    end = watched.numbers.events[-1]
    assert (end["operation"], end["updates"]) == ("REVOKED", None)
    assert all(event["revision"] < revoked for event in watched.images.events)
    assert all(event["revision"] < end["revision"] for event in watched.numbers.events[:-1])


async def test_changes_just_before_and_just_after_a_revocation_are_told_apart(
    scene: Scene, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    images = await scene.images(project, ada, 8)
    async with ben.connected() as socket:
        stream = socket.watch(IMAGES, id=project, after=0)
        await stream.until(lambda events: len(events) == 8)
        before = [await queue_image(ada, image) for image in images[:4]]
        revoked = await revoke(ada, project, ben)
        after = [await queue_image(ada, image) for image in images[4:]]
        assert await stream.end() == "FORBIDDEN"
    assert max(before) < revoked < min(after)
    told = [event["revision"] for event in stream.events[8:]]
    # A client that was slow is told less, but a change that came behind is not among it.
    assert set(told) <= set(before)
    assert told == sorted(told)


@pytest.mark.parametrize("count", [3, 600])
async def test_a_revocation_that_no_message_told_of_holds_all_the_same(
    count: int, scene: Scene, ada: Person, ben: Person
) -> None:
    """However much came behind it, so that it is read from the database, by pages too."""
    project = await scene.project(ada, viewer=ben)
    [image] = await scene.images(project, ada, 1)
    async with ben.connected() as socket:
        watched = Watched(socket, project, project)
        await watched.begun()
        await scene.revoke(project, ada, ben)
        await scene.images(project, ada, count)
        await queue_image(ada, image)
        assert await watched.ends() == dict.fromkeys(watched.all, "FORBIDDEN")
    assert [event["imageId"] for event in watched.images.events] == [image]
    told = [event["operation"] for event in watched.numbers.events]
    assert told == ["SNAPSHOT", "REVOKED"]


async def test_what_was_revoked_can_not_be_watched_again(
    scene: Scene, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    await revoke(ada, project, ben)
    async with ben.connected() as socket:
        for document in (NUMBERS, IMAGES, QUEUE, PRESENCE):
            assert await socket.watch(document, id=project).end() == "NOT_FOUND"


async def test_leaving_ends_ones_own_streams_and_nobody_elses(
    scene: Scene, ada: Person, ben: Person
) -> None:
    cleo = await scene.hub.person("Cleo")
    project = await scene.project(ada, viewer=ben, editor=cleo)
    [image] = await scene.images(project, ada, 1)
    async with ben.connected() as bens, cleo.connected() as cleos:
        mine, hers = Watched(bens, project, project), Watched(cleos, project, project)
        await mine.begun()
        await hers.begun()
        revision = await revoke(ben, project, ben)
        assert await mine.ends() == dict.fromkeys(mine.all, "FORBIDDEN")
        update = (await hers.numbers.until(lambda events: events[-1]["revision"] >= revision))[-1]
        assert (update["operation"], update["userId"]) == ("UPDATED", ben.id)
        await hers.presence.until(
            lambda events: {user["name"] for user in events[-1]["users"]} == {"Cleo"}
        )
        revision = await queue_image(cleo, image)
        await hers.images.until(lambda events: events[-1]["revision"] == revision)
        assert not any(stream.ended for stream in hers.all.values())


async def test_another_role_keeps_the_streams(scene: Scene, ada: Person, ben: Person) -> None:
    project = await scene.project(ada, viewer=ben)
    sibling = await scene.project(ada, viewer=ben)
    [image] = await scene.images(project, ada, 1)
    await scene.images(sibling, ada, 1)
    async with ben.connected() as socket:
        watched = Watched(socket, project, sibling)
        await watched.begun()
        for role in ("EDITOR", "VIEWER", "OWNER"):
            await share(ada, project, ben, role)
        revision = await queue_image(ben, image)
        await watched.images.until(lambda events: events[-1]["revision"] == revision)
        await watched.numbers.until(lambda events: events[-1]["revision"] == revision)
        await watched.queue.until(lambda events: events[-1]["queued"] == 1)
        assert not any(stream.ended for stream in watched.all.values())
    assert {event["operation"] for event in watched.numbers.events} == {"SNAPSHOT", "UPDATED"}


async def test_deleting_a_project_completes_its_streams(
    scene: Scene, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    sibling = await scene.project(ada, viewer=ben)
    await scene.images(project, ada, 1)
    await scene.images(sibling, ada, 1)
    async with ben.connected() as socket:
        watched = Watched(socket, project, sibling)
        await watched.begun()
        await ada.do("deleteProject", "{ projectId }", projectId=project)
        assert await watched.ends() == dict.fromkeys(watched.all, None)
        assert [stream.error for stream in watched.all.values()] == [None] * 4
        assert not watched.sibling.ended
    snapshot, end = watched.numbers.events
    assert (end["operation"], end["updates"], end["userId"]) == ("DELETED", None, ada.id)
    assert end["revision"] == snapshot["revision"] + 1


async def test_all_of_ones_projects_come_and_go_and_the_stream_goes_on(scene: Scene) -> None:
    owner, guest = await scene.hub.person("Owner"), await scene.hub.person("Guest")
    first, home = await create(owner), await create(guest)
    async with owner.connected() as owners, guest.connected() as guests:
        mine, theirs = owners.watch(NUMBERS), guests.watch(NUMBERS)
        for stream in (mine, theirs):
            await stream.until(lambda events: len(events) == 1)
        second = await create(guest, "Guest's")
        await theirs.until(lambda events: len(events) == 2)
        third = await create(owner)
        await mine.until(lambda events: len(events) == 2)
        await share(owner, third, guest)
        await theirs.until(lambda events: len(events) == 3)
        revoked = await revoke(owner, third, guest)
        await theirs.until(lambda events: len(events) == 4)
        await share(owner, third, guest, "EDITOR")
        await theirs.until(lambda events: len(events) == 5)
        await guest.do("revokeAccess", "{ project { id } }", projectId=third, userId=guest.id)
        await theirs.until(lambda events: len(events) == 6)
        await share(owner, first, guest)
        await theirs.until(lambda events: len(events) == 7)
        await owner.do("deleteProject", "{ projectId }", projectId=first)
        await theirs.until(lambda events: len(events) == 8)
        fourth = await create(guest)
        await theirs.until(lambda events: len(events) == 9)
        # What is told of the others comes when it comes.
        await mine.until(lambda _: (first, "DELETED") in operations(mine))
        assert not mine.ended
        assert not theirs.ended
    assert operations(theirs) == [
        (home, "SNAPSHOT"),
        (second, "CREATED"),
        (third, "CREATED"),
        (third, "REVOKED"),
        (third, "CREATED"),
        (third, "REVOKED"),
        (first, "CREATED"),
        (first, "DELETED"),
        (fourth, "CREATED"),
    ]
    assert theirs.events[3]["revision"] == revoked
    assert [event["updates"] is None for event in theirs.events] == [
        operation in ("REVOKED", "DELETED") for _, operation in operations(theirs)
    ]
    assert operations(mine)[:2] == [(first, "SNAPSHOT"), (third, "CREATED")]
    assert [pair for pair in operations(mine) if pair[0] == first][-1] == (first, "DELETED")
    for project in (first, second, third, fourth):
        for stream in (mine, theirs):
            rising = [event["revision"] for event in stream.events if event["projectId"] == project]
            assert rising == sorted(set(rising))


async def test_changes_of_projects_that_came_later_are_told_too(scene: Scene) -> None:
    owner, guest = await scene.hub.person("Owner"), await scene.hub.person("Guest")
    home = await create(guest)
    async with guest.connected() as socket:
        stream = socket.watch(NUMBERS)
        await stream.until(lambda events: len(events) == 1)
        project = await create(owner)
        await share(owner, project, guest)
        await stream.until(lambda events: len(events) == 2)
        uploaded = await owner.upload(
            project, ("a.txt", b"no image"), fields="{ rejected { code } }"
        )
        assert [file["code"] for file in uploaded["rejected"]] == ["NOT_AN_IMAGE"]
        await owner.do("updateProject", "{ project { id } }", projectId=project, name="New")
        await stream.until(lambda events: len(events) == 3)
    assert operations(stream) == [
        (home, "SNAPSHOT"),
        (project, "CREATED"),
        (project, "UPDATED"),
    ]
    assert stream.events[2]["userId"] == owner.id


async def test_a_dashboard_follows_what_one_can_see(scene: Scene) -> None:
    owner, guest = await scene.hub.person("Owner"), await scene.hub.person("Guest")
    project = await create(owner)
    images = await scene.images(project, owner, 2)
    async with guest.connected() as socket:
        stream = socket.watch(DASHBOARD)
        for expected, act in (
            ((0, 0, 0), None),
            ((1, 2, 0), share(owner, project, guest)),
            ((1, 2, 1), queue_image(owner, images[0])),
            ((1, 1, 1), owner.do("deleteImage", "{ deletedIds }", imageId=images[1])),
            ((2, 1, 1), create(guest)),
            ((1, 0, 0), revoke(owner, project, guest)),
        ):
            if act is not None:
                await act
            await stream.until(lambda events, now=expected: events and _numbers(events[-1]) == now)
        asked = await guest.ask("{ dashboard { projectCount imageCount queuedCount } }")
        assert asked["dashboard"] == stream.events[-1]
        assert not stream.ended


async def test_unsubscribing_goes_unnoticed(
    scene: Scene, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    project = await scene.project(ada)
    await scene.images(project, ada, 1)
    async with ada.connected() as socket:
        watched = Watched(socket, project, project)
        everything = [*watched.all.values(), socket.watch(NUMBERS), socket.watch(DASHBOARD)]
        for stream in everything:
            await stream.until(lambda events: events)
            await stream.stop()
        # The socket takes its messages in order: once this is answered, the others have ended.
        late = socket.watch(DASHBOARD)
        await late.until(lambda events: events)
    gc.collect()
    assert [record.getMessage() for record in caplog.records] == []


def _numbers(event: dict[str, Any]) -> tuple[int, int, int]:
    return event["projectCount"], event["imageCount"], event["queuedCount"]
