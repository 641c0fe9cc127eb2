"""Where people queue images and workers segment them, through the resolvers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from persistence.job import ImageJob
from persistence.records import ProjectRole, SegmentationFailure
from resolvers import lease, queue
from resolvers.context import Context, Services, Viewer
from resolvers.lease import Extended, Finished
from resolvers.queue import Cancelled, Order, Requested
from tests.lab import Lab
from tests.resolvers.accounts import called

SQUARE = [[1, 1], [11, 1], [11, 11], [1, 11], [1, 1]]
CELLS: dict[str, Any] = {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}
NO_CELLS: dict[str, Any] = {"type": "FeatureCollection", "features": []}
TIMEOUT = SegmentationFailure(code="TIMEOUT", message="Too slow.", retryable=True)


class Workshop:
    """Calls the resolvers as the people of a laboratory."""

    def __init__(self, lab: Lab, services: Services) -> None:
        self.lab = lab
        self.services = services

    def context(self, user_id: UUID) -> Context:
        return called(self.services, viewer=Viewer(user_id=user_id))

    async def member(self, project_id: UUID, owner_id: UUID, role: ProjectRole | None) -> UUID:
        """Sign somebody up who has this role in the project, or none."""
        user_id = await self.lab.user("member")
        if role is not None:
            await self.lab.share(project_id, owner_id, user_id, role)
        return user_id

    async def request(
        self,
        user_id: UUID,
        project_id: UUID,
        image_ids: Sequence[UUID] | None = None,
        order: Order = Order(),  # noqa: B008 (frozen)
        *,
        force: bool = False,
    ) -> Requested:
        return await queue.request(
            self.context(user_id), project_id, image_ids=image_ids, order=order, force=force
        )

    async def cancel(
        self,
        user_id: UUID,
        project_id: UUID,
        *,
        batch_id: UUID | None = None,
        image_ids: Sequence[UUID] | None = None,
    ) -> Cancelled:
        return await queue.cancel(
            self.context(user_id), project_id, batch_id=batch_id, image_ids=image_ids
        )

    async def claim(
        self,
        user_id: UUID,
        limit: int = 1,
        models: Sequence[str] | None = None,
        *,
        seconds: int = 60,
    ) -> Sequence[ImageJob]:
        return await lease.claim(
            self.context(user_id), worker="bench 1", models=models, limit=limit, seconds=seconds
        )

    async def extend(
        self, user_id: UUID, entry: ImageJob, progress: float | None = None, *, seconds: int = 60
    ) -> Extended:
        return await lease.extend(
            self.context(user_id),
            entry.job.id,
            lease=shown(entry),
            progress=progress,
            seconds=seconds,
        )

    async def complete(
        self, user_id: UUID, entry: ImageJob, polygons: object = CELLS, *, seconds: float = 2.5
    ) -> Finished:
        return await lease.complete(
            self.context(user_id),
            entry.job.id,
            lease=shown(entry),
            polygons=polygons,
            processing_seconds=seconds,
        )

    async def fail(
        self, user_id: UUID, entry: ImageJob, failure: SegmentationFailure = TIMEOUT
    ) -> Finished:
        return await lease.fail(
            self.context(user_id), entry.job.id, lease=shown(entry), failure=failure
        )

    async def release(self, user_id: UUID, entry: ImageJob) -> Finished:
        return await lease.release(self.context(user_id), entry.job.id, lease=shown(entry))

    async def keys(self) -> list[str]:
        """Return the keys of all blobs."""
        return [blob.key async for blob in self.services.blobs.list()]


def shown(entry: ImageJob) -> str:
    """Return a job's lease as clients send it."""
    assert entry.job.lease is not None
    return entry.job.lease.hex
