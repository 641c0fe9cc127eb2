"""The queue as it is watched with all that moves in it: pushed when it moved, and only then."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import pytest

from persistence import queue_jobs
from persistence.database import Connection
from persistence.queue_jobs import Queued
from resolvers.live import panels
from tests.hubs import Person, Stream
from tests.live.deeds import revoke, share
from tests.live.scenes import Scene, project_key, user_key
from tests.live.test_visible_projects import Gate
from tests.live.working import claim, complete, report, request
from tests.protocol.streams import streaming

JOBS = """subscription($id: ID!, $images: [ID!], $first: Int) { queueStatsUpdated(projectId: $id) {
    queued processing jobs(imageIds: $images, first: $first) {
        id position progress startedAt image { id name } requestedBy { name } } } }"""
ESTIMATE = """subscription($id: ID!) { queueStatsUpdated(projectId: $id) {
    queued estimatedSeconds } }"""
PLAIN = "subscription($id: ID!) { queueStatsUpdated(projectId: $id) { queued processing } }"
PRESENCE = "subscription($id: ID!) { presenceChanged(projectId: $id) { users { name } } }"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look more often, so that a test need not wait."""
    monkeypatch.setattr(panels, "SECONDS_BETWEEN_LOOKS", 0.1)


@pytest.fixture
def model(request: pytest.FixtureRequest) -> str:
    """A model for which nobody else waits."""
    name: str = request.node.name
    return name[:100]


class Looks:
    """Counts how often the jobs of each project are read."""

    def __init__(self) -> None:
        self.counted: Counter[UUID] = Counter()
        self._read = queue_jobs.first
        self._news = asyncio.Condition()

    async def __call__(
        self, connection: Connection, project_ids: Collection[UUID], **more: Any
    ) -> Mapping[UUID, Sequence[Queued]]:
        async with self._news:
            self.counted.update(project_ids)
            self._news.notify_all()
        return await self._read(connection, project_ids, **more)

    async def at(self, project: str, count: int) -> None:
        """Wait until so many were made at a project."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: self.counted[project_key(project)] >= count)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    noted = Looks()
    monkeypatch.setattr(queue_jobs, "first", noted)
    return noted


def last(stream: Stream) -> list[str]:
    return [job["id"] for job in stream.events[-1]["jobs"]] if stream.events else []


async def until(stream: Stream, *jobs: str) -> None:
    """Wait until these jobs are shown, in this order."""
    await stream.until(lambda _: stream.events and last(stream) == list(jobs))


async def test_jobs_come_start_get_on_and_go(
    scene: Scene, ada: Person, ben: Person, model: str
) -> None:
    project = await scene.project(ada, viewer=ben)
    images = await scene.images(project, ada, 2)
    async with ben.connected() as socket:
        stream = socket.watch(JOBS, id=project)
        await stream.until(lambda events: events == [{"queued": 0, "processing": 0, "jobs": []}])
        ids = await request(ada, project, *images, model=model)
        await until(stream, *ids)
        assert [job["position"] for job in stream.events[-1]["jobs"]] == [0, 1]
        [job] = await claim(ada, models=[model])
        await stream.until(lambda events: events[-1]["processing"] == 1)
        first, second = stream.events[-1]["jobs"]
        assert (first["position"], second["position"]) == (None, 0)
        assert first["startedAt"] is not None
        await report(ada, job, 0.5)
        await stream.until(lambda events: events[-1]["jobs"][0]["progress"] == 0.5)
        await complete(ada, job)
        await until(stream, ids[1])
        await ada.do("cancelSegmentation", "{ cancelledCount }", projectId=project)
        await until(stream)
        assert stream.events[-1] == {"queued": 0, "processing": 0, "jobs": []}
    assert all(one != other for one, other in zip(stream.events, stream.events[1:], strict=False))


async def test_other_jobs_are_told_where_the_numbers_are_the_same(
    scene: Scene, ada: Person, model: str
) -> None:
    project = await scene.project(ada)
    gone, comes = await scene.images(project, ada, 2)
    [before] = await request(ada, project, gone, model=model)
    async with ada.connected() as socket:
        stream, plain = socket.watch(JOBS, id=project), socket.watch(PLAIN, id=project)
        await until(stream, before)
        await plain.until(bool)
        # Nobody hears of these but all at once, with the change behind them.
        key, owner = project_key(project), user_key(ada)
        found = await scene.lab.rows("SELECT id FROM images WHERE project_id = :id", id=key)
        records = {str(row.id.hex): await scene.lab.image(row.id) for row in found}
        await scene.lab.cancel(key, owner, image_ids=[records[gone[4:]].id])
        await scene.lab.enqueue([records[comes[4:]]], owner, model=model)
        await ada.do("updateProject", "{ project { id } }", projectId=project, name="Same")
        await stream.until(lambda _: last(stream) != [before])
        assert [job["image"]["id"] for job in stream.events[-1]["jobs"]] == [comes]
        assert plain.events == [{"queued": 1, "processing": 0}]


async def test_positions_move_with_the_queues_of_others(
    scene: Scene, ada: Person, ben: Person, model: str
) -> None:
    theirs, mine = await scene.project(ben), await scene.project(ada)
    await scene.images(theirs, ben, 3)
    await scene.images(mine, ada, 1)
    await request(ben, theirs, model=model, priority=9)
    [job] = await request(ada, mine, model=model)
    async with ada.connected() as socket:
        stream, plain = socket.watch(JOBS, id=mine), socket.watch(PLAIN, id=mine)
        await until(stream, job)
        await plain.until(bool)
        for ahead in (2, 1, 0):
            await claim(ben, models=[model])
            await stream.until(lambda events, n=ahead: events[-1]["jobs"][0]["position"] == n)
    assert [event["jobs"][0]["position"] for event in stream.events] == [3, 2, 1, 0]
    assert plain.events == [{"queued": 1, "processing": 0}]


async def test_estimates_move_by_themselves_too(
    scene: Scene, ada: Person, ben: Person, model: str
) -> None:
    theirs, mine = await scene.project(ben), await scene.project(ada)
    await scene.images(theirs, ben, 2)
    await scene.images(mine, ada, 1)
    await request(ada, mine, model=model, priority=1)
    async with ada.connected() as socket:
        stream = socket.watch(ESTIMATE, id=mine)
        await stream.until(lambda events: events == [{"queued": 1, "estimatedSeconds": None}])
        await request(ben, theirs, model=model)
        [done] = await claim(ben, models=[model])
        await complete(ben, done)
        await stream.until(lambda events: events[-1]["estimatedSeconds"] is not None)
        assert stream.events[-1]["queued"] == 1


async def test_what_did_not_move_is_not_told_again_and_an_empty_queue_is_not_looked_at(
    scene: Scene, ada: Person, model: str, looks: Looks
) -> None:
    busy, idle = await scene.project(ada), await scene.project(ada)
    await scene.images(busy, ada, 2)
    ids = await request(ada, busy, model=model)
    async with ada.connected() as socket:
        resting, stream = socket.watch(JOBS, id=idle), socket.watch(JOBS, id=busy)
        await resting.until(bool)
        await until(stream, *ids)
        await looks.at(busy, looks.counted[project_key(busy)] + 4)
        assert looks.counted[project_key(idle)] == 1
        assert len(stream.events) == len(resting.events) == 1


async def test_it_is_rendered_once_for_all_who_select_the_same(
    scene: Scene, ada: Person, model: str, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panels, "SECONDS_BETWEEN_LOOKS", 60.0)
    project = await scene.project(ada)
    images = await scene.images(project, ada, 2)
    async with AsyncExitStack() as stack:
        people = [ada, *[await scene.hub.person(f"Guest{number}") for number in range(3)]]
        for person in people[1:]:
            await share(ada, project, person)
        streams = []
        for person in people * 5:
            socket = await stack.enter_async_context(person.connected())
            streams.append(socket.watch(JOBS, id=project))
        for stream in streams:
            await stream.until(bool)
        before = looks.counted[project_key(project)]
        ids = await request(ada, project, images[0], model=model)
        for stream in streams:
            await until(stream, *ids)
        assert looks.counted[project_key(project)] == before + 1
        assert {len(stream.events) for stream in streams} == {2}


async def test_each_is_shown_the_images_that_were_asked_for(
    scene: Scene, ada: Person, model: str
) -> None:
    project, other = await scene.project(ada), await scene.project(ada)
    images, [elsewhere] = await scene.images(project, ada, 2), await scene.images(other, ada, 1)
    await request(ada, other, elsewhere, model=model)
    async with ada.connected() as socket:
        streams = [socket.watch(JOBS, id=project, images=[image]) for image in images]
        both = socket.watch(JOBS, id=project, images=[*images, elsewhere])
        none = socket.watch(JOBS, id=project, images=[elsewhere])
        ids = await request(ada, project, *images, model=model)
        for stream, id_ in zip(streams, ids, strict=True):
            await until(stream, id_)
        await until(both, *ids)
        await none.until(lambda events: events and events[-1]["queued"] == 2)
        assert last(none) == []


async def test_too_much_is_refused_in_what_is_pushed_too(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    async with ada.connected() as socket:
        assert await socket.watch(JOBS, id=project, first=101).end() == "BAD_USER_INPUT"


async def test_whoever_watches_a_queue_is_there(scene: Scene, ada: Person, ben: Person) -> None:
    project = await scene.project(ada, viewer=ben)
    async with ada.connected() as adas, ben.connected() as bens:
        present = adas.watch(PRESENCE, id=project)
        stream = bens.watch(JOBS, id=project)
        await present.until(lambda events: events and len(events[-1]["users"]) == 2)
        await stream.stop()
        await present.until(lambda events: len(events[-1]["users"]) == 1)


async def test_event_streams_get_it_too(scene: Scene, ada: Person, model: str) -> None:
    project = await scene.project(ada)
    await scene.images(project, ada, 1)
    async with streaming(
        scene.hub.http, JOBS, ada._token, path="/graphql", variables={"id": project}
    ) as stream:
        first = await stream.event()
        assert first is not None
        assert first.data["data"]["queueStatsUpdated"]["jobs"] == []
        [id_] = await request(ada, project, model=model)
        second = await stream.event()
        assert second is not None
        assert second.data["data"]["queueStatsUpdated"]["jobs"][0]["id"] == id_


# Who may not


async def test_a_stranger_is_refused_and_a_deleted_project_completes_the_stream(
    scene: Scene, ada: Person, ben: Person, model: str
) -> None:
    project = await scene.project(ada)
    await scene.images(project, ada, 1)
    await request(ada, project, model=model)
    async with ada.connected() as adas, ben.connected() as bens:
        assert await bens.watch(JOBS, id=project).end() == "NOT_FOUND"
        stream = adas.watch(JOBS, id=project)
        await stream.until(bool)
        await ada.do("deleteProject", "{ projectId }", projectId=project)
        assert await stream.end() is None
        assert stream.error is None


async def test_whoever_is_revoked_is_shown_nothing_that_came_behind_it(
    scene: Scene, ada: Person, ben: Person, model: str
) -> None:
    project = await scene.project(ada, viewer=ben)
    before, behind = await scene.images(project, ada, 2)
    [known] = await request(ada, project, before, model=model)
    async with ada.connected() as adas, ben.connected() as bens:
        sure, stream = adas.watch(JOBS, id=project), bens.watch(JOBS, id=project)
        for each in (sure, stream):
            await until(each, known)
        await revoke(ada, project, ben)
        [unknown] = await request(ada, project, behind, model=model)
        await until(sure, known, unknown)
        assert await stream.end() == "FORBIDDEN"
        assert not sure.ended
    assert {job["id"] for event in stream.events for job in event["jobs"]} == {known}


async def test_a_look_that_no_message_preceded_finds_out_who_was_revoked(
    scene: Scene, ada: Person, ben: Person, model: str
) -> None:
    project = await scene.project(ada, viewer=ben)
    before, behind = await scene.images(project, ada, 2)
    [known] = await request(ada, project, before, model=model)
    async with ben.connected() as bens:
        stream = bens.watch(JOBS, id=project)
        await until(stream, known)
        key = project_key(project)
        await scene.revoke(project, ada, ben)
        [image] = [
            await scene.lab.image(row.id)
            for row in await scene.lab.rows(
                "SELECT id FROM images WHERE project_id = :id AND status = 'UPLOADED'", id=key
            )
        ]
        await scene.lab.enqueue([image], user_key(ada), model=model)
        assert await stream.end() == "FORBIDDEN"
    assert {job["image"]["id"] for event in stream.events for job in event["jobs"]} == {before}
    assert behind not in str(stream.events)


async def test_a_revocation_in_the_midst_of_a_look_holds(
    scene: Scene, ada: Person, ben: Person, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await scene.project(ada, viewer=ben)
    before, behind = await scene.images(project, ada, 2)
    [known] = await request(ada, project, before, model=model)
    async with ada.connected() as adas, ben.connected() as bens:
        sure, stream = adas.watch(JOBS, id=project), bens.watch(JOBS, id=project)
        for each in (sure, stream):
            await until(each, known)
        # What is read is read behind the revocation.
        gate = Gate(queue_jobs.first)
        monkeypatch.setattr(queue_jobs, "first", gate)
        gate.close(before=True)
        await gate.held()
        await revoke(ada, project, ben)
        [unknown] = await request(ada, project, behind, model=model)
        gate.open()
        await until(sure, known, unknown)
        assert await stream.end() == "FORBIDDEN"
    assert {job["id"] for event in stream.events for job in event["jobs"]} == {known}
