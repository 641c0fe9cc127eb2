"""What it takes to ask a queue for its numbers, and to put more into it."""

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.queue.rates import Queue
from benchmarks.queue.seeds import connected

TIMES = 15
_LAST = """
    SELECT id, project_id FROM segmentation_jobs WHERE state = 'QUEUED'
    ORDER BY available_at DESC LIMIT 1
"""
_SOME = "SELECT id FROM images WHERE project_id = $1 ORDER BY id DESC LIMIT 100"
_JOB = "query($id: ID!) { node(id: $id) { ... on SegmentationJob { position } } }"
_STATS = "query($id: ID!) { project(id: $id) { queue { queued estimatedSeconds } } }"
_EFFICIENCY = "{ dashboard { efficiency { successRate meanWaitSeconds imagesPerHour } } }"
_CANCEL = (
    "mutation($i: CancelSegmentationInput!) { cancelSegmentation(input: $i) { cancelledCount } }"
)
_REQUEST = "mutation($i: RequestSegmentationInput!) { requestSegmentation(input: $i) { jobCount } }"


class Numbers(NamedTuple):
    """Milliseconds a call on the clock, the median: each of what a client may ask of the queue.

    The position is that of the last job. ``request`` queues up to 100 images of a project.
    """

    position: float
    estimate: float
    efficiency: float
    request: float


def numbers(queue: Queue) -> Numbers:
    """Ask for everything several times; jobs are not quite in their places any more."""
    job, project, images = asyncio.run(_last(queue.database_url))
    ask, key = queue.server.ask, queue.member_key
    of_images = {"projectId": project, "imageIds": images}

    def cancel() -> None:
        ask(_CANCEL, key, i=of_images)

    return Numbers(
        position=_median(lambda: ask(_JOB, key, id=job)),
        estimate=_median(lambda: ask(_STATS, key, id=project)),
        efficiency=_median(lambda: ask(_EFFICIENCY, key)),
        request=_median(lambda: ask(_REQUEST, key, i=of_images), before=cancel),
    )


def _median(call: Callable[[], object], *, before: Callable[[], None] = lambda: None) -> float:
    times = []
    for _ in range(TIMES):
        before()
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


async def _last(database_url: str) -> tuple[str, str, list[str]]:
    """Return the last job of the queue, its project, and some of the project's images."""
    connection = await connected(database_url)
    [row] = await connection.fetch(_LAST)
    images = await connection.fetch(_SOME, row["project_id"])
    await connection.close()
    return (
        f"job_{row['id'].hex}",
        f"prj_{row['project_id'].hex}",
        [f"img_{image['id'].hex}" for image in images],
    )
