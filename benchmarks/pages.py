"""What a page of images costs, far up and far down."""

import time
from typing import NamedTuple

from benchmarks.status import Project

PAGE = """query($id: ID!, $after: String) { project(id: $id) { images(first: 100, after: $after) {
    totalCount pageInfo { endCursor }
    edges { node { id name status width height sizeBytes thumbnailUrl } } } } }"""


class Pages(NamedTuple):
    """Milliseconds on the clock for a page of 100, the median of 20."""

    first: float
    distant: float


def pages(project: Project, number: int) -> Pages:
    """Walk to the page of this number by its cursors; measure it and the first."""
    cursor = None
    for _ in range(number - 1):
        answer = project.server.ask(PAGE, project.token, id=project.id, after=cursor)
        cursor = answer["project"]["images"]["pageInfo"]["endCursor"]
    return Pages(_median(project, None), _median(project, cursor))


def _median(project: Project, cursor: str | None) -> float:
    times = []
    for _ in range(20):
        began = time.perf_counter()
        project.server.ask(PAGE, project.token, id=project.id, after=cursor)
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2] * 1e3
