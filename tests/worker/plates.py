"""A project of images, as the people see it who have them segmented."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.hubs import Hub, Person, Stream
from tests.live.pictures import png

SAMPLES = Path(__file__).parents[2] / "samples"
UPDATES = """subscription($id: ID!) { segmentationUpdated(projectId: $id, after: 0) {
    imageId status progress queueId error { code message retryable } } }"""
IMAGE = """query($id: ID!) { image(id: $id) { status error { code message retryable }
    segmentation { id cellCount model modelVersion parameters threshold polygons
    processingSeconds } } }"""
JOB = "query($id: ID!) { node(id: $id) { ... on SegmentationJob { progress attempt } } }"
DONE = ("SEGMENTED", "NO_SEGMENTATION", "FAILED")


class Plate:
    """A project, its owner, a key for workers, and what the owner is told of its images."""

    def __init__(self, owner: Person, project: str, key: str, updates: Stream) -> None:
        self.owner = owner
        self.project = project
        self.key = key
        self.updates = updates

    async def add(self, *files: tuple[str, bytes]) -> list[str]:
        """Store images; return their ids."""
        files = files or (("cell.png", png(7, side=8)),)
        return [image["id"] for image in (await self.owner.upload(self.project, *files))["images"]]

    async def request(self, *images: str, model: str = "gated", **more: Any) -> list[str]:
        """Have images segmented; return the ids of the jobs."""
        payload = await self.owner.do(
            "requestSegmentation",
            "{ jobs { id } }",
            projectId=self.project,
            imageIds=images or None,
            model=model,
            **more,
        )
        return [job["id"] for job in payload["jobs"]]

    async def requested(self, **more: Any) -> str:
        """Store an image and have it segmented; return its id."""
        [image] = await self.add()
        await self.request(image, **more)
        return image

    def told(self, image: str) -> list[dict[str, Any]]:
        """Return what was told of an image so far."""
        return [event for event in self.updates.events if event["imageId"] == image]

    def statuses(self, image: str) -> list[str]:
        """Return the statuses that were told of an image, without repetitions in a row."""
        found = [event["status"] for event in self.told(image)]
        return [status for i, status in enumerate(found) if i == 0 or found[i - 1] != status]

    async def until(self, image: str, *statuses: str, times: int = 1, seconds: float = 30) -> Any:
        """Wait until an image was told to have one of these statuses, so often; return the last."""

        def reached(_: Any) -> bool:
            return sum(status in statuses for status in self.statuses(image)) >= times

        await self.updates.until(reached, seconds)
        return self.told(image)[-1]

    async def done(self, image: str, seconds: float = 30) -> Any:
        """Wait until an image's job has ended; return the image."""
        await self.until(image, *DONE, seconds=seconds)
        return await self.see(image)

    async def progress(self, job: str, expected: float) -> None:
        """Wait until a job is known to be so far."""
        async with asyncio.timeout(30):
            while (await self.owner.ask(JOB, id=job))["node"]["progress"] != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def see(self, image: str) -> Any:
        """Return an image as it is now."""
        return (await self.owner.ask(IMAGE, id=image))["image"]

    async def attempts(self, job: str) -> int:
        """Return how often a job was handed out."""
        attempt: int = (await self.owner.ask(JOB, id=job))["node"]["attempt"]
        return attempt


@asynccontextmanager
async def plate_on(hub: Hub) -> AsyncIterator[Plate]:
    """Make a project on a hub, whose images are watched within the block."""
    owner = await hub.person("Ada")
    created = await owner.do("createProject", "{ project { id } }", name="Plate 7")
    key = await owner.do("createApiKey", "{ secret }", name="worker")
    project = created["project"]["id"]
    async with owner.connected() as socket:
        updates = socket.watch(UPDATES, id=project)
        yield Plate(owner, project, key["secret"], updates)


def sample(name: str) -> tuple[str, bytes]:
    """Return one of the sample images, as a file to upload."""
    return name, (SAMPLES / name).read_bytes()
