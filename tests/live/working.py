"""What workers and those who ask for their work do, over the API."""

from typing import Any

from resolvers import worker_keys
from resolvers.passwords import Passwords
from tests.hubs import Person
from tests.live.scenes import Scene

CLAIMED = "{ claimed { lease job { id attempt image { id name url status } } } }"
IMAGE = "{ image { id status revision } }"


async def worker(scene: Scene, name: str = "bench") -> Person:
    """Return a worker with a key that serves all projects."""
    passwords = Passwords(workers=1)
    try:
        secret = await worker_keys.create(scene.lab.database, passwords, name=name)
    finally:
        passwords.close()
    return with_key(scene, secret)


def with_key(scene: Scene, secret: str) -> Person:
    """Return a program that has this API key."""
    program = scene.hub.nobody()
    program._token = secret
    return program


async def request(person: Person, project: str, *images: str, **order: Any) -> list[str]:
    """Ask for the segmentation of images, all if none is named; return the ids of the jobs."""
    chosen = {"imageIds": list(images)} if images else {}
    payload = await person.do(
        "requestSegmentation", "{ jobs { id } }", projectId=project, **chosen, **order
    )
    return [job["id"] for job in payload["jobs"]]


async def claim(person: Person, limit: int = 1, **options: Any) -> list[dict[str, Any]]:
    """Claim jobs; return each with the proof that goes with calls about it."""
    payload = await person.do(
        "claimSegmentationJobs", CLAIMED, worker="bench", limit=limit, **options
    )
    return [
        {**claimed["job"], "proof": {"queueId": claimed["job"]["id"], "lease": claimed["lease"]}}
        for claimed in payload["claimed"]
    ]


async def report(person: Person, job: dict[str, Any], progress: float) -> None:
    """Say how far a job is."""
    await person.do("extendSegmentationLease", "{ cancelled }", progress=progress, **job["proof"])


async def complete(person: Person, job: dict[str, Any], cells: int = 1) -> dict[str, Any]:
    """Hand in so many cells; return the image."""
    rings = [[[x, 1], [x + 1, 1], [x + 1, 2], [x, 1]] for x in range(cells)]
    shapes = {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
    done = await person.do("completeSegmentation", IMAGE, polygons=shapes, **job["proof"])
    image: dict[str, Any] = done["image"]
    return image
