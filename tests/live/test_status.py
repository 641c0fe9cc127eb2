"""Segmentation status through the API: legal moves, whole batches, and races."""

import asyncio
from typing import Any

import pytest

from schema.ids import Kind
from tests.hubs import Person
from tests.live.scenes import Scene, absent, numbers, refusal

LEGAL = {
    "UPLOADED": ["QUEUED"],
    "QUEUED": ["PROCESSING", "UPLOADED", "FAILED"],
    "PROCESSING": ["SEGMENTED", "NO_SEGMENTATION", "FAILED", "QUEUED"],
    "SEGMENTED": ["QUEUED"],
    "NO_SEGMENTATION": ["QUEUED"],
    "FAILED": ["QUEUED"],
}
WAYS = {
    "UPLOADED": [],
    "QUEUED": ["QUEUED"],
    "PROCESSING": ["QUEUED", "PROCESSING"],
    "SEGMENTED": ["QUEUED", "PROCESSING", "SEGMENTED"],
    "NO_SEGMENTATION": ["QUEUED", "PROCESSING", "NO_SEGMENTATION"],
    "FAILED": ["QUEUED", "FAILED"],
}
COUNTERS = {
    "UPLOADED": "uploadedCount",
    "QUEUED": "queuedCount",
    "PROCESSING": "processingCount",
    "SEGMENTED": "segmentedCount",
    "NO_SEGMENTATION": "noSegmentationCount",
    "FAILED": "failedCount",
}
ONE = "{ image { id status revision error { code message retryable } } project { id } }"
MANY = """{ images { id status revision }
    projects { id stats { queuedCount processingCount revision } } }"""
IMAGE = "query($id: ID!) { image(id: $id) { status revision updatedAt error { code } } }"
FAILURE = {"code": "TIMEOUT", "message": "Too slow.", "retryable": True}


async def set_one(person: Person, image: str, status: str, **more: Any) -> dict[str, Any]:
    return await person.do("setSegmentationStatus", ONE, imageId=image, status=status, **more)


async def set_many(person: Person, status: str, *images: str) -> dict[str, Any]:
    changes = [{"imageId": image, "status": status} for image in images]
    return await person.do("setSegmentationStatuses", MANY, changes=changes)


async def bring(person: Person, status: str, *images: str) -> None:
    """Bring fresh images to a status."""
    for step in WAYS[status]:
        await set_many(person, step, *images)


async def state(person: Person, image: str) -> dict[str, Any]:
    found: dict[str, Any] = (await person.ask(IMAGE, id=image))["image"]
    return found


@pytest.mark.parametrize("status", LEGAL)
async def test_an_image_moves_only_where_it_may(status: str, scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, len(LEGAL))
    await bring(ada, status, *images)
    for image, wanted in zip(images, LEGAL, strict=True):
        before = await numbers(ada, project)
        if wanted in LEGAL[status]:
            done = await set_one(ada, image, wanted)
            after = await numbers(ada, project)
            assert done["image"]["status"] == wanted
            assert done["image"]["revision"] == after["revision"] == before["revision"] + 1
            assert after[COUNTERS[wanted]] == before[COUNTERS[wanted]] + 1
            assert after[COUNTERS[status]] == before[COUNTERS[status]] - 1
        else:
            code, message = await refusal(set_one(ada, image, wanted))
            assert code == "CONFLICT"
            assert f"is {status}" in message
            assert f"it can become {' or '.join(LEGAL[status])}, not {wanted}" in message
            assert (await state(ada, image))["status"] == status
            assert await numbers(ada, project) == before


async def test_a_failure_is_kept_until_the_image_moves_on(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    image, other = await scene.images(project, ada, 2)
    await bring(ada, "PROCESSING", image, other)
    failed = await set_one(ada, image, "FAILED", error=FAILURE)
    assert failed["image"]["error"] == FAILURE
    assert (await set_one(ada, other, "FAILED"))["image"]["error"] is None
    assert (await set_one(ada, image, "QUEUED"))["image"]["error"] is None


@pytest.mark.parametrize("status", [status for status in LEGAL if status != "FAILED"])
async def test_an_error_goes_with_failed_only(status: str, scene: Scene, ada: Person) -> None:
    [image] = await scene.images(await scene.project(ada), ada, 1)
    code, message = await refusal(set_one(ada, image, status, error=FAILURE))
    assert code == "BAD_USER_INPUT"
    assert "FAILED only" in message


async def test_a_thousand_images_move_in_one_call(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 1000)
    before = await scene.revision(project)
    order = images[::-1]
    done = await set_many(ada, "QUEUED", *order)
    assert [image["id"] for image in done["images"]] == order
    assert [image["revision"] for image in done["images"]] == list(range(before + 1, before + 1001))
    assert done["projects"] == [
        {
            "id": project,
            "stats": {"queuedCount": 1000, "processingCount": 0, "revision": before + 1000},
        }
    ]


async def test_a_batch_that_can_not_be_is_refused(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    image, *_ = await scene.images(project, ada, 2)
    before = await numbers(ada, project)
    for images, code, said in (
        ([], "BAD_USER_INPUT", "empty"),
        ([image, image], "BAD_USER_INPUT", "twice"),
        ([absent(Kind.IMAGE) for _ in range(1001)], "BAD_USER_INPUT", "1001"),
        ([image, absent(Kind.IMAGE)], "NOT_FOUND", "no such image"),
        ([image, project], "NOT_FOUND", ""),
    ):
        refused, message = await refusal(set_many(ada, "QUEUED", *images))
        assert refused == code
        assert said in message
    assert await numbers(ada, project) == before


async def test_one_illegal_move_stops_the_whole_batch(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 5)
    await set_one(ada, images[3], "QUEUED")
    before = await numbers(ada, project)
    code, message = await refusal(set_many(ada, "QUEUED", *images))
    assert code == "CONFLICT"
    assert "PROCESSING or UPLOADED or FAILED" in message
    assert await numbers(ada, project) == before


async def test_a_batch_may_be_of_several_projects(scene: Scene, ada: Person) -> None:
    one, two = await scene.project(ada), await scene.project(ada)
    first, third = await scene.images(one, ada, 2)
    second, fourth = await scene.images(two, ada, 2)
    done = await set_many(ada, "QUEUED", first, second, third, fourth)
    assert [image["id"] for image in done["images"]] == [first, second, third, fourth]
    assert [image["status"] for image in done["images"]] == ["QUEUED"] * 4
    assert {project["id"]: project["stats"] for project in done["projects"]} == {
        project: {"queuedCount": 2, "processingCount": 0, "revision": 1 + 2 + 2}
        for project in (one, two)
    }


async def test_a_batch_changes_no_project_where_it_may_not_change_all(
    scene: Scene, ada: Person, ben: Person
) -> None:
    mine, shared = await scene.project(ada), await scene.project(ben, viewer=ada)
    hidden = await scene.project(ben)
    [own], [seen], [unseen] = (
        await scene.images(mine, ada, 1),
        await scene.images(shared, ben, 1),
        await scene.images(hidden, ben, 1),
    )
    before = await numbers(ada, mine)
    assert (await refusal(set_many(ada, "QUEUED", own, seen)))[0] == "FORBIDDEN"
    assert (await refusal(set_many(ada, "QUEUED", own, unseen)))[0] == "NOT_FOUND"
    assert await numbers(ada, mine) == before
    for project in (shared, hidden):
        assert (await numbers(ben, project))["queuedCount"] == 0


async def test_a_move_that_is_illegal_in_one_project_stops_those_in_others(
    scene: Scene, ada: Person
) -> None:
    projects = [await scene.project(ada) for _ in range(3)]
    images = [(await scene.images(project, ada, 1))[0] for project in projects]
    await set_one(ada, images[1], "QUEUED")
    before = [await numbers(ada, project) for project in projects]
    assert (await refusal(set_many(ada, "QUEUED", *images)))[0] == "CONFLICT"
    assert [await numbers(ada, project) for project in projects] == before


async def test_of_two_editors_who_move_one_image_one_wins(
    scene: Scene, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, editor=ben)
    images = await scene.images(project, ada, 10)
    before = await scene.revision(project)
    for image in images:
        outcomes = await asyncio.gather(
            *(_outcome(person, [image]) for person in (ada, ben, ada, ben))
        )
        assert sorted(outcomes) == ["CONFLICT"] * 3 + ["ok"]
    found = await numbers(ada, project)
    assert (found["queuedCount"], found["revision"]) == (10, before + 10)


async def test_batches_that_cross_each_other_neither_lock_up_nor_mix(
    scene: Scene, ada: Person, ben: Person
) -> None:
    projects = [await scene.project(ada, editor=ben) for _ in range(2)]
    one, two = [await scene.images(project, ada, 30) for project in projects]
    outcomes = await asyncio.gather(
        _outcome(ada, [*one, *two]),
        _outcome(ben, [*two[::-1], *one[::-1]]),
        _outcome(ada, one[::-1]),
        _outcome(ben, two),
    )
    found = [await numbers(ada, project) for project in projects]
    # All of a project's images moved, and each once.
    assert [stats["queuedCount"] for stats in found] == [30, 30]
    assert [stats["revision"] for stats in found] == [1 + 1 + 30 + 30] * 2
    assert set(outcomes) == {"ok", "CONFLICT"}


async def test_what_waits_for_a_job_moves_with_the_job_only(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 2)
    requested = await ada.do(
        "requestSegmentation", "{ jobs { id } }", projectId=project, imageIds=images
    )
    job, other = (job["id"] for job in requested["jobs"])
    before = await numbers(ada, project)
    for queue_id in (None, other, absent(Kind.JOB)):
        call = set_one(ada, images[0], "PROCESSING", queueId=queue_id)
        code, message = await refusal(call)
        assert code == "CONFLICT"
        assert "queueId" in message
    assert await numbers(ada, project) == before
    for status in ("PROCESSING", "SEGMENTED"):
        done = await set_one(ada, images[0], status, queueId=job)
        assert done["image"]["status"] == status
    code, message = await refusal(set_one(ada, images[0], "QUEUED", queueId=job))
    assert code == "CONFLICT"
    assert "no job" in message


async def _outcome(person: Person, images: list[str]) -> str:
    changes = [{"imageId": image, "status": "QUEUED"} for image in images]
    document = """mutation($input: SetSegmentationStatusesInput!) {
        setSegmentationStatuses(input: $input) { images { id } } }"""
    got = await person.post(document, input={"changes": changes})
    code: str = got["errors"][0]["extensions"]["code"] if "errors" in got else "ok"
    return code
