"""What it costs to set a segmentation status: one by one and in hundreds."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.hubs import Server, owner_of_project
from benchmarks.seeds import fill

ROUNDS = 10
CYCLE = ("QUEUED", "PROCESSING", "SEGMENTED")
ONE = """mutation($i: SetSegmentationStatusInput!) { setSegmentationStatus(input: $i) {
    image { id status revision } project { stats { imageCount segmentedCount revision } } } }"""
MANY = """mutation($i: SetSegmentationStatusesInput!) { setSegmentationStatuses(input: $i) {
    images { id status } projects { stats { imageCount segmentedCount revision } } } }"""


class Cost(NamedTuple):
    """Per change: CPU of the server's process and time on the clock, in microseconds."""

    cpu: float
    wall: float


class Project:
    """A project on a server, and the ids of some of its images."""

    def __init__(self, server: Server, token: str, project_id: str, images: Sequence[str]) -> None:
        self.server = server
        self.token = token
        self.id = project_id
        self.images = images

    @classmethod
    def of_size(cls, server: Server, database_url: str, images: int) -> "Project":
        """Make a project with so many images."""
        token, project_id, key = owner_of_project(server, f"project-{images}")
        return cls(server, token, project_id, asyncio.run(fill(database_url, key, images)))

    def elsewhere(self, server: Server) -> "Project":
        """Return the same project on another server of the same database."""
        return Project(server, self.token, self.id, self.images)

    def one_by_one(self, changes: int) -> None:
        """Set statuses, one in a call."""
        each = self.images[: changes // len(CYCLE)]
        for status in CYCLE:
            for image in each:
                change = {"imageId": image, "status": status}
                self.server.ask(ONE, self.token, i=change)

    def in_hundreds(self, changes: int) -> None:
        """Set statuses, a hundred in a call."""
        each = self.images[-100:]
        for call in range(changes // len(each)):
            status = CYCLE[call % len(CYCLE)]
            batch = [{"imageId": image, "status": status} for image in each]
            self.server.ask(MANY, self.token, i={"changes": batch})


def cost_of(server: Server, work: Callable[[int], None], changes: int) -> Cost:
    """Measure the work, after a warm-up of as much."""
    work(changes)
    cpu, wall = server.cpu_seconds(), time.perf_counter()
    work(changes)
    cpu, wall = server.cpu_seconds() - cpu, time.perf_counter() - wall
    return Cost(cpu / changes * 1e6, wall / changes * 1e6)


def alternating(works: Sequence[tuple[Server, Callable[[int], None]]], changes: int) -> list[Cost]:
    """Measure several works in turns, and take the best of each.

    So what else the machine does falls on all of them.
    """
    rounds = [[cost_of(server, work, changes) for server, work in works] for _ in range(ROUNDS)]
    return [
        Cost(min(cost.cpu for cost in costs), min(cost.wall for cost in costs))
        for costs in zip(*rounds, strict=True)
    ]
