"""Requests and cancellations: who may, what is queued, what is passed over."""

import asyncio
import math
from dataclasses import replace
from uuid import UUID

import msgspec
import pytest

from persistence.ids import new_id
from persistence.records import ProjectRole, SegmentationStatus
from resolvers import dashboard, queue
from resolvers.errors import BadUserInput, Forbidden, NotFound, Unauthenticated
from resolvers.queue import Order
from tests.resolvers.accounts import called
from tests.resolvers.workshop import CELLS, NO_CELLS, Workshop

S = SegmentationStatus


def with_limit(workshop: Workshop, limit: int) -> Workshop:
    limits = msgspec.structs.replace(workshop.services.limits, max_changes_per_call=limit)
    return Workshop(workshop.lab, replace(workshop.services, limits=limits))


# Requests


async def test_images_are_queued_for_watershed_at_middle_priority_by_default(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    images = await workshop.lab.images(project_id, ada, 3)
    ids = [images[2].id, images[0].id]
    requested = await workshop.request(ada, project_id, ids)
    assert [entry.image.id for entry in requested.jobs] == ids
    assert requested.count == 2
    assert requested.access.project.stats.queued_count == 2
    assert requested.access.role is ProjectRole.OWNER
    for entry in requested.jobs:
        assert (entry.job.model, entry.job.threshold, entry.job.priority) == ("watershed", None, 5)
        assert (entry.job.batch_id, entry.job.requested_by) == (requested.batch_id, ada)
        assert entry.image.status is S.QUEUED


async def test_the_order_is_kept_with_the_jobs(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    await workshop.lab.images(project_id, ada, 1)
    order = Order(model=" cellpose ", threshold=-0.5, priority=10)
    [entry] = (await workshop.request(ada, project_id, order=order)).jobs
    assert (entry.job.model, entry.job.threshold, entry.job.priority) == ("cellpose", -0.5, 10)


async def everything(workshop: Workshop, user_id: UUID, project_id: UUID) -> dict[S, UUID]:
    """Make an image of each status."""
    uploaded, segmented, empty, failed, processing, queued = await workshop.lab.images(
        project_id, user_id, 6
    )
    for image, polygons in ((segmented, CELLS), (empty, NO_CELLS)):
        await workshop.request(user_id, project_id, [image.id])
        [claimed] = await workshop.claim(user_id)
        await workshop.complete(user_id, claimed, polygons)
    await workshop.request(user_id, project_id, [failed.id])
    [claimed] = await workshop.lab.claim(user_id)
    await workshop.lab.fail(claimed, user_id, retryable=False)
    await workshop.request(user_id, project_id, [processing.id])
    await workshop.claim(user_id)
    await workshop.request(user_id, project_id, [queued.id])
    return {
        S.UPLOADED: uploaded.id,
        S.SEGMENTED: segmented.id,
        S.NO_SEGMENTATION: empty.id,
        S.FAILED: failed.id,
        S.PROCESSING: processing.id,
        S.QUEUED: queued.id,
    }


@pytest.mark.parametrize("chosen", [False, True])
@pytest.mark.parametrize(
    ("force", "statuses"),
    [
        (False, [S.UPLOADED, S.FAILED]),
        (True, [S.UPLOADED, S.SEGMENTED, S.NO_SEGMENTATION, S.FAILED]),
    ],
)
async def test_what_is_segmented_takes_force_and_what_is_in_the_queue_is_passed_over(
    workshop: Workshop, force: bool, statuses: list[S], chosen: bool
) -> None:
    ada = await workshop.lab.user()
    project_id = await workshop.lab.project(ada)
    images = await everything(workshop, ada, project_id)
    requested = await workshop.request(
        ada, project_id, list(images.values()) if chosen else None, force=force
    )
    assert [entry.image.id for entry in requested.jobs] == [images[status] for status in statuses]
    again = await workshop.request(ada, project_id, force=force)
    assert (again.jobs, again.count) == ((), 0)
    assert again.access.project.stats == requested.access.project.stats
    await workshop.lab.audit(project_id)


async def test_a_whole_project_is_queued_by_parts_and_the_first_jobs_are_returned(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    images = await workshop.lab.images(project_id, ada, 5)
    workshop.lab.announced.clear()
    requested = await with_limit(workshop, 2).request(ada, project_id)
    assert (requested.count, requested.access.project.stats.queued_count) == (5, 5)
    assert [entry.image.id for entry in requested.jobs] == [image.id for image in images[:2]]
    assert len(workshop.lab.announced) == 3
    claimed = await workshop.claim(ada, 5)
    assert [entry.image.id for entry in claimed] == [image.id for image in images]
    assert {entry.job.batch_id for entry in claimed} == {requested.batch_id}


async def test_a_project_of_as_many_images_as_a_part_takes_is_queued_whole(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    await workshop.lab.images(project_id, ada, 4)
    requested = await with_limit(workshop, 2).request(ada, project_id)
    assert (requested.count, len(requested.jobs)) == (4, 2)


async def test_requests_at_once_queue_each_image_once(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    images = await workshop.lab.images(project_id, ada, 20)
    ids = [image.id for image in images]
    requests = await asyncio.gather(*(workshop.request(ada, project_id, ids) for _ in range(6)))
    assert sorted(request.count for request in requests) == [0, 0, 0, 0, 0, 20]
    await workshop.lab.audit(project_id)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (Order(priority=11), "priority must be 0 to 10"),
        (Order(priority=-1), "priority must be 0 to 10"),
        (Order(threshold=math.inf), "threshold must be a finite number"),
        (Order(model=" "), "model must have 1 to 100 characters"),
    ],
)
async def test_an_order_that_cannot_be_is_refused(
    workshop: Workshop, ada: UUID, project_id: UUID, order: Order, message: str
) -> None:
    with pytest.raises(BadUserInput, match=message):
        await workshop.request(ada, project_id, order=order)


async def test_images_that_cannot_be_chosen_are_refused_and_none_is_queued(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    bob = await workshop.lab.user("bob")
    [hidden] = await workshop.lab.images(await workshop.lab.project(bob), bob, 1)
    [elsewhere] = await workshop.lab.images(await workshop.lab.project(ada), ada, 1)
    [own] = await workshop.lab.images(project_id, ada, 1)
    for other in (hidden.id, new_id()):
        with pytest.raises(NotFound):
            await workshop.request(ada, project_id, [own.id, other])
    with pytest.raises(BadUserInput, match="image of another project"):
        await workshop.request(ada, project_id, [own.id, elsewhere.id])
    for ids in ([], [own.id, own.id]):
        with pytest.raises(BadUserInput, match="imageIds"):
            await workshop.request(ada, project_id, ids)
    with pytest.raises(BadUserInput, match="at most 1 "):
        await with_limit(workshop, 1).request(ada, project_id, [own.id, elsewhere.id])
    assert (await workshop.lab.image(own.id)).status is S.UPLOADED


@pytest.mark.parametrize(("role", "error"), [(ProjectRole.VIEWER, Forbidden), (None, NotFound)])
async def test_queuing_and_cancelling_take_an_editor(
    workshop: Workshop,
    ada: UUID,
    project_id: UUID,
    role: ProjectRole | None,
    error: type[Exception],
) -> None:
    images = await workshop.lab.images(project_id, ada, 2)
    editor = await workshop.member(project_id, ada, ProjectRole.EDITOR)
    assert (await workshop.request(editor, project_id, [images[0].id])).count == 1
    other = await workshop.member(project_id, ada, role)
    with pytest.raises(error):
        await workshop.request(other, project_id)
    with pytest.raises(error):
        await workshop.cancel(other, project_id)
    assert (await workshop.cancel(editor, project_id)).count == 1


# Cancellations


async def test_a_cancellation_tells_how_many_and_the_project_after_it(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    images = await workshop.lab.images(project_id, ada, 5)
    batch = await workshop.request(ada, project_id, [image.id for image in images[:3]])
    await workshop.request(ada, project_id)
    cancelled = await workshop.cancel(ada, project_id, batch_id=batch.batch_id)
    assert (cancelled.count, cancelled.access.project.stats.queued_count) == (3, 2)
    cancelled = await workshop.cancel(ada, project_id, image_ids=[images[0].id, images[3].id])
    assert cancelled.count == 1
    cancelled = await with_limit(workshop, 1).cancel(ada, project_id)
    assert (cancelled.count, cancelled.access.project.stats.queued_count) == (1, 0)
    assert (await workshop.cancel(ada, project_id)).count == 0


async def test_a_large_queue_is_cancelled_by_parts(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    await workshop.lab.images(project_id, ada, 5)
    await workshop.request(ada, project_id)
    cancelled = await with_limit(workshop, 2).cancel(ada, project_id)
    assert (cancelled.count, cancelled.access.project.stats.uploaded_count) == (5, 5)
    with pytest.raises(BadUserInput, match="imageIds is empty"):
        await workshop.cancel(ada, project_id, image_ids=[])


# Finding


async def test_jobs_and_runs_are_found_by_those_who_see_the_image(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    [image] = await workshop.lab.images(project_id, ada, 1)
    [entry] = (await workshop.request(ada, project_id)).jobs
    [claimed] = await workshop.claim(ada)
    done = await workshop.complete(ada, claimed)
    run_id = done.image.segmentation_id
    assert run_id is not None
    viewer = await workshop.member(project_id, ada, ProjectRole.VIEWER)
    stranger = await workshop.member(project_id, ada, None)
    seen, unseen = workshop.context(viewer), workshop.context(stranger)
    found = await queue.find_job(seen, entry.job.id)
    assert found is not None
    assert (found.job.id, found.image) == (entry.job.id, done.image)
    run = await queue.find_segmentation(seen, run_id)
    assert run is not None
    assert run.image_id == image.id
    assert await queue.find_job(unseen, entry.job.id) is None
    assert await queue.find_segmentation(unseen, run_id) is None
    assert await queue.find_segmentation(seen, new_id()) is None
    await workshop.lab.delete_images([done.image], ada)
    assert await queue.find_job(seen, entry.job.id) is None
    assert await queue.find_segmentation(seen, run_id) is None


async def test_the_dashboard_is_the_viewers(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    await workshop.lab.segmented(project_id, ada)
    context = workshop.context(ada)
    assert (await dashboard.find(context)).segmented_count == 1
    assert (await dashboard.efficiency(context)).success_rate == 1.0
    for ask in (dashboard.find, dashboard.efficiency):
        with pytest.raises(Unauthenticated):
            await ask(called(workshop.services))
