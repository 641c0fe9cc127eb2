"""The hub's main job, from outside: two people, one project, real images."""

from pathlib import Path

from tests.hubs import Hub

SAMPLES = Path(__file__).parents[2] / "samples"
PROJECT = """
  subscription($id: ID) { projectUpdated(projectId: $id) {
    projectId userId operation timestamp revision updates { imageCount segmentedCount
      uploadedCount queuedCount processingCount noSegmentationCount failedCount storageBytes
      revision updatedAt } } }
"""
IMAGES = """
  subscription($id: ID!, $after: BigInt) { segmentationUpdated(projectId: $id, after: $after) {
    imageId operation status revision error { code } image { id name status url thumbnailUrl } } }
"""


async def test_what_one_does_the_other_sees(hub: Hub) -> None:
    ada, ben = await hub.person("Ada"), await hub.person("Ben")
    project = (await ada.do("createProject", "{ project { id } }", name="Nuclei"))["project"]["id"]
    await ada.do(
        "shareProject", "{ project { id } }", projectId=project, email=ben.email, role="VIEWER"
    )
    async with ben.connected() as socket:
        numbers = socket.watch(PROJECT, id=project)
        images = socket.watch(IMAGES, id=project, after=0)
        await numbers.until(lambda events: len(events) == 1)
        names = ["nuclei-fluorescence.tif", "tissue-he.jpg"]
        uploaded = await ada.upload(
            project, *((name, (SAMPLES / name).read_bytes()) for name in names), ("x.png", b"x")
        )
        assert [image["name"] for image in uploaded["images"]] == names
        assert [file["code"] for file in uploaded["rejected"]] == ["NOT_AN_IMAGE"]
        first, second = (image["id"] for image in uploaded["images"])
        await images.until(lambda events: len(events) == 2)
        for status in ("QUEUED", "PROCESSING", "SEGMENTED"):
            await ada.do(
                "setSegmentationStatus", "{ image { status } }", imageId=first, status=status
            )
        await ada.do("deleteImage", "{ deletedIds }", imageId=second)
        await images.until(lambda events: len(events) == 6)
        await numbers.until(
            lambda events: (
                events[-1]["updates"]["segmentedCount"] == 1
                and events[-1]["updates"]["imageCount"] == 1
            )
        )
    assert [event["operation"] for event in images.events] == [
        *["CREATED"] * 2,
        *["UPDATED"] * 3,
        "DELETED",
    ]
    revisions = [event["revision"] for event in images.events]
    assert revisions == sorted(set(revisions))
