"""Workers: what they are handed, how they keep it, and what they bring back."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import msgspec
import pytest

import persistence.queue
from persistence.blobs import polygons_key
from persistence.database import Database
from persistence.ids import FIRST_ID
from persistence.job import ImageJob
from persistence.records import (
    JobState,
    ProjectRole,
    SegmentationFailure,
    SegmentationStatus,
)
from persistence.trouble import TooSlow
from resolvers import lease, queue
from resolvers.errors import BadUserInput, Conflict, Forbidden, NotFound, Unauthenticated
from resolvers.lease import Extended
from tests.resolvers.accounts import called
from tests.resolvers.workshop import CELLS, NO_CELLS, SQUARE, TIMEOUT, Workshop

S = SegmentationStatus


@pytest.fixture
async def entry(workshop: Workshop, ada: UUID, project_id: UUID) -> ImageJob:
    """A job that Ada's worker was handed."""
    await workshop.lab.queued(project_id, ada)
    [claimed] = await workshop.claim(ada)
    return claimed


# Claiming


async def test_a_claim_hands_out_jobs_of_all_projects_in_their_order(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    other = await workshop.lab.project(ada)
    first = await workshop.lab.enqueue(await workshop.lab.images(project_id, ada, 2), ada)
    second = await workshop.lab.enqueue(await workshop.lab.images(other, ada, 2), ada, priority=9)
    third = await workshop.lab.queued(project_id, ada, 2)
    claimed = await workshop.claim(ada, 5)
    assert [entry.job.id for entry in claimed] == [
        entry.job.id for entry in (*second, *first, third[0])
    ]
    assert {entry.image.status for entry in claimed} == {S.PROCESSING}
    [last] = await workshop.claim(ada, 5)
    assert last.job.id == third[1].job.id


async def test_a_claim_where_nothing_waits_is_empty(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    await workshop.lab.images(project_id, ada, 1)
    assert await workshop.claim(ada, 100) == []


async def test_a_claim_takes_back_what_was_lost(
    workshop: Workshop, ada: UUID, entry: ImageJob
) -> None:
    assert await workshop.claim(ada) == []
    await workshop.lab.end_leases()
    [again] = await workshop.claim(ada)
    assert (again.job.id, again.job.attempt) == (entry.job.id, 2)
    with pytest.raises(Conflict):
        await workshop.complete(ada, entry)
    assert (await workshop.complete(ada, again)).image.status is S.SEGMENTED


async def test_a_worker_gets_jobs_of_projects_that_it_may_edit(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    await workshop.lab.queued(project_id, ada)
    for role in (None, ProjectRole.VIEWER):
        assert await workshop.claim(await workshop.member(project_id, ada, role)) == []
    editor = await workshop.member(project_id, ada, ProjectRole.EDITOR)
    assert len(await workshop.claim(editor)) == 1


@pytest.mark.parametrize(
    ("limit", "seconds", "models", "message"),
    [
        (0, 60, None, "limit must be 1 to 100"),
        (101, 60, None, "limit must be 1 to 100"),
        (1, 9, None, "leaseSeconds must be 10 to 3600"),
        (1, 3601, None, "leaseSeconds must be 10 to 3600"),
        (1, 60, [""], "model must have"),
        (1, 60, ["m"] * 101, "at most 100"),
    ],
)
async def test_a_claim_that_cannot_be_is_refused(
    workshop: Workshop, limit: int, seconds: int, models: list[str] | None, message: str
) -> None:
    ada = await workshop.lab.user()
    with pytest.raises(BadUserInput, match=message):
        await workshop.claim(ada, limit, models, seconds=seconds)


async def test_jobs_of_a_project_that_has_just_gone_are_passed_over(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    await workshop.lab.queued(project_id, ada)
    lines = (await workshop.lab.shares(ada))[project_id]
    await workshop.lab.delete_project(project_id, ada)
    assert await lease._claim(workshop.context(ada), project_id, lines, "w", 60) == {}


async def test_what_was_handed_out_before_the_database_fails_gets_to_the_worker(
    workshop: Workshop, ada: UUID, project_id: UUID, database_url: str
) -> None:
    lab = workshop.lab
    [first] = await lab.queued(project_id, ada)
    busy = await lab.project(ada)
    await lab.queued(busy, ada)
    hasty = Database(database_url, on_commit=lambda _: None, statement_timeout_seconds=0.5)
    workers = Workshop(lab, replace(workshop.services, database=hasty))
    try:
        async with lab.database.transaction() as unit:
            await lab.access(unit.connection, busy, ada, lock=True)
            [claimed] = await workers.claim(ada, 2)
            assert claimed.job.id == first.job.id
            with pytest.raises(TooSlow):
                await workers.claim(ada, 2)
    finally:
        await hasty.close()


async def test_a_claim_takes_signing_in(workshop: Workshop) -> None:
    with pytest.raises(Unauthenticated):
        await lease.claim(called(workshop.services), worker="w", models=None)


async def test_workers_at_once_empty_the_queue_and_get_each_job_once(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    for each in (project_id, await workshop.lab.project(ada)):
        await workshop.lab.queued(each, ada, 30)

    async def work() -> list[UUID]:
        mine: list[UUID] = []
        while claimed := await workshop.claim(ada, 4):
            mine += [entry.job.id for entry in claimed]
        return mine

    shares = await asyncio.gather(*(work() for _ in range(8)))
    ids = [id_ for mine in shares for id_ in mine]
    assert len(ids) == len(set(ids)) == 60
    await workshop.lab.audit(project_id)


# Keeping


async def test_a_lease_is_extended_from_now(workshop: Workshop, ada: UUID, entry: ImageJob) -> None:
    extended = await workshop.extend(ada, entry, 0.5, seconds=600)
    assert not extended.cancelled
    assert extended.expires_at is not None
    assert entry.job.lease_expires_at is not None
    assert 539 < (extended.expires_at - entry.job.lease_expires_at).total_seconds() < 600
    assert (await workshop.lab.job(entry.job.id)).progress == 0.5


async def test_a_worker_learns_that_its_job_was_cancelled(
    workshop: Workshop, ada: UUID, project_id: UUID, entry: ImageJob
) -> None:
    await workshop.cancel(ada, project_id)
    assert await workshop.extend(ada, entry) == Extended(cancelled=True, expires_at=None)


async def test_a_worker_learns_that_its_image_was_deleted(
    workshop: Workshop, ada: UUID, entry: ImageJob
) -> None:
    await workshop.lab.delete_images([entry.image], ada)
    assert (await workshop.extend(ada, entry)).cancelled


async def test_an_extension_that_cannot_be_is_refused(
    workshop: Workshop, ada: UUID, entry: ImageJob
) -> None:
    for progress in (-0.1, 1.1, float("nan")):
        with pytest.raises(BadUserInput, match="progress must be 0 to 1"):
            await workshop.extend(ada, entry, progress)
    with pytest.raises(BadUserInput, match="leaseSeconds must be"):
        await workshop.extend(ada, entry, seconds=5)


# Bringing back


async def test_a_result_is_stored_and_read_back(
    workshop: Workshop, ada: UUID, project_id: UUID, entry: ImageJob
) -> None:
    finished = await workshop.complete(ada, entry, CELLS, seconds=2.5)
    assert finished.image.status is S.SEGMENTED
    assert finished.access.project.stats.segmented_count == 1
    run_id = finished.image.segmentation_id
    assert run_id is not None
    run = await queue.find_segmentation(workshop.context(ada), run_id)
    assert run is not None
    assert (run.cell_count, run.cell_area, run.processing_seconds) == (2, 200.0, 2.5)
    assert await workshop.keys() == [polygons_key(project_id, run_id)]
    polygons = msgspec.json.decode(await queue.polygons(workshop.context(ada), run))
    assert [each["geometry"]["coordinates"] for each in polygons["features"]] == [
        [SQUARE],
        [SQUARE],
    ]
    await workshop.lab.audit(project_id)


async def test_no_cells_are_a_result(workshop: Workshop, ada: UUID, entry: ImageJob) -> None:
    finished = await workshop.complete(ada, entry, NO_CELLS)
    assert finished.image.status is S.NO_SEGMENTATION
    run = await queue.find_segmentation(
        workshop.context(ada), finished.image.segmentation_id or uuid4()
    )
    assert run is not None
    assert (run.cell_count, run.cell_area) == (0, 0.0)
    assert b'"features":[]' in await queue.polygons(workshop.context(ada), run)


async def test_runs_are_kept_and_the_image_points_at_the_latest(
    workshop: Workshop, ada: UUID, project_id: UUID, entry: ImageJob
) -> None:
    first = await workshop.complete(ada, entry)
    await workshop.request(ada, project_id, force=True)
    [again] = await workshop.claim(ada)
    second = await workshop.complete(ada, again, NO_CELLS)
    assert second.image.segmentation_id != first.image.segmentation_id
    assert first.image.segmentation_id is not None
    assert await queue.find_segmentation(workshop.context(ada), first.image.segmentation_id)
    assert len(await workshop.keys()) == 2


async def test_polygons_that_are_no_good_change_nothing(
    workshop: Workshop, ada: UUID, entry: ImageJob
) -> None:
    outside = {"type": "Polygon", "coordinates": [[[0, 0], [99, 0], [9, 9], [0, 0]]]}
    with pytest.raises(BadUserInput, match="outside the image of 64 × 48 pixels"):
        await workshop.complete(ada, entry, outside)
    with pytest.raises(BadUserInput, match="processingSeconds"):
        await workshop.complete(ada, entry, seconds=-1)
    assert await workshop.lab.job(entry.job.id) == entry.job
    assert await workshop.keys() == []


async def test_a_failure_is_kept_with_the_image(
    workshop: Workshop, ada: UUID, project_id: UUID, entry: ImageJob
) -> None:
    failure = SegmentationFailure(
        code=" BAD_IMAGE ", message="Line 1\nline 2\0\ud800" + "x" * 3000, retryable=False
    )
    finished = await workshop.fail(ada, entry, failure)
    assert finished.image.status is S.FAILED
    kept = (await workshop.lab.image(entry.image.id)).failure
    assert kept == finished.image.failure
    assert kept is not None
    assert (kept.code, kept.message[:15]) == ("BAD_IMAGE", "Line 1\nline 2??")
    assert len(kept.message) == 2000
    assert finished.access.project.stats.failed_count == 1
    await workshop.lab.audit(project_id)


async def test_a_failure_needs_a_code(workshop: Workshop, ada: UUID, entry: ImageJob) -> None:
    with pytest.raises(BadUserInput, match="error's code"):
        await workshop.fail(ada, entry, msgspec.structs.replace(TIMEOUT, code=" "))
    assert (await workshop.lab.job(entry.job.id)).state is JobState.PROCESSING


async def test_a_retryable_failure_goes_back_to_the_queue(
    workshop: Workshop, ada: UUID, entry: ImageJob
) -> None:
    assert (await workshop.fail(ada, entry)).image.status is S.QUEUED
    assert await workshop.claim(ada) == []
    await workshop.lab.end_rests()
    [again] = await workshop.claim(ada)
    assert again.job.attempt == 2


# Fencing


async def refuses(workshop: Workshop, user_id: UUID, entry: ImageJob) -> None:
    """Check that no call about the job is taken, and that none changes anything."""
    job, keys = await workshop.lab.job(entry.job.id), await workshop.keys()
    for call in (workshop.extend, workshop.complete, workshop.fail, workshop.release):
        with pytest.raises(Conflict, match="lease"):
            await call(user_id, entry)
    assert await workshop.lab.job(entry.job.id) == job
    assert await workshop.keys() == keys


async def test_a_lease_that_is_over_is_refused(
    workshop: Workshop, ada: UUID, entry: ImageJob
) -> None:
    await workshop.lab.end_leases()
    await refuses(workshop, ada, entry)


async def test_another_lease_is_refused(workshop: Workshop, ada: UUID, entry: ImageJob) -> None:
    forged = msgspec.structs.replace(entry, job=msgspec.structs.replace(entry.job, lease=uuid4()))
    await refuses(workshop, ada, forged)
    for text in ("", "lease", "0" * 31):
        with pytest.raises(Conflict, match="lease"):
            await lease.extend(workshop.context(ada), entry.job.id, lease=text, progress=None)


async def test_a_job_that_was_done_is_refused(
    workshop: Workshop, ada: UUID, entry: ImageJob
) -> None:
    await workshop.complete(ada, entry)
    await refuses(workshop, ada, entry)


async def test_the_result_of_a_cancelled_job_is_refused_and_its_blob_removed(
    workshop: Workshop, ada: UUID, project_id: UUID, entry: ImageJob
) -> None:
    await workshop.cancel(ada, project_id)
    for call in (workshop.complete, workshop.fail):
        with pytest.raises(Conflict):
            await call(ada, entry)
    assert await workshop.keys() == []
    assert (await workshop.lab.image(entry.image.id)).status is S.UPLOADED


async def test_a_cancellation_that_overtakes_a_result_wins_and_leaves_no_blob(
    workshop: Workshop, ada: UUID, project_id: UUID, entry: ImageJob
) -> None:
    async with workshop.lab.database.transaction() as unit:
        # The project is locked: the result, found good and stored, waits for it.
        seen = await workshop.lab.access(unit.connection, project_id, ada, lock=True)
        completing = asyncio.create_task(workshop.complete(ada, entry))
        while not await workshop.lab.rows(WAITING):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        assert len(await workshop.keys()) == 1
        cancelled = await persistence.queue.cancel(
            unit, seen, after=FIRST_ID, limit=10, actor_id=ada
        )
    assert cancelled.count == 1
    with pytest.raises(Conflict):
        await completing
    assert await workshop.keys() == []
    await workshop.lab.audit(project_id)


WAITING = """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def test_of_two_results_with_one_lease_one_is_kept(
    workshop: Workshop, ada: UUID, project_id: UUID, entry: ImageJob
) -> None:
    results = await asyncio.gather(
        *(workshop.complete(ada, entry) for _ in range(5)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, Conflict)]
    assert len(refused) == 4
    assert len(await workshop.keys()) == 1
    await workshop.lab.audit(project_id)


@pytest.mark.parametrize(("role", "error"), [(ProjectRole.VIEWER, Forbidden), (None, NotFound)])
async def test_a_lease_is_good_only_for_who_may_edit_the_project(
    workshop: Workshop,
    ada: UUID,
    entry: ImageJob,
    role: ProjectRole | None,
    error: type[Exception],
) -> None:
    other = await workshop.member(entry.job.project_id, ada, role)
    for call in (workshop.extend, workshop.complete, workshop.fail):
        with pytest.raises(error) as refusal:
            await call(other, entry)
        assert role or refusal.value.args == ("There is no such job.",)
    assert await workshop.lab.job(entry.job.id) == entry.job
    assert await workshop.keys() == []


async def test_a_job_of_a_deleted_project_is_not_found(
    workshop: Workshop, ada: UUID, project_id: UUID, entry: ImageJob
) -> None:
    await workshop.lab.delete_project(project_id, ada)
    for call in (workshop.extend, workshop.complete, workshop.fail):
        with pytest.raises(NotFound, match="no such job"):
            await call(ada, entry)
