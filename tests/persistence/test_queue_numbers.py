"""The queue's numbers are measured: positions are counted, the pace is that of jobs that ran."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from persistence import queue_numbers
from persistence.job import ImageJob
from persistence.records import QueueNumbers
from persistence.sql import Statement
from tests.lab import Lab

_RAN = Statement("""
    UPDATE segmentation_jobs SET state = :state,
        started_at = clock_timestamp() - make_interval(secs => :started),
        finished_at = clock_timestamp() - make_interval(secs => :finished)
    WHERE id = :id
""")


async def ran(
    lab: Lab, entry: ImageJob, started: float | None, finished: float, state: str = "SUCCEEDED"
) -> None:
    """Let a job have run, between so many seconds ago and so many seconds ago."""
    async with lab.database.transaction() as unit:
        await unit.connection.execute(
            _RAN, {"id": entry.job.id, "started": started, "finished": finished, "state": state}
        )


async def pace(lab: Lab, project_id: UUID) -> float | None:
    async with lab.database.reading() as connection:
        return (await queue_numbers.paces(connection, [project_id])).get(project_id)


async def positions(lab: Lab, entries: Sequence[ImageJob]) -> list[int | None]:
    async with lab.database.reading() as connection:
        found = await queue_numbers.positions(connection, [entry.job.id for entry in entries])
    return [found.get(entry.job.id) for entry in entries]


async def test_a_position_counts_the_jobs_of_the_project_that_are_handed_out_before(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    images = await lab.images(project_id, ada, 4)
    low = await lab.enqueue(images[:2], ada, priority=1)
    high = await lab.enqueue(images[2:], ada, priority=9)
    other = await lab.queued(await lab.project(ada), ada, 2)
    assert await positions(lab, [*low, *high, *other]) == [2, 3, 0, 1, 0, 1]
    [claimed] = [entry for entry in await lab.claim(ada) if entry.job.id == high[0].job.id]
    assert await positions(lab, [claimed, *low]) == [None, 1, 2]


async def test_positions_are_the_order_in_which_jobs_are_handed_out(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    images = await lab.images(project_id, ada, 6)
    entries: list[ImageJob] = []
    for number, priority in enumerate((3, 7, 3, 0, 10, 7)):
        entries += await lab.enqueue(images[number : number + 1], ada, priority=priority)
    places = await positions(lab, entries)
    order = [(await lab.claim(ada))[0].job.id for _ in entries]
    assert places == [order.index(entry.job.id) for entry in entries]


async def test_there_is_no_pace_before_a_job_has_run(lab: Lab, ada: UUID, project_id: UUID) -> None:
    running, cancelled, by_hand, old = await lab.queued(project_id, ada, 4)
    await lab.claim(ada)
    await ran(lab, cancelled, 20, 10, "CANCELLED")
    await ran(lab, by_hand, None, 10)
    await ran(lab, old, 90_000, 86_500)
    assert await pace(lab, project_id) is None
    assert running


@pytest.mark.parametrize(
    ("runs", "seconds"),
    [
        ([(30, 20)], 10),
        ([(40, 30), (30, 20), (20, 10)], 10),  # one worker, one after the other
        ([(40, 20), (40, 20), (40, 20), (40, 20)], 5),  # four workers at once
        ([(7200, 7190), (3600, 3590), (20, 10)], 10),  # idle for hours in between
        ([(40, 20), (30, 10)], 15),  # two that overlap
        ([(100, 10), (90, 80), (70, 60)], 30),  # a long one around short ones
    ],
)
async def test_the_pace_leaves_out_idle_times_and_counts_jobs_that_ran_at_once(
    lab: Lab, ada: UUID, project_id: UUID, runs: list[tuple[float, float]], seconds: float
) -> None:
    entries = await lab.queued(project_id, ada, len(runs))
    for entry, (started, finished) in zip(entries, runs, strict=True):
        await ran(lab, entry, started, finished)
    assert await pace(lab, project_id) == pytest.approx(seconds, rel=0.01)


async def test_failures_take_time_too(lab: Lab, ada: UUID, project_id: UUID) -> None:
    [entry] = await lab.queued(project_id, ada)
    await ran(lab, entry, 30, 10, "FAILED")
    assert await pace(lab, project_id) == pytest.approx(20, rel=0.01)


async def test_the_pace_is_that_of_each_project_alone(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    other = await lab.project(ada)
    for each, seconds in ((project_id, 10), (other, 30)):
        [entry] = await lab.queued(each, ada)
        await ran(lab, entry, seconds, 0)
    async with lab.database.reading() as connection:
        paces = await queue_numbers.paces(connection, [project_id, other])
    assert paces == {
        project_id: pytest.approx(10, rel=0.01),
        other: pytest.approx(30, rel=0.01),
    }


async def test_the_queue_is_what_waits_and_what_runs(lab: Lab, ada: UUID, project_id: UUID) -> None:
    await lab.queued(project_id, ada, 3)
    await lab.claim(ada)
    async with lab.database.reading() as connection:
        stats = (await lab.access(connection, project_id, ada)).project.stats
    numbers = QueueNumbers.of(project_id, stats)
    assert (numbers.queued, numbers.processing, numbers.total) == (2, 1, 3)
