"""The queue as those see it who fill it. What workers do with it is in ``schema.lease``."""

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from persistence.change import ProjectAccess
from persistence.records import (
    QueueNumbers,
    SegmentationRecord,
)
from resolvers import export, queue
from resolvers.queue import DEFAULT_JOBS, DEFAULT_MODEL, DEFAULT_PRIORITY, MOST_JOBS, Order
from schema import ids
from schema.budget import budget_of
from schema.export import Format
from schema.ids import Kind
from schema.info import Info
from schema.inputs import Input
from schema.job import SegmentationJob
from schema.loaders import load_estimate, load_jobs
from schema.node import Node
from schema.scalars import JSON, GeoJSON, stored_geojson, stored_json
from schema.sharing import MOVING, SHARED

if TYPE_CHECKING:
    from schema.project import Project


@strawberry.type(
    description="What one finished run found. Runs are immutable; an image points at its latest."
)
class Segmentation(Node):
    """What one finished run found."""

    record: strawberry.Private[SegmentationRecord]
    model: str = strawberry.field(description="The model that ran, as 'watershed'.")
    threshold: float | None = strawberry.field(
        description="The model's threshold; null where it was the model's own choice."
    )
    cell_count: int = strawberry.field(description="How many cells were found.")
    cell_area: float = strawberry.field(
        description="Sum of the cells' areas, in square pixels; holes are not part of a cell."
    )
    processing_seconds: float | None = strawberry.field(
        description="How long the worker says it took; null where it does not."
    )
    created_at: datetime = strawberry.field(description="When the run finished.")
    model_version: str | None = strawberry.field(
        description="The model's version, as the worker says; null where it does not."
    )
    parameters: JSON | None = strawberry.field(
        description="What the model ran with, as the worker says; null where it does not."
    )
    image_checksum: str = strawberry.field(
        description="SHA-256 of the file that was segmented, in hex."
    )

    @classmethod
    def of(cls, record: SegmentationRecord) -> "Segmentation":
        """Make one of a record."""
        return cls(
            id=ids.encode(Kind.SEGMENTATION, record.id),
            record=record,
            model=record.model,
            threshold=record.threshold,
            cell_count=record.cell_count,
            cell_area=record.cell_area,
            processing_seconds=record.processing_seconds,
            created_at=record.created_at,
            model_version=record.model_version,
            parameters=None if record.parameters is None else stored_json(record.parameters),
            image_checksum=record.image_checksum,
        )

    @strawberry.field(
        description="The cells' outlines: a FeatureCollection of Polygons, each with its number,"
        " from 1, as the property 'id'.",
        metadata=SHARED,
    )
    async def polygons(self, info: Info) -> GeoJSON:
        """Read the polygons from the blob store."""
        read = partial(queue.polygons, info.context, self.record)
        return stored_geojson(await budget_of(info).polygons(read))

    @strawberry.field(
        description="Short-lived signed address of what the run found, as a file.",
        metadata=SHARED,
    )
    def export_url(self, info: Info, format: Format) -> str:
        """Sign the address of the export."""
        return export.run_address(info.context, self.record.id, format)


@strawberry.type(description="How much of a project waits for workers.")
class QueueStats:
    """How much of a project waits for workers."""

    numbers: strawberry.Private[QueueNumbers]
    project_id: strawberry.ID = strawberry.field(description="The project.")
    queued: int = strawberry.field(description="Images that are QUEUED.")
    processing: int = strawberry.field(description="Images that are PROCESSING.")
    total: int = strawberry.field(description="Images that are either.")

    @strawberry.field(
        description="Seconds until the queue is empty, other people's turns included, from the"
        " throughput that was measured for each model in the last 24 hours; null while nothing was"
        " measured for one that is waited for.",
        metadata={**SHARED, **MOVING},
    )
    async def estimated_seconds(self, info: Info) -> float | None:
        """Estimate how long it takes."""
        return await load_estimate(info, self.numbers.project_id)

    @strawberry.field(
        description="The jobs at which workers are, then those that wait, in the order in which"
        " they run: those for one model by position, those for different models by priority, and"
        " then by position, too.",
        metadata={**SHARED, **MOVING},
    )
    async def jobs(
        self,
        info: Info,
        first: Annotated[
            int | None,
            strawberry.argument(
                description=f"How many, up to {MOST_JOBS}; {DEFAULT_JOBS} where left out."
            ),
        ] = None,
        image_ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(
                description=f"Only those of these images, up to {MOST_JOBS};"
                " images that are not in the project's queue have none."
            ),
        ] = None,
    ) -> list[SegmentationJob]:
        """Load the first jobs."""
        limit = queue.jobs_wanted(first, image_ids)
        images = None if image_ids is None else _keys_of(image_ids)
        jobs = await load_jobs(info, self.numbers.project_id, first=limit, image_ids=images)
        budget_of(info).spend(len(jobs))
        return [SegmentationJob.of(job.entry, job.position) for job in jobs]

    @classmethod
    def of(cls, numbers: QueueNumbers) -> "QueueStats":
        """Make one of a record."""
        return cls(
            numbers=numbers,
            project_id=ids.encode(Kind.PROJECT, numbers.project_id),
            queued=numbers.queued,
            processing=numbers.processing,
            total=numbers.total,
        )


async def find_segmentation(info: Info, segmentation_id: strawberry.ID) -> Segmentation | None:
    """Return a finished run of an image that the viewer can see."""
    found = await queue.find_segmentation(
        info.context, ids.decode(Kind.SEGMENTATION, segmentation_id)
    )
    return None if found is None else Segmentation.of(found)


@strawberry.input(description="Which images to segment, and how.")
class RequestSegmentationInput:
    """Which images to segment, and how."""

    project_id: strawberry.ID = strawberry.field(description="The project.")
    image_ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Up to 1,000 of its images, queued all or none. Where left out: all images of"
        " the project that are not segmented yet. Those that are in the queue are passed over.",
    )
    model: str | None = strawberry.field(
        default=None, description="The model to run; 'watershed' where left out."
    )
    threshold: float | None = strawberry.field(
        default=None, description="Where the model is to draw the line; its own choice if left out."
    )
    priority: int | None = strawberry.field(
        default=None, description="Higher runs first, 0 to 10; 5 where left out."
    )
    force: bool | None = strawberry.field(
        default=None, description="Also images that are segmented already."
    )

    def order(self) -> Order:
        """Return how the images are to be segmented."""
        return Order(
            model=DEFAULT_MODEL if self.model is None else self.model,
            threshold=self.threshold,
            priority=DEFAULT_PRIORITY if self.priority is None else self.priority,
        )


@strawberry.type(description="What was queued.")
class RequestSegmentationPayload:
    """What was queued, and the project after it."""

    access: strawberry.Private[ProjectAccess]
    batch_id: strawberry.ID = strawberry.field(
        description="All jobs of this request; cancelSegmentation takes it."
    )
    jobs: list[SegmentationJob] = strawberry.field(
        description="The jobs, in the order in which they run: all those of chosen images; of a"
        " whole project the first 1,000."
    )
    job_count: int = strawberry.field(description="How many jobs there are.")

    @strawberry.field(description="The project as changed.")
    def project(self) -> Annotated["Project", strawberry.lazy("schema.project")]:
        """Return the project as the request left it."""
        from schema.project import Project

        return Project.of(self.access)


async def request_segmentation(
    info: Info, input: Input[RequestSegmentationInput]
) -> RequestSegmentationPayload:
    """Queue images for workers."""
    requested = await queue.request(
        info.context,
        ids.decode(Kind.PROJECT, input.project_id),
        image_ids=_image_ids(input.image_ids),
        order=input.order(),
        force=bool(input.force),
    )
    return RequestSegmentationPayload(
        access=requested.access,
        batch_id=ids.encode(Kind.BATCH, requested.batch_id),
        jobs=[SegmentationJob.of(entry) for entry in requested.jobs],
        job_count=requested.count,
    )


@strawberry.input(
    description="Which jobs to cancel: all of the project, where nothing else is said."
)
class CancelSegmentationInput:
    """Which jobs to cancel."""

    project_id: strawberry.ID = strawberry.field(description="The project.")
    batch_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only jobs of this request."
    )
    image_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only jobs of these images, up to 1,000."
    )


@strawberry.type(description="What was cancelled.")
class CancelSegmentationPayload:
    """What was cancelled, and the project after it."""

    access: strawberry.Private[ProjectAccess]
    cancelled_count: int = strawberry.field(
        description="How many jobs were cancelled; their images are again what they were before."
    )

    @strawberry.field(description="The project as changed.")
    def project(self) -> Annotated["Project", strawberry.lazy("schema.project")]:
        """Return the project as the cancellation left it."""
        from schema.project import Project

        return Project.of(self.access)


async def cancel_segmentation(
    info: Info, input: Input[CancelSegmentationInput]
) -> CancelSegmentationPayload:
    """Take images out of the queue."""
    cancelled = await queue.cancel(
        info.context,
        ids.decode(Kind.PROJECT, input.project_id),
        batch_id=None if input.batch_id is None else ids.decode(Kind.BATCH, input.batch_id),
        image_ids=_image_ids(input.image_ids),
    )
    return CancelSegmentationPayload(access=cancelled.access, cancelled_count=cancelled.count)


def _keys_of(image_ids: list[strawberry.ID]) -> tuple[UUID, ...]:
    """Return the keys of those that are ids of images: nothing has the others."""
    keys = set()
    for id_ in image_ids:
        with suppress(ids.InvalidId):
            keys.add(ids.decode(Kind.IMAGE, id_))
    return tuple(sorted(keys))


def _image_ids(image_ids: list[strawberry.ID] | None) -> list[UUID] | None:
    if image_ids is None:
        return None
    return [ids.decode(Kind.IMAGE, image_id) for image_id in image_ids]
