"""The queue from outside: who asks, who works, and what both see of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.hubs import GraphQLFailed, Person

CELL = Path(__file__).parents[2] / "samples" / "cell.png"
JOB = """{ id image { id status project { id } } model threshold priority attempt position
    progress }"""
QUEUE = "queue { projectId queued processing total estimatedSeconds }"
CLAIMED = f"{{ claimed {{ lease leaseExpiresAt job {JOB} }} }}"
RUN = "{ id model threshold cellCount cellArea processingSeconds createdAt polygons }"
DASHBOARD = """{ dashboard { projectCount imageCount segmentedCount queuedCount processingCount
    storageBytes timestamp efficiency { successRate meanWaitSeconds meanRunSeconds imagesPerHour }
} }"""
SQUARE = [[1, 1], [11, 1], [11, 11], [1, 11], [1, 1]]


@pytest.fixture
async def project_id(people: Sequence[Person]) -> str:
    """Ada's project of three images, in which Ben is an editor."""
    ada, ben, _ = people
    made = await ada.do("createProject", "{ project { id } }", name="Nuclei")
    project_id: str = made["project"]["id"]
    await ada.do(
        "shareProject", "{ project { id } }", projectId=project_id, email=ben.email, role="EDITOR"
    )
    picture = CELL.read_bytes()
    await ada.upload(project_id, *((f"{number}.png", picture) for number in range(3)))
    return project_id


async def claim(person: Person, limit: int = 1) -> list[dict[str, Any]]:
    payload = await person.do(
        "claimSegmentationJobs", CLAIMED, worker="bench", limit=limit, leaseSeconds=30
    )
    claimed: list[dict[str, Any]] = payload["claimed"]
    return claimed


async def test_an_image_is_queued_worked_on_and_segmented(
    people: Sequence[Person], project_id: str
) -> None:
    ada, ben, _ = people
    fields = f"{{ batchId jobCount jobs {JOB} project {{ stats {{ queuedCount }} {QUEUE} }} }}"
    requested = await ada.do(
        "requestSegmentation", fields, projectId=project_id, threshold=0.5, priority=7
    )
    assert requested["jobCount"] == 3
    assert [job["position"] for job in requested["jobs"]] == [0, 1, 2]
    assert requested["project"] == {
        "stats": {"queuedCount": 3},
        "queue": {
            "projectId": project_id,
            "queued": 3,
            "processing": 0,
            "total": 3,
            "estimatedSeconds": None,
        },
    }
    [claimed] = await claim(ben)
    job = claimed["job"]
    assert job == requested["jobs"][0] | {
        "attempt": 1,
        "position": None,
        "image": {**job["image"], "status": "PROCESSING"},
    }
    extended = await ben.do(
        "extendSegmentationLease",
        "{ cancelled leaseExpiresAt }",
        queueId=job["id"],
        lease=claimed["lease"],
        progress=0.25,
    )
    assert not extended["cancelled"]
    assert extended["leaseExpiresAt"] > claimed["leaseExpiresAt"]
    found = await ada.ask("query($id: ID!) { node(id: $id) { ... on SegmentationJob " + JOB + "}}",
                          id=job["id"])  # fmt: skip
    assert found["node"] == job | {"progress": 0.25}
    done = await ben.do(
        "completeSegmentation",
        f"{{ image {{ id status segmentation {RUN} }} project {{ {QUEUE} }} }}",
        queueId=job["id"],
        lease=claimed["lease"],
        polygons={"type": "Polygon", "coordinates": [SQUARE]},
        processingSeconds=1.5,
    )
    run = done["image"]["segmentation"]
    assert (done["image"]["id"], done["image"]["status"]) == (job["image"]["id"], "SEGMENTED")
    assert (run["model"], run["threshold"], run["processingSeconds"]) == ("watershed", 0.5, 1.5)
    assert (run["cellCount"], run["cellArea"]) == (1, 100.0)
    assert run["polygons"]["features"][0]["geometry"]["coordinates"] == [SQUARE]
    assert done["project"]["queue"]["total"] == 2
    assert done["project"]["queue"]["estimatedSeconds"] > 0
    found = await ada.ask(
        "query($id: ID!) { node(id: $id) { ... on Segmentation " + RUN + "}}", id=run["id"]
    )
    assert found["node"] == run


async def test_what_is_cancelled_is_as_it_was_and_its_worker_is_told(
    people: Sequence[Person], project_id: str
) -> None:
    ada, ben, _ = people
    requested = await ada.do("requestSegmentation", "{ batchId }", projectId=project_id)
    [claimed] = await claim(ben)
    cancelled = await ada.do(
        "cancelSegmentation",
        "{ cancelledCount project { stats { uploadedCount queuedCount processingCount } } }",
        projectId=project_id,
        batchId=requested["batchId"],
    )
    assert cancelled["cancelledCount"] == 3
    assert cancelled["project"]["stats"] == {
        "uploadedCount": 3,
        "queuedCount": 0,
        "processingCount": 0,
    }
    proof = {"queueId": claimed["job"]["id"], "lease": claimed["lease"]}
    extended = await ben.do("extendSegmentationLease", "{ cancelled leaseExpiresAt }", **proof)
    assert extended == {"cancelled": True, "leaseExpiresAt": None}
    with pytest.raises(GraphQLFailed) as refusal:
        await ben.do(
            "completeSegmentation",
            "{ image { id } }",
            polygons={"type": "FeatureCollection", "features": []},
            **proof,
        )
    assert refusal.value.code == "CONFLICT"


async def test_images_are_queued_and_cancelled_by_their_ids(
    people: Sequence[Person], project_id: str
) -> None:
    ada, *_ = people
    query = "query($id: ID!) { project(id: $id) { images { edges { node { id } } } } }"
    found = await ada.ask(query, id=project_id)
    one, two, _ = (edge["node"]["id"] for edge in found["project"]["images"]["edges"])
    jobs = "{ jobs { image { id } priority threshold model } }"
    requested = await ada.do(
        "requestSegmentation", jobs, projectId=project_id, imageIds=[two, one], model="stardist"
    )
    assert requested["jobs"] == [
        {"image": {"id": id_}, "priority": 5, "threshold": None, "model": "stardist"}
        for id_ in (two, one)
    ]
    cancelled = await ada.do(
        "cancelSegmentation", "{ cancelledCount }", projectId=project_id, imageIds=[two]
    )
    assert cancelled["cancelledCount"] == 1


async def test_a_failure_that_cannot_be_retried_is_shown_with_the_image(
    people: Sequence[Person], project_id: str
) -> None:
    ada, ben, _ = people
    await ada.do("requestSegmentation", "{ jobCount }", projectId=project_id, model="cellpose")
    [claimed] = await claim(ben)
    error = {"code": "OUT_OF_MEMORY", "message": "8 GB were not enough.", "retryable": False}
    failed = await ben.do(
        "failSegmentation",
        "{ image { status error { code message retryable } } project { stats { failedCount } } }",
        queueId=claimed["job"]["id"],
        lease=claimed["lease"],
        error=error,
    )
    assert failed == {
        "image": {"status": "FAILED", "error": error},
        "project": {"stats": {"failedCount": 1}},
    }


async def test_the_dashboard_adds_up_what_the_viewer_sees(
    people: Sequence[Person], project_id: str
) -> None:
    ada, ben, cleo = people
    await ada.do("requestSegmentation", "{ jobCount }", projectId=project_id)
    one, two = await claim(ben, 2)
    for claimed, cells in ((one, [[SQUARE]]), (two, [])):
        await ben.do(
            "completeSegmentation",
            "{ image { status } }",
            queueId=claimed["job"]["id"],
            lease=claimed["lease"],
            polygons={"type": "MultiPolygon", "coordinates": cells},
        )
    for viewer in (ada, ben):
        seen = (await viewer.ask(DASHBOARD))["dashboard"]
        assert (seen["projectCount"], seen["imageCount"], seen["segmentedCount"]) == (1, 3, 1)
        assert (seen["queuedCount"], seen["processingCount"]) == (1, 0)
        assert seen["storageBytes"] == 3 * CELL.stat().st_size
        assert seen["efficiency"]["successRate"] == 1.0
        assert seen["efficiency"]["meanRunSeconds"] > 0
        assert seen["efficiency"]["imagesPerHour"] == 2 / 24
    seen = (await cleo.ask(DASHBOARD))["dashboard"]
    assert (seen["projectCount"], seen["storageBytes"]) == (0, 0)
    assert seen["efficiency"] == {
        "successRate": None,
        "meanWaitSeconds": None,
        "meanRunSeconds": None,
        "imagesPerHour": 0.0,
    }


async def test_queue_numbers_are_pushed(people: Sequence[Person], project_id: str) -> None:
    ada, ben, _ = people
    query = "subscription($id: ID!) { queueStatsUpdated(projectId: $id) { queued processing } }"
    async with ada.connected() as socket:
        numbers = socket.watch(query, id=project_id)
        await numbers.until(lambda events: len(events) == 1)
        await ada.do("requestSegmentation", "{ jobCount }", projectId=project_id)
        await numbers.until(lambda events: events[-1] == {"queued": 3, "processing": 0})
        await claim(ben, 2)
        await numbers.until(lambda events: events[-1] == {"queued": 1, "processing": 2})
