"""The queue's numbers are measured: positions are counted, the pace is that of jobs that ran."""

import time
from collections.abc import Sequence
from random import Random
from uuid import UUID

import pytest

from persistence import queue_numbers
from persistence.job import ImageJob
from persistence.records import JobState, QueueNumbers
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


async def pace(lab: Lab, model: str = "watershed") -> float | None:
    async with lab.database.reading() as connection:
        return (await queue_numbers.paces(connection, [model])).get(model)


async def estimate(lab: Lab, project_id: UUID) -> float | None:
    async with lab.database.reading() as connection:
        return (await queue_numbers.estimates(connection, [project_id]))[project_id]


async def positions(lab: Lab, entries: Sequence[ImageJob]) -> list[int | None]:
    async with lab.database.reading() as connection:
        found = await queue_numbers.positions(connection, [entry.job.id for entry in entries])
    return [found.get(entry.job.id) for entry in entries]


async def test_a_position_counts_the_jobs_that_are_handed_out_before(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    images = await lab.images(project_id, ada, 4)
    low = await lab.enqueue(images[:2], ada, priority=1)
    high = await lab.enqueue(images[2:], ada, priority=9)
    other = await lab.queued(await lab.project(ada), ada, 2)
    assert await positions(lab, [*low, *high, *other]) == [4, 5, 0, 1, 2, 3]
    [claimed] = await lab.claim(ada)
    assert claimed.job.id == high[0].job.id
    assert await positions(lab, [claimed, *low]) == [None, 3, 4]


async def test_only_jobs_for_the_same_model_are_ahead(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    images = await lab.images(project_id, ada, 2)
    [first] = await lab.enqueue(images[:1], ada, model="cellpose", priority=9)
    [second] = await lab.enqueue(images[1:], ada)
    assert await positions(lab, [first, second]) == [0, 0]


async def test_ten_jobs_of_one_person_are_behind_ten_of_another_who_has_hundreds(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    many = await lab.queued(project_id, ada, 300)
    bob = await lab.user("bob")
    few = await lab.queued(await lab.project(bob), bob, 10)
    assert await positions(lab, few) == [2 * k + 1 for k in range(10)]
    assert await positions(lab, many[:3]) == [0, 2, 4]
    assert await positions(lab, many[-1:]) == [309]


@pytest.mark.parametrize("seed", range(6))
async def test_positions_are_the_order_whoever_asks_for_what(
    lab: Lab, ada: UUID, project_id: UUID, seed: int
) -> None:
    random = Random(seed)
    people = [ada, await lab.user("bob"), await lab.user("cleo")]
    projects = [project_id, await lab.project(people[1]), await lab.project(people[2])]
    entries: list[ImageJob] = []
    for _ in range(12):
        n = random.randrange(3)
        images = await lab.images(projects[n], people[n], random.randint(1, 4))
        entries += await lab.enqueue(images, people[n], priority=random.choice((3, 5)))
    for _ in range(random.randrange(6)):
        await lab.claim_any()
    while waiting := [e for e in entries if (await lab.job(e.job.id)).state is JobState.QUEUED]:
        places = await positions(lab, waiting)
        assert sorted(place for place in places if place is not None) == [*range(len(waiting))]
        [claimed] = await lab.claim_any()
        assert places[[e.job.id for e in waiting].index(claimed.job.id)] == 0
        if len(waiting) < 12:
            order = [claimed.job.id] + [
                (await lab.claim_any())[0].job.id for _ in range(len(waiting) - 1)
            ]
            assert places == [order.index(entry.job.id) for entry in waiting]
            break


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


async def test_who_is_served_for_higher_priorities_before_is_behind_others_in_the_lower_ones(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    bob, cleo = await lab.user("bob"), await lab.user("cleo")
    others = await lab.project(bob), await lab.project(cleo)
    wanted = (
        *((project_id, ada, priority) for priority in (5, 8, 8, 2)),
        *((others[0], bob, priority) for priority in (5, 8, 2)),
        *((others[1], cleo, priority) for priority in (5, 2)),
    )
    entries: list[ImageJob] = []
    for project, person, priority in wanted:
        images = await lab.images(project, person, 1)
        entries += await lab.enqueue(images, person, priority=priority)
    places = await positions(lab, entries)
    order = [(await lab.claim_any())[0].job.id for _ in entries]
    assert places == [order.index(entry.job.id) for entry in entries]


async def test_there_is_no_pace_before_a_job_has_run(lab: Lab, ada: UUID, project_id: UUID) -> None:
    running, cancelled, by_hand, old = await lab.queued(project_id, ada, 4)
    await lab.claim(ada)
    await ran(lab, cancelled, 20, 10, "CANCELLED")
    await ran(lab, by_hand, None, 10)
    await ran(lab, old, 90_000, 86_500)
    assert await pace(lab) is None
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
    assert await pace(lab) == pytest.approx(seconds, rel=0.01)


async def test_failures_take_time_too(lab: Lab, ada: UUID, project_id: UUID) -> None:
    [entry] = await lab.queued(project_id, ada)
    await ran(lab, entry, 30, 10, "FAILED")
    assert await pace(lab) == pytest.approx(20, rel=0.01)


async def test_the_pace_is_that_of_each_model_alone(lab: Lab, ada: UUID, project_id: UUID) -> None:
    images = await lab.images(project_id, ada, 2)
    for number, (model, seconds) in enumerate((("watershed", 10), ("cellpose", 30))):
        [entry] = await lab.enqueue(images[number : number + 1], ada, model=model)
        await ran(lab, entry, seconds, 0)
    assert await pace(lab, "watershed") == pytest.approx(10, rel=0.01)
    assert await pace(lab, "cellpose") == pytest.approx(30, rel=0.01)
    assert await pace(lab, "stardist") is None


async def test_an_estimate_is_what_has_to_end_before_times_the_pace(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    bob = await lab.user("bob")
    other = await lab.project(bob)
    assert await estimate(lab, project_id) is None
    [done] = await lab.queued(project_id, ada)
    assert await estimate(lab, project_id) is None
    await ran(lab, done, 10, 0)
    assert await estimate(lab, project_id) == 0
    assert await estimate(lab, other) is None
    await lab.queued(other, bob, 100)
    await lab.queued(project_id, ada, 3)
    # Three of each, and one more of bob's, who was there before.
    assert await estimate(lab, project_id) == pytest.approx(60, rel=0.05)
    assert await estimate(lab, other) == pytest.approx(1030, rel=0.05)
    await lab.claim_any()
    assert await estimate(lab, project_id) == pytest.approx(60, rel=0.05)


async def test_there_is_no_estimate_while_a_model_that_is_waited_for_was_not_measured(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    [done, *_] = await lab.queued(project_id, ada, 2)
    await ran(lab, done, 10, 0)
    assert await estimate(lab, project_id) == pytest.approx(10, rel=0.05)
    await lab.enqueue(await lab.images(project_id, ada, 1), ada, model="cellpose")
    assert await estimate(lab, project_id) is None


async def test_what_runs_still_counts_in_an_estimate(lab: Lab, ada: UUID, project_id: UUID) -> None:
    [done, *_] = await lab.queued(project_id, ada, 3)
    await ran(lab, done, 10, 0)
    await lab.claim(ada, 2)
    assert await estimate(lab, project_id) == pytest.approx(20, rel=0.05)


async def test_the_queue_is_what_waits_and_what_runs(lab: Lab, ada: UUID, project_id: UUID) -> None:
    await lab.queued(project_id, ada, 3)
    await lab.claim(ada)
    async with lab.database.reading() as connection:
        stats = (await lab.access(connection, project_id, ada)).project.stats
    numbers = QueueNumbers.of(project_id, stats)
    assert (numbers.queued, numbers.processing, numbers.total) == (2, 1, 3)


_ONE_OF_EACH_MODEL = Statement("""
    INSERT INTO segmentation_jobs (id, project_id, image_id, batch_id, requested_by, model,
        priority, state, queued_at)
    SELECT gen_random_uuid(), :project_id, gen_random_uuid(), gen_random_uuid(), :user_id,
        'model ' || number, 5, 'QUEUED', clock_timestamp()
    FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS number
""")


async def test_an_estimate_takes_time_in_proportion_to_the_models_that_are_waited_for(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    async def fastest(first: int, last: int) -> float:
        parameters = {"project_id": project_id, "user_id": ada, "first": first, "last": last}
        async with lab.database.transaction() as unit:
            await unit.connection.execute(_ONE_OF_EACH_MODEL, parameters)
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            await estimate(lab, project_id)
            seconds.append(time.perf_counter() - began)
        return min(seconds)

    few = await fastest(1, 1000)
    many = await fastest(1001, 8000)
    assert many < 25 * few  # eight times as many; where each looked at all, fifty and more
