"""How jobs are handed out: in order, each once, to those who may have them."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest

from persistence import claim
from persistence.change import ProjectAccess
from persistence.claim import Line
from persistence.database import UnitOfWork
from persistence.job import ImageJob
from persistence.records import ProjectChange, ProjectRole, SegmentationStatus
from tests.lab import Lab

S = SegmentationStatus

pytestmark = pytest.mark.usefixtures("audited")


# Handing out


async def test_jobs_are_handed_out_by_priority_then_oldest_first(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    other = await lab.project(ada)
    low = await lab.enqueue(await lab.images(project_id, ada, 2), ada, priority=0)
    middle = await lab.enqueue(await lab.images(other, ada, 2), ada, priority=5)
    high = await lab.enqueue(await lab.images(project_id, ada, 1), ada, priority=10)
    handed_out = [await lab.claim(ada) for _ in range(5)]
    assert [entry.job.id for [entry] in handed_out] == [
        entry.job.id for entry in (*high, *middle, *low)
    ]
    assert await lab.claim(ada) == []
    await lab.audit(other)


async def test_a_claim_takes_many_of_several_projects(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    other = await lab.project(ada)
    await lab.queued(project_id, ada, 3)
    await lab.queued(other, ada, 3)
    claimed = await lab.claim(ada, 4)
    assert len({entry.job.id for entry in claimed}) == 4
    assert sum(entry.job.project_id == project_id for entry in claimed) == 3
    await lab.audit(other)


async def test_a_claimed_job_is_processing_with_a_lease_of_its_own(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    await lab.queued(project_id, ada, 2)
    lab.announced.clear()
    one, two = await lab.claim(ada, 2, seconds=30)
    [change] = lab.announced
    assert isinstance(change, ProjectChange)
    assert (change.stats.queued_count, change.stats.processing_count) == (0, 2)
    assert one.job.lease != two.job.lease
    assert (one.image.status, one.image.job_id) == (S.PROCESSING, one.job.id)
    assert (one.job.attempt, one.job.worker) == (1, "w")
    assert one.job.started_at is not None
    assert one.job.lease_expires_at is not None
    assert (one.job.lease_expires_at - one.job.started_at).total_seconds() == 30
    assert await lab.job(one.job.id) == one.job


async def test_only_jobs_of_the_models_named_are_handed_out(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    images = await lab.images(project_id, ada, 4)
    for number, model in enumerate(("cellpose", "watershed", "stardist", "cellpose")):
        await lab.enqueue(images[number : number + 1], ada, model=model, priority=number)
    claimed = await lab.claim(ada, 10, models=["cellpose", "watershed"])
    assert [entry.image.id for entry in claimed] == [images[n].id for n in (3, 1, 0)]
    assert await lab.claim(ada, 10, models=[]) == []


@pytest.mark.parametrize(
    ("role", "handed_out"),
    [(ProjectRole.OWNER, 1), (ProjectRole.EDITOR, 1), (ProjectRole.VIEWER, 0), (None, 0)],
)
async def test_jobs_go_to_those_who_may_edit_the_project(
    lab: Lab, ada: UUID, project_id: UUID, role: ProjectRole | None, handed_out: int
) -> None:
    worker = await lab.user("worker")
    if role is not None:
        await lab.share(project_id, ada, worker, role)
    await lab.queued(project_id, ada)
    assert len(await lab.claim(worker)) == handed_out


async def test_a_line_whose_first_jobs_are_gone_is_met_with_those_behind_them(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    images = await lab.images(project_id, ada, 4)
    await lab.enqueue(images[:3], ada, priority=5)
    await lab.enqueue(images[3:], ada, priority=4)
    lines = (await lab.shares(ada, 2))[project_id]
    [gone] = await lab.claim(ada)
    async with lab.database.transaction() as unit:
        seen = await lab.access(unit.connection, project_id, ada, lock=True)
        claimed = await take(unit, seen, lines, ada)
    assert [entry.image.id for entry in (gone, *claimed.values())] == [one.id for one in images[:3]]
    async with lab.database.transaction() as unit:
        seen = await lab.access(unit.connection, project_id, ada, lock=True)
        assert await take(unit, seen, lines, ada) == {}


async def take(
    unit: UnitOfWork, seen: ProjectAccess, lines: Sequence[Line], user_id: UUID
) -> Mapping[int, ImageJob]:
    return await claim.claim(unit, seen, lines, worker="w", seconds=60, actor_id=user_id)


# Many at once


async def test_claimers_at_once_get_each_job_once(lab: Lab, ada: UUID, project_id: UUID) -> None:
    other = await lab.project(ada)
    await lab.queued(project_id, ada, 40)
    await lab.queued(other, ada, 40)

    async def work() -> list[ImageJob]:
        mine: list[ImageJob] = []
        while await lab.shares(ada):
            mine += await lab.claim(ada, 3)
        return mine

    shares = await asyncio.gather(*(work() for _ in range(12)))
    claimed = [entry.job.id for mine in shares for entry in mine]
    assert len(claimed) == len(set(claimed)) == 80
    assert sum(1 for mine in shares if mine) > 1
    await lab.audit(other)


async def test_some_of_the_jobs_that_are_next_are_as_many_as_wanted_and_none_else(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    for each in (project_id, await lab.project(ada)):
        for priority in (5, 7):
            await lab.enqueue(await lab.images(each, ada, 3), ada, priority=priority)
    shares = await lab.shares(ada, 10)

    def places(of: Mapping[UUID, Sequence[Line]]) -> set[int]:
        assert all(line.places for lines in of.values() for line in lines)
        return {place for lines in of.values() for line in lines for place in line.places}

    assert places(shares) == set(range(1, 11))
    chosen = [places(claim.some(shares, 2)) for _ in range(50)]
    assert {len(each) for each in chosen} == {2}
    assert len(set().union(*chosen)) > 5
    assert claim.some(shares, 12) == shares
