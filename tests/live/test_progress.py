"""Progress: told while it is news to whoever selects it, and never of what is over."""

from typing import Any

import pytest

from tests.hubs import Person, Stream
from tests.live.scenes import Scene
from tests.live.working import claim, complete, report, request, worker

UPDATES = """subscription($id: ID!, $image: ID) { segmentationUpdated(
    projectId: $id, imageId: $image) { imageId operation status progress revision queueId } }"""
STATUSES = """subscription($id: ID!) { segmentationUpdated(projectId: $id) {
    status revision } }"""


@pytest.fixture
async def bench(scene: Scene) -> Person:
    return await worker(scene)


def reports(stream: Stream) -> list[float]:
    return [event["progress"] for event in stream.events if event["progress"] is not None]


async def test_progress_reaches_those_who_select_it_without_a_revision_of_its_own(
    scene: Scene, ada: Person, bench: Person
) -> None:
    project = await scene.project(ada)
    [image] = await scene.images(project, ada, 1)
    async with ada.connected() as socket:
        progress = socket.watch(UPDATES, id=project)
        statuses = socket.watch(STATUSES, id=project)
        of_it = socket.watch(UPDATES, id=project, image=image)
        await begun(socket, project)
        [job_id] = await request(ada, project, model=project)
        [job] = await claim(bench, models=[project])
        await report(bench, job, 0.25)
        [*_, told] = await progress.until(lambda events: events and events[-1]["progress"] == 0.25)
        before = await scene.revision(project)
        assert told == {
            "imageId": image,
            "operation": "UPDATED",
            "status": "PROCESSING",
            "progress": 0.25,
            "revision": before,
            "queueId": job_id,
        }
        await report(bench, job, 0.5)
        await of_it.until(lambda events: events and events[-1]["progress"] == 0.5)
        assert await scene.revision(project) == before
        done = await complete(bench, job)
        for stream in (progress, statuses, of_it):
            await stream.until(lambda events: events and events[-1]["status"] == "SEGMENTED")
        assert [event["revision"] for event in statuses.events] == sorted(
            {event["revision"] for event in progress.events}
        )
        assert done["revision"] == statuses.events[-1]["revision"] == before + 1
        assert progress.events[-1]["progress"] is None


async def test_a_flood_of_reports_becomes_a_few_of_which_the_last_is_right(
    scene: Scene, ada: Person, bench: Person
) -> None:
    project = await scene.project(ada)
    await scene.images(project, ada, 1)
    async with ada.connected() as socket:
        progress = socket.watch(UPDATES, id=project)
        await begun(socket, project)
        await request(ada, project, model=project)
        [job] = await claim(bench, models=[project])
        for number in range(1, 101):
            await report(bench, job, number / 100)
        await progress.until(lambda events: events and events[-1]["progress"] == 1)
    told = reports(progress)
    assert told == sorted(set(told))
    assert len(told) < 50


async def test_nothing_is_told_of_progress_behind_the_end_of_the_job(
    scene: Scene, ada: Person, bench: Person
) -> None:
    project = await scene.project(ada)
    await scene.images(project, ada, 20)
    async with ada.connected() as socket:
        progress = socket.watch(UPDATES, id=project)
        await begun(socket, project)
        await request(ada, project, model=project)
        for job in await claim(bench, 20, models=[project]):
            await report(bench, job, 0.1)
            await report(bench, job, 0.9)
            await complete(bench, job)
        await progress.until(lambda events: statuses(events).count("SEGMENTED") == 20)
        [*_] = await request(ada, project, model=project, force=True)
        await progress.until(lambda events: statuses(events).count("QUEUED") == 40)
    over: dict[str, Any] = {}
    for event in progress.events:
        if event["status"] == "SEGMENTED":
            over[event["imageId"]] = event["revision"]
        elif event["progress"] is not None:
            assert event["imageId"] not in over
    revisions = [event["revision"] for event in progress.events]
    assert revisions == sorted(revisions)


async def test_progress_that_comes_after_a_revocation_reaches_nobody_revoked(
    scene: Scene, ada: Person, ben: Person, bench: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    await scene.images(project, ada, 1)
    async with ada.connected() as adas, ben.connected() as bens:
        hers, his = adas.watch(UPDATES, id=project), bens.watch(UPDATES, id=project)
        await begun(adas, project)
        await begun(bens, project)
        await request(ada, project, model=project)
        [job] = await claim(bench, models=[project])
        await report(bench, job, 0.2)
        await his.until(lambda events: events and events[-1]["progress"] == 0.2)
        # Unannounced: the hub has only the database to know it from.
        await scene.revoke(project, ada, ben)
        await report(bench, job, 0.4)
        assert await his.end() == "FORBIDDEN"
        await report(bench, job, 0.6)
        await hers.until(lambda events: events[-1]["progress"] == 0.6)
    assert reports(his) == [0.2]


async def begun(socket: Any, project: str) -> None:
    """Wait until what was subscribed to on the socket before follows its project."""
    numbers = socket.watch("subscription($id: ID!) { presenceChanged(projectId: $id) "
                           "{ users { id } } }", id=project)  # fmt: skip
    await numbers.until(lambda events: events)


def statuses(events: list[Any]) -> list[str]:
    return [event["status"] for event in events]
