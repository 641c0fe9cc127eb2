"""Leases: whoever holds one may change its job, nobody else."""

from uuid import UUID, uuid4

import pytest

from persistence import lease, queue
from persistence.ids import new_id
from persistence.records import JobState, ProjectChange, SegmentationStatus
from tests.lab import Lab

S = SegmentationStatus

pytestmark = pytest.mark.usefixtures("audited")


# Leases


async def test_a_lease_is_extended_and_the_progress_noted(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    await lab.queued(project_id, ada)
    [entry] = await lab.claim(ada, seconds=10)
    lab.announced.clear()
    assert await lab.extend(entry, progress=0.25)
    assert await lab.extend(entry)
    now = await lab.job(entry.job.id)
    assert now.progress == 0.25
    assert now.lease_expires_at is not None
    assert entry.job.lease_expires_at is not None
    assert (now.lease_expires_at - entry.job.lease_expires_at).total_seconds() > 49
    assert lab.announced == []


async def test_a_lease_that_is_over_changes_nothing(lab: Lab, ada: UUID, project_id: UUID) -> None:
    await lab.queued(project_id, ada)
    [entry] = await lab.claim(ada)
    await lab.end_leases()
    before = await lab.job(entry.job.id)
    assert not await lab.extend(entry, progress=0.5)
    assert await lab.complete(entry, ada) is None
    assert await lab.fail(entry, ada) is None
    assert await lab.job(entry.job.id) == before
    assert await lab.image(entry.image.id) == entry.image


async def test_another_lease_changes_nothing(lab: Lab, ada: UUID, project_id: UUID) -> None:
    await lab.queued(project_id, ada, 2)
    one, two = await lab.claim(ada, 2)
    async with lab.database.reading() as connection:
        assert two.job.lease is not None
        assert await lease.held(connection, one.job.id, two.job.lease) is None
        assert await lease.held(connection, one.job.id, uuid4()) is None


async def test_a_lost_job_goes_to_another_worker_and_the_first_is_refused(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    await lab.queued(project_id, ada)
    [lost] = await lab.claim(ada)
    await lab.end_leases()
    assert await lease.expire(lab.database) == 1
    waiting = await lab.job(lost.job.id)
    assert (waiting.state, waiting.failure_code) == (JobState.QUEUED, "LEASE_LOST")
    assert (await lab.image(lost.image.id)).status is S.QUEUED
    [again] = await lab.claim(ada)
    assert (again.job.id, again.job.attempt) == (lost.job.id, 2)
    assert await lab.complete(lost, ada) is None
    assert not await lab.extend(lost)
    done = await lab.complete(again, ada)
    assert done is not None
    assert done.status is S.SEGMENTED


async def test_a_job_lost_three_times_has_failed(lab: Lab, ada: UUID, project_id: UUID) -> None:
    await lab.queued(project_id, ada)
    for _ in range(lease.MAX_ATTEMPTS):
        [entry] = await lab.claim(ada)
        await lab.end_leases()
        assert await lease.expire(lab.database) == 1
    failed = await lab.image(entry.image.id)
    assert failed.status is S.FAILED
    assert failed.failure == lease.LEASE_LOST
    assert (await lab.job(entry.job.id)).state is JobState.FAILED
    assert await lab.claim(ada) == []


async def test_losses_are_found_in_all_projects_and_by_parts(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    other = await lab.project(ada)
    await lab.queued(project_id, ada, 5)
    await lab.queued(other, ada, 1)
    claimed = await lab.claim(ada, 6)
    held = claimed[0]
    await lab.end_leases(*(entry.job.id for entry in claimed[1:]))
    lab.announced.clear()
    assert await lease.expire(lab.database, limit=2) == 5
    assert await lease.expire(lab.database) == 0
    assert {type(change) for change in lab.announced} == {ProjectChange}
    assert {change.actor_id for change in lab.announced if isinstance(change, ProjectChange)} == {
        None
    }
    assert await lab.extend(held)
    await lab.audit(other)


async def test_nothing_is_taken_back_of_a_project_that_has_just_gone(lab: Lab) -> None:
    assert await lease._expire_in(lab.database, new_id(), 10) == 0


# Results


@pytest.mark.parametrize(("cells", "status"), [(7, S.SEGMENTED), (0, S.NO_SEGMENTATION)])
async def test_a_result_is_kept_and_the_image_points_at_it(
    lab: Lab, ada: UUID, project_id: UUID, cells: int, status: SegmentationStatus
) -> None:
    await lab.queued(project_id, ada)
    [entry] = await lab.claim(ada)
    lab.announced.clear()
    done = await lab.complete(entry, ada, cells)
    assert done is not None
    assert done == await lab.image(entry.image.id)
    assert done.status is status
    assert done.segmentation_id is not None
    async with lab.database.reading() as connection:
        run = (await queue.segmentations(connection, [done.segmentation_id]))[done.segmentation_id]
    assert (run.image_id, run.project_id, run.model) == (done.id, project_id, "watershed")
    assert (run.cell_count, run.cell_area, run.threshold) == (cells, cells * 2.0, 0.5)
    assert run.created_at == done.updated_at
    ended = await lab.job(entry.job.id)
    assert (ended.state, ended.lease, ended.finished_at) == (
        JobState.SUCCEEDED,
        None,
        done.updated_at,
    )
    [change] = lab.announced
    assert isinstance(change, ProjectChange)
    assert change.images == (done,)


async def test_a_failure_is_retried_where_that_may_help_up_to_three_attempts(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    await lab.queued(project_id, ada)
    statuses, codes = [], []
    for _ in range(lease.MAX_ATTEMPTS):
        [entry] = await lab.claim(ada)
        moved = await lab.fail(entry, ada)
        await lab.end_rests()
        assert moved is not None
        statuses.append(moved.status)
        codes.append(moved.failure and moved.failure.code)
    assert statuses == [S.QUEUED, S.QUEUED, S.FAILED]
    assert codes == [None, None, "TIMEOUT"]
    ended = await lab.job(entry.job.id)
    assert (ended.state, ended.attempt, ended.failure_code) == (JobState.FAILED, 3, "TIMEOUT")


@pytest.mark.parametrize(("attempt", "least", "most"), [(1, 2.5, 7.5), (2, 10, 30)])
async def test_a_job_that_failed_rests_longer_each_time_and_not_all_as_long(
    lab: Lab, ada: UUID, attempt: int, least: float, most: float
) -> None:
    await lab.queued(await lab.project(ada), ada, 20)
    for _ in range(attempt):
        await lab.end_rests()
        for entry in await lab.claim(ada, 20):
            await lab.fail(entry, ada)
    rows = await lab.rows(
        "SELECT EXTRACT(EPOCH FROM available_at - queued_at)::float8 AS rest, queued_at"
        " FROM segmentation_jobs"
    )
    rests = [row.rest for row in rows]
    assert least <= min(rests) < max(rests) <= most
    assert len(set(rests)) == 20
    assert await lab.claim(ada) == []


async def test_a_job_whose_worker_was_lost_does_not_rest(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    await lab.queued(project_id, ada)
    [entry] = await lab.claim(ada)
    await lab.end_leases()
    assert await lease.expire(lab.database) == 1
    assert [again.job.id for again in await lab.claim(ada)] == [entry.job.id]


async def test_a_job_that_is_given_back_waits_where_it_did_and_has_lost_no_attempt(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    first, second = await lab.queued(project_id, ada, 2)
    for _ in range(lease.MAX_ATTEMPTS + 1):
        [entry] = await lab.claim(ada)
        assert entry.job.id == first.job.id
        assert (await lab.give_back(entry, ada)) is not None
    assert await lab.give_back(entry, ada) is None
    waiting = await lab.job(first.job.id)
    assert (waiting.state, waiting.attempt, waiting.lease) == (JobState.QUEUED, 0, None)
    assert waiting.queued_at == first.job.queued_at
    assert (await lab.image(first.image.id)).status is S.QUEUED
    assert (await lab.job(second.job.id)).state is JobState.QUEUED


async def test_a_failure_for_good_is_not_retried(lab: Lab, ada: UUID, project_id: UUID) -> None:
    await lab.queued(project_id, ada)
    [entry] = await lab.claim(ada)
    failed = await lab.fail(entry, ada, retryable=False)
    assert failed is not None
    assert failed.status is S.FAILED
    assert await lab.claim(ada) == []


async def test_a_failure_leaves_the_result_of_an_earlier_run(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    done = await lab.segmented(project_id, ada)
    await lab.enqueue([done], ada)
    [entry] = await lab.claim(ada)
    failed = await lab.fail(entry, ada, retryable=False)
    assert failed is not None
    assert failed.segmentation_id == done.segmentation_id
