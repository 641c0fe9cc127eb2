"""The job that an image waits for, or that a worker is at: all see it who see the image."""

from datetime import datetime
from typing import Any

import pytest

from persistence import queue
from tests.hubs import Person
from tests.live.scenes import Scene, project_key, user_key
from tests.live.test_statements import statements
from tests.live.test_visible_projects import Gate
from tests.live.working import claim, complete, report, request

JOB = "job { id model attempt position progress queuedAt startedAt requestedBy { id name } }"
IMAGES = f"""query($id: ID!) {{ project(id: $id) {{ images(first: 100) {{ edges {{ node {{
    id status {JOB} }} }} }} }} }}"""
UPDATES = f"""subscription($id: ID!) {{ segmentationUpdated(projectId: $id, after: 0) {{
    operation image {{ id status {JOB} }} }} }}"""


async def seen(person: Person, project: str) -> dict[str, Any]:
    """Return the project's images by id."""
    found = await person.ask(IMAGES, id=project)
    return {edge["node"]["id"]: edge["node"] for edge in found["project"]["images"]["edges"]}


async def test_an_image_has_a_job_for_as_long_as_it_is_in_the_queue(
    scene: Scene, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    idle, waiting, worked_at, by_hand = await scene.images(project, ada, 4)
    model = "a model of one image"
    first, second = await request(ada, project, worked_at, waiting, model=model)
    await ada.do("setSegmentationStatus", "{ image { id } }", imageId=by_hand, status="QUEUED")
    [job] = await claim(ada, models=[model])
    await report(ada, job, 0.25)
    images = await seen(ben, project)
    assert images[idle]["job"] is images[by_hand]["job"] is None
    asked_by = {"id": ada.id, "name": "Ada"}
    of_waiting, of_worked_at = images[waiting]["job"], images[worked_at]["job"]
    assert of_waiting == {
        "id": second,
        "model": model,
        "attempt": 0,
        "position": 0,
        "progress": None,
        "queuedAt": of_waiting["queuedAt"],
        "startedAt": None,
        "requestedBy": asked_by,
    }
    assert (of_worked_at["id"], of_worked_at["attempt"]) == (first, 1)
    assert (of_worked_at["position"], of_worked_at["progress"]) == (None, 0.25)
    assert of_worked_at["requestedBy"] == asked_by
    queued, started = (
        datetime.fromisoformat(of_worked_at[key]) for key in ("queuedAt", "startedAt")
    )
    assert queued < started

    await complete(ada, job)
    await ada.do("cancelSegmentation", "{ cancelledCount }", projectId=project)
    assert {image["job"] for image in (await seen(ben, project)).values()} == {None}


async def test_a_job_that_is_tried_again_waits_anew(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    [image] = await scene.images(project, ada, 1)
    await request(ada, project, model="one that fails")
    [job] = await claim(ada, models=["one that fails"])
    first = (await seen(ada, project))[image]["job"]
    error = {"code": "TIMEOUT", "message": "Slow.", "retryable": True}
    await ada.do("failSegmentation", "{ image { id } }", error=error, **job["proof"])
    again = (await seen(ada, project))[image]["job"]
    assert (again["id"], again["attempt"], again["startedAt"]) == (first["id"], 1, None)
    assert again["queuedAt"] > first["startedAt"]


async def test_jobs_of_a_hundred_images_take_one_statement(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    await scene.images(project, ada, 100)
    document = IMAGES.replace(JOB, "job { id queuedAt }")
    with statements() as idle:
        await ada.ask(document, id=project)
    await request(ada, project)
    with statements() as queued:
        found = await ada.ask(document, id=project)
    jobs = {edge["node"]["job"]["id"] for edge in found["project"]["images"]["edges"]}
    assert len(jobs) == 100
    assert len(queued) == len(idle) + 1


async def test_pushed_images_bring_their_jobs_alike_to_all(
    scene: Scene, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    [image] = await scene.images(project, ada, 1)
    async with ada.connected() as adas, ben.connected() as bens:
        streams = [socket.watch(UPDATES, id=project) for socket in (adas, bens)]
        for stream in streams:
            await stream.until(bool)
        [id_] = await request(ada, project, image)
        for stream in streams:
            events = await stream.until(lambda events: events[-1]["image"]["status"] == "QUEUED")
            assert events[0]["image"]["job"] is None
            assert events[-1]["image"]["job"]["id"] == id_
        assert streams[0].events == streams[1].events


async def test_a_job_that_is_over_before_it_is_told_of_is_none(
    scene: Scene, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await scene.project(ada)
    [image] = await scene.images(project, ada, 1)
    async with ada.connected() as socket:
        stream = socket.watch(UPDATES, id=project)
        await stream.until(bool)
        jobs = Gate(queue.jobs)
        monkeypatch.setattr(queue, "jobs", jobs)
        jobs.close(before=True)
        await request(ada, project, image)
        await jobs.held()
        await ada.do("cancelSegmentation", "{ cancelledCount }", projectId=project)
        jobs.open()
        events = await stream.until(
            lambda events: len(events) > 1 and events[-1]["image"]["status"] == "UPLOADED"
        )
        assert {event["image"]["job"] for event in events} == {None}


async def test_a_job_outlives_the_account_that_asked_for_it(scene: Scene, ada: Person) -> None:
    guest = await scene.hub.person("Guest")
    project = await scene.project(ada, editor=guest)
    [image] = await scene.images(project, ada, 1)
    await request(guest, project, image)
    await scene.revoke(project, ada, guest)
    await scene.lab.rows("DELETE FROM users WHERE id = :id RETURNING id", id=user_key(guest))
    job = (await seen(ada, project))[image]["job"]
    assert job["requestedBy"] is None
    await scene.lab.audit(project_key(project))
