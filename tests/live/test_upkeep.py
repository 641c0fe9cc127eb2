"""What a hub does by itself."""

import asyncpg

from tests.hubs import Hub
from tests.live.pictures import png

CLAIM = "{ claimed { lease job { id image { status } } } }"
IMAGES = """subscription($id: ID!) { segmentationUpdated(projectId: $id) {
    status queueId image { status } } }"""


async def test_a_job_whose_worker_fell_silent_goes_back_into_the_queue(
    hub: Hub, rows: asyncpg.Connection
) -> None:
    ada = await hub.person("Ada")
    project = (await ada.do("createProject", "{ project { id } }", name="Nuclei"))["project"]["id"]
    await ada.upload(project, ("nuclei.png", png()))
    await ada.do("requestSegmentation", "{ batchId }", projectId=project)
    async with ada.connected() as socket:
        images = socket.watch(IMAGES, id=project)
        numbers = socket.watch(
            "subscription($id: ID!) { projectUpdated(projectId: $id) { revision } }", id=project
        )
        await numbers.until(lambda events: len(events) == 1)
        (claimed,) = (await ada.do("claimSegmentationJobs", CLAIM, worker="silent"))["claimed"]
        await images.until(lambda events: events and events[-1]["status"] == "PROCESSING")
        await rows.execute("UPDATE segmentation_jobs SET lease_expires_at = now()")
        await images.until(lambda events: events[-1]["status"] == "QUEUED")
    assert [event["queueId"] for event in images.events] == [claimed["job"]["id"]] * 2
