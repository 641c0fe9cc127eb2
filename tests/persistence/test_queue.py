"""What people do with the queue: jobs, images and counters move together."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from persistence import image, job, lease, queue, segmentation
from persistence.change import Stale
from persistence.ids import FIRST_ID, new_id
from persistence.records import (
    ImageRecord,
    JobState,
    ProjectChange,
    SegmentationFailure,
    SegmentationStatus,
)
from persistence.segmentation import Move
from persistence.trouble import StatementFailed
from tests.lab import Lab

S = SegmentationStatus

pytestmark = pytest.mark.usefixtures("audited")


# Queuing


async def test_queuing_moves_images_and_counters_in_one_announced_change(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    images = await lab.images(project_id, ada, 3)
    lab.announced.clear()
    jobs = await lab.enqueue(images, ada)
    [change] = lab.announced
    assert isinstance(change, ProjectChange)
    assert change.images == tuple(entry.image for entry in jobs)
    assert change.revision - change.since == 3
    assert (change.stats.queued_count, change.stats.uploaded_count) == (3, 0)
    for read, entry in zip(images, jobs, strict=True):
        assert (entry.image.id, entry.image.status) == (read.id, S.QUEUED)
        assert entry.image.job_id == entry.job.id
        assert await lab.job(entry.job.id) == entry.job
        assert await lab.image(read.id) == entry.image


async def test_what_was_decided_on_an_image_that_moved_since_is_stale(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    images = await lab.images(project_id, ada, 2)
    await lab.enqueue(images[:1], ada)
    with pytest.raises(Stale):
        await lab.enqueue(images, ada)
    assert await lab.states(project_id) == [JobState.QUEUED]


async def test_an_image_is_in_the_queue_at_most_once(lab: Lab, ada: UUID, project_id: UUID) -> None:
    [entry] = await lab.queued(project_id, ada)
    with pytest.raises(StatementFailed, match="uq_segmentation_jobs_image_id_active"):
        await lab.enqueue([entry.image], ada)


async def test_images_are_found_by_status_oldest_first_and_by_pages(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    images = await lab.images(project_id, ada, 5)
    await lab.enqueue([images[1]], ada)
    [failing] = await lab.claim(ada)
    await lab.fail(failing, ada, retryable=False)
    await lab.enqueue([images[3]], ada)
    wanted, last = (S.UPLOADED, S.FAILED), FIRST_ID
    found: list[ImageRecord] = []
    async with lab.database.reading() as connection:
        while page := await queue.images_with(connection, project_id, wanted, after=last, limit=2):
            found += page
            last = page[-1].id
    assert [one.id for one in found] == [images[n].id for n in (0, 1, 2, 4)]


# Cancelling


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("cells", [3, 0])
async def test_cancelling_restores_what_the_latest_run_found(
    lab: Lab, ada: UUID, project_id: UUID, cells: int, running: bool
) -> None:
    done = await lab.segmented(project_id, ada, cells)
    [entry] = await lab.enqueue([done], ada)
    if running:
        await lab.claim(ada)
    assert await lab.cancel(project_id, ada) == 1
    restored = await lab.image(done.id)
    assert restored.status is (S.SEGMENTED if cells else S.NO_SEGMENTATION)
    assert restored.segmentation_id == done.segmentation_id
    cancelled = await lab.job(entry.job.id)
    assert (cancelled.state, cancelled.lease) == (JobState.CANCELLED, None)


@pytest.mark.parametrize("failed", [False, True])
async def test_cancelling_what_has_no_result_leaves_it_uploaded(
    lab: Lab, ada: UUID, project_id: UUID, failed: bool
) -> None:
    [entry] = await lab.queued(project_id, ada)
    if failed:
        [claimed] = await lab.claim(ada)
        before = await lab.fail(claimed, ada, retryable=False)
        assert before is not None
        await lab.enqueue([before], ada)
    assert await lab.cancel(project_id, ada) == 1
    restored = await lab.image(entry.image.id)
    assert (restored.status, restored.failure) == (S.UPLOADED, None)


async def test_a_cancelled_job_refuses_its_worker(lab: Lab, ada: UUID, project_id: UUID) -> None:
    await lab.queued(project_id, ada)
    [entry] = await lab.claim(ada)
    await lab.cancel(project_id, ada)
    assert await lab.complete(entry, ada) is None
    assert await lab.fail(entry, ada) is None
    assert not await lab.extend(entry)
    assert await lab.claim(ada) == []
    assert await lease.expire(lab.database) == 0


async def test_only_the_batch_and_the_images_named_are_cancelled(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    images = await lab.images(project_id, ada, 6)
    one, two = new_id(), new_id()
    await lab.enqueue(images[:3], ada, batch_id=one)
    await lab.enqueue(images[3:], ada, batch_id=two)
    ids = [found.id for found in images]
    assert await lab.cancel(project_id, ada, batch_id=new_id()) == 0
    assert await lab.cancel(project_id, ada, batch_id=one, image_ids=[ids[0], ids[5]]) == 1
    assert await lab.cancel(project_id, ada, image_ids=[ids[0], ids[5]]) == 1
    assert await lab.cancel(project_id, ada, batch_id=two) == 2
    assert [(await lab.image(id_)).status for id_ in ids] == [
        S.UPLOADED,
        S.QUEUED,
        S.QUEUED,
        S.UPLOADED,
        S.UPLOADED,
        S.UPLOADED,
    ]


@pytest.mark.parametrize("of_batch", [False, True])
async def test_a_cancellation_goes_by_pages(
    lab: Lab, ada: UUID, project_id: UUID, of_batch: bool
) -> None:
    images, batch_id = await lab.images(project_id, ada, 5), new_id()
    await lab.enqueue(images, ada, batch_id=batch_id)
    lab.announced.clear()
    assert await lab.cancel(project_id, ada, batch_id=batch_id if of_batch else None, limit=2) == 5
    touched = [len(c.images or ()) for c in lab.announced if isinstance(c, ProjectChange)]
    assert touched == [2, 2, 1]


async def test_images_and_batches_of_other_projects_are_not_cancelled(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    [elsewhere] = await lab.queued(await lab.project(ada), ada)
    assert await lab.cancel(project_id, ada, batch_id=elsewhere.job.batch_id) == 0
    assert await lab.cancel(project_id, ada, image_ids=[elsewhere.image.id]) == 0
    assert (await lab.job(elsewhere.job.id)).state is JobState.QUEUED


async def test_deleting_images_cancels_their_jobs(lab: Lab, ada: UUID, project_id: UUID) -> None:
    images = await lab.images(project_id, ada, 2)
    await lab.enqueue(images, ada)
    [entry] = await lab.claim(ada)
    await lab.delete_images(images, ada)
    assert await lab.states(project_id) == [JobState.CANCELLED, JobState.CANCELLED]
    assert await lab.complete(entry, ada) is None


async def test_deleting_a_project_cancels_its_jobs(lab: Lab, ada: UUID, project_id: UUID) -> None:
    await lab.queued(project_id, ada, 2)
    [entry] = await lab.claim(ada)
    await lab.delete_project(project_id, ada)
    assert await lab.states(project_id) == [JobState.CANCELLED, JobState.CANCELLED]
    assert await lab.complete(entry, ada) is None
    assert await lab.claim(ada) == []


# By hand


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([S.PROCESSING], JobState.PROCESSING),
        ([S.UPLOADED], JobState.CANCELLED),
        ([S.FAILED], JobState.FAILED),
        ([S.PROCESSING, S.SEGMENTED], JobState.SUCCEEDED),
        ([S.PROCESSING, S.NO_SEGMENTATION], JobState.SUCCEEDED),
        ([S.PROCESSING, S.FAILED], JobState.FAILED),
        ([S.PROCESSING, S.QUEUED], JobState.QUEUED),
    ],
)
async def test_a_job_follows_its_image(
    lab: Lab,
    ada: UUID,
    project_id: UUID,
    steps: list[SegmentationStatus],
    state: JobState,
) -> None:
    [entry] = await lab.queued(project_id, ada)
    for status in steps:
        await by_hand(lab, ada, await lab.image(entry.image.id), status, entry.job.id)
        await lab.audit(project_id)
    followed = await lab.job(entry.job.id)
    assert (followed.state, followed.lease) == (state, None)
    assert followed.failure_code == ("BAD_IMAGE" if state is JobState.FAILED else None)
    assert followed.attempt == (S.PROCESSING in steps)


async def test_a_job_whose_image_was_moved_by_hand_refuses_its_worker(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    await lab.queued(project_id, ada)
    [entry] = await lab.claim(ada)
    await by_hand(lab, ada, entry.image, S.QUEUED, entry.job.id)
    assert await lab.complete(entry, ada) is None
    [again] = await lab.claim(ada)
    assert (again.job.id, again.job.attempt) == (entry.job.id, 2)


async def test_a_job_that_the_move_does_not_name_is_cancelled(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    [entry] = await lab.queued(project_id, ada)
    await by_hand(lab, ada, entry.image, S.FAILED, None)
    assert (await lab.job(entry.job.id)).state is JobState.CANCELLED


async def test_moves_of_images_that_are_not_in_the_queue_change_no_job(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    done = await lab.segmented(project_id, ada)
    await by_hand(lab, ada, done, S.UPLOADED, None)
    assert await lab.states(project_id) == [JobState.SUCCEEDED]


async def by_hand(
    lab: Lab, user_id: UUID, read: ImageRecord, status: SegmentationStatus, job_id: UUID | None
) -> None:
    failure = SegmentationFailure(code="BAD_IMAGE", message="Blurred.", retryable=False)
    move = Move(
        image=read,
        status=status,
        failure=failure if status is S.FAILED else None,
        job_id=job_id,
        segmentation_id=read.segmentation_id,
    )
    async with lab.database.transaction() as unit:
        seen = await lab.access(unit.connection, read.project_id, user_id)
        await segmentation.move(unit, seen, [move], actor_id=user_id)
        await queue.follow(unit, [move])


# Reading


async def test_a_job_is_visible_to_the_members_of_its_project_alone(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    [entry] = await lab.queued(project_id, ada)
    bob = await lab.user("bob")
    async with lab.database.reading() as connection:
        assert await job.visible(connection, [entry.job.id], ada) == {entry.job.id: entry.job}
        assert await job.visible(connection, [entry.job.id], bob) == {}
        assert await queue.active_jobs(connection, [entry.image.id]) == {entry.image.id: entry.job}
    await lab.cancel(project_id, ada)
    async with lab.database.reading() as connection:
        assert await queue.active_jobs(connection, [entry.image.id]) == {}


async def test_a_job_whose_image_has_just_gone_is_stale(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    [entry] = await lab.queued(project_id, ada)
    await lab.delete_images([entry.image], ada)
    async with lab.database.reading() as connection:
        assert await image.find(connection, [entry.image.id]) == {}
        with pytest.raises(Stale):
            await job.with_images(connection, [entry.job])


async def test_a_job_is_written_only_over_the_state_and_the_lease_that_were_read(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    [entry] = await lab.queued(project_id, ada)
    [claimed] = await lab.claim(ada)
    for read in (entry.job, replace(claimed.job, lease=None)):
        with pytest.raises(Stale):
            async with lab.database.transaction() as unit:
                await job.write(unit, [read], [entry.job])
    assert await lab.job(entry.job.id) == claimed.job
