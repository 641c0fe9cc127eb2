"""A project whose images are followed, and what comes of that."""

from collections.abc import Sequence
from typing import Any

from tests.hubs import Person
from tests.live.ears import Ear
from tests.live.scenes import Scene

EVENTS = 'cellhub_graphql_operations_total{outcome="ok",type="event"}'


def images_updated(selection: str, more: str = "") -> str:
    """Return a document that follows the images of a project."""
    return f"""subscription($id: ID!, $after: BigInt{more}) {{
        segmentationUpdated(projectId: $id, after: $after) {{ {selection} }} }}"""


class Project:
    """Ada's project with a few images, in which Ben is an editor and Cleo a viewer."""

    def __init__(self, scene: Scene, ada: Person, id_: str, images: Sequence[str]) -> None:
        self.scene = scene
        self.ada = ada
        self.id = id_
        self.spare, *self.images = images

    async def follow(self, ear: Ear, key: str, document: str, **more: Any) -> None:
        """Subscribe to what changes from now on, whenever that begins."""
        after = await self.scene.revision(self.id)
        await ear.subscribe(key, document, id=self.id, after=after, **more)

    async def warm_up(self, *ears: Ear) -> int:
        """Change something that all hear of: what comes then, they are told together."""
        revision = await self.move(self.spare)
        for ear in ears:
            for key in ear.subscribed:
                await ear.until(key, lambda events: revision in revisions(events))
        return revision

    async def move(self, image: str) -> int:
        """Change an image; return its new revision."""
        done = await self.ada.do(
            "setSegmentationStatus", "{ image { revision } }", imageId=image, status="QUEUED"
        )
        revision: int = done["image"]["revision"]
        return revision

    async def give(self, person: Person, role: str) -> None:
        await self.ada.do(
            "shareProject", "{ project { id } }", projectId=self.id, email=person.email, role=role
        )


async def rendered(scene: Scene) -> float:
    """Return how many events the hub has rendered so far."""
    text = (await scene.hub.http.get("/metrics")).text
    [value] = [line.split()[-1] for line in text.splitlines() if line.startswith(EVENTS)]
    return float(value)


def tells(revision: int, events: list[Any]) -> bool:
    return revision in revisions(events)


def revisions(events: list[Any]) -> list[int]:
    return [event["revision"] for event in events]
