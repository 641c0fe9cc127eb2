"""The jobs of a queue as people see it: those that run, then those that wait, as they will run."""

from collections.abc import Sequence
from random import Random
from uuid import UUID

import pytest

from persistence import queue_jobs, queue_numbers
from persistence.ids import new_id
from persistence.job import ImageJob
from persistence.queue_jobs import Queued
from persistence.records import JobState, ProjectRole
from persistence.sql import Statement
from tests.lab import Lab


async def first(
    lab: Lab, project_id: UUID, limit: int = 100, image_ids: Sequence[UUID] | None = None
) -> Sequence[Queued]:
    async with lab.database.reading() as connection:
        found = await queue_jobs.first(connection, [project_id], limit=limit, image_ids=image_ids)
    assert found.keys() == {project_id}
    return found[project_id]


def ids(queued: Sequence[Queued]) -> list[UUID]:
    return [each.entry.job.id for each in queued]


async def positions(lab: Lab, entries: Sequence[ImageJob]) -> dict[UUID, int]:
    async with lab.database.reading() as connection:
        found = await queue_numbers.positions(connection, [entry.job.id for entry in entries])
    return dict(found)


async def test_jobs_at_work_come_before_those_that_wait(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    entries = await lab.queued(project_id, ada, 5)
    running = await lab.claim(ada, 2)
    found = await first(lab, project_id)
    assert ids(found) == [entry.job.id for entry in entries]
    assert [each.position for each in found] == [None, None, 0, 1, 2]
    states = [each.entry.job.state for each in found]
    assert states == [JobState.PROCESSING] * 2 + [JobState.QUEUED] * 3
    assert [each.entry for each in found[:2]] == running
    assert all(each.entry.image.id == each.entry.job.image_id for each in found)
    for limit in (1, 2, 4):
        assert await first(lab, project_id, limit) == found[:limit]


async def test_what_has_ended_or_is_of_other_projects_is_not_among_them(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    assert await first(lab, project_id) == []
    done, cancelled, failed, waiting = await lab.queued(project_id, ada, 4)
    claimed = await lab.claim(ada, 3)
    await lab.complete(claimed[0], ada)
    await lab.cancel(project_id, ada, image_ids=[cancelled.image.id])
    await lab.fail(claimed[2], ada, retryable=False)
    await lab.queued(await lab.project(ada), ada, 2)
    assert ids(await first(lab, project_id)) == [waiting.job.id]
    chosen = [entry.image.id for entry in (done, cancelled, failed)]
    assert await first(lab, project_id, image_ids=chosen) == []


async def test_those_of_some_images_come_in_the_same_order(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    await lab.queued(project_id, ada, 8)
    await lab.claim(ada, 2)
    everything = await first(lab, project_id)
    [elsewhere] = await lab.queued(await lab.project(ada), ada)
    chosen = [everything[place] for place in (6, 1, 3)]
    image_ids = [each.entry.image.id for each in chosen]
    found = await first(lab, project_id, image_ids=[*image_ids, elsewhere.image.id, new_id()])
    assert found == [chosen[1], chosen[2], chosen[0]]
    assert await first(lab, project_id, 2, image_ids) == found[:2]
    assert await first(lab, project_id, image_ids=[]) == []


async def test_a_job_that_rests_is_behind_those_that_do_not(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    entries = await lab.queued(project_id, ada, 3)
    [claimed] = await lab.claim(ada)
    await lab.fail(claimed, ada)
    again = [entries[1], entries[2], entries[0]]
    assert ids(await first(lab, project_id)) == [entry.job.id for entry in again]


async def test_several_projects_are_read_together(lab: Lab, ada: UUID, project_id: UUID) -> None:
    other, empty = await lab.project(ada), await lab.project(ada)
    mine, others = await lab.queued(project_id, ada, 3), await lab.queued(other, ada, 3)
    async with lab.database.reading() as connection:
        found = await queue_jobs.first(connection, [project_id, other, empty], limit=2)
    assert {key: ids(each) for key, each in found.items()} == {
        project_id: [entry.job.id for entry in mine[:2]],
        other: [entry.job.id for entry in others[:2]],
        empty: [],
    }
    assert [each.position for each in found[other]] == [3, 4]


@pytest.mark.parametrize("seed", range(8))
async def test_they_are_the_first_by_position_whoever_asks_for_what(
    lab: Lab, ada: UUID, project_id: UUID, seed: int
) -> None:
    random = Random(seed)
    people = [ada, await lab.user("bob"), await lab.user("cleo")]
    projects = [project_id, await lab.project(ada)]
    for project in projects:
        for person in people[1:]:
            await lab.share(project, ada, person, ProjectRole.EDITOR)
    entries: list[ImageJob] = []
    for _ in range(16):
        project, person = random.choice(projects), random.choice(people)
        images = await lab.images(project, ada, random.randint(1, 4))
        model, priority = random.choice(("watershed", "cellpose")), random.choice((3, 5))
        entries += await lab.enqueue(images, person, model=model, priority=priority)
    for _ in range(random.randrange(6)):
        await lab.claim_any()
    places = await positions(lab, entries)
    waiting = [e for e in entries if e.job.project_id == project_id and e.job.id in places]
    waiting.sort(key=lambda e: (-e.job.priority, places[e.job.id], e.job.available_at, e.job.id))
    for limit in (1, 3, 7, 100):
        found = [each for each in await first(lab, project_id, limit) if each.position is not None]
        assert ids(found) == [entry.job.id for entry in waiting[: len(found)]]
        assert [each.position for each in found] == [places[id_] for id_ in ids(found)]
    assert len(found) == len(waiting)


@pytest.mark.parametrize("seed", range(4))
async def test_jobs_for_one_model_are_in_the_order_in_which_they_are_handed_out(
    lab: Lab, ada: UUID, project_id: UUID, seed: int
) -> None:
    random = Random(seed)
    people = [ada, await lab.user("bob"), await lab.user("cleo")]
    for person in people[1:]:
        await lab.share(project_id, ada, person, ProjectRole.EDITOR)
    for _ in range(10):
        images = await lab.images(project_id, ada, random.randint(1, 3))
        await lab.enqueue(images, random.choice(people), priority=random.choice((3, 5)))
    told = ids(await first(lab, project_id))
    assert told == [(await lab.claim_any())[0].job.id for _ in told]


_LINES = Statement("""
    INSERT INTO segmentation_jobs (id, project_id, image_id, batch_id, requested_by, model,
        priority, state, queued_at)
    SELECT gen_random_uuid(), :project_id, i.id, gen_random_uuid(), :user_id,
        'model ' || row_number() OVER (ORDER BY i.id) % 30, 5, 'QUEUED', clock_timestamp()
    FROM images i WHERE i.project_id = :project_id
""")


async def test_more_lines_than_are_wanted_are_looked_at_by_their_first_jobs(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    await lab.images(project_id, ada, 90)
    async with lab.database.transaction() as unit:
        await unit.connection.execute(_LINES, {"project_id": project_id, "user_id": ada})
    found = await first(lab, project_id, 100)
    assert [each.position for each in found] == [number // 30 for number in range(90)]
    for limit in (1, 10, 40, 70):
        assert ids(await first(lab, project_id, limit)) == ids(found)[:limit]
