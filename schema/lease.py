"""What workers do with the queue: claim jobs, keep them, bring them back."""

from datetime import datetime
from typing import cast
from uuid import UUID

import strawberry

from persistence.job import ImageJob
from resolvers import lease
from resolvers.lease import DEFAULT_LIMIT, DEFAULT_SECONDS, Finished
from resolvers.live.jobs import JobsAvailable
from schema import ids
from schema.ids import Kind
from schema.image import Image
from schema.info import Info
from schema.inputs import Input
from schema.job import SegmentationJob
from schema.scalars import JSON, GeoJSON
from schema.segmentation import SegmentationErrorInput, SetSegmentationStatusPayload


@strawberry.input(description="Who wants jobs, which and how many.")
class ClaimSegmentationJobsInput:
    """Who wants jobs, which and how many."""

    worker: str = strawberry.field(
        description="What people call the worker, 1 to 200 characters; need not be unique."
    )
    models: list[str] | None = strawberry.field(
        default=None, description="Only jobs for these models, up to 100; any where left out."
    )
    limit: int | None = strawberry.field(
        default=None, description="How many at most, 1 to 100; 1 where left out."
    )
    lease_seconds: int | None = strawberry.field(
        default=None,
        description="How long to keep them without extending, 10 to 3600; 120 where left out.",
    )


@strawberry.type(description="A job that was handed out.")
class ClaimedJob:
    """A job that was handed out, and the lease that proves it."""

    job: SegmentationJob = strawberry.field(description="The job.")
    lease: str = strawberry.field(
        description="Goes with every later call about this job;"
        " a call with a lease that is over is refused with CONFLICT."
    )
    lease_expires_at: datetime = strawberry.field(
        description="When the job goes to others, unless the lease is extended before."
    )

    @classmethod
    def of(cls, entry: ImageJob) -> "ClaimedJob":
        """Make one of a job that was just handed out."""
        job = entry.job
        # A job that was just handed out has both.
        return cls(
            job=SegmentationJob.of(entry),
            lease=cast("UUID", job.lease).hex,
            lease_expires_at=cast("datetime", job.lease_expires_at),
        )


@strawberry.type(description="Jobs that were handed out.")
class ClaimSegmentationJobsPayload:
    """Jobs that were handed out."""

    claimed: list[ClaimedJob] = strawberry.field(
        description="The jobs, those to do first first; empty where none waits."
    )


async def claim_segmentation_jobs(
    info: Info, input: Input[ClaimSegmentationJobsInput]
) -> ClaimSegmentationJobsPayload:
    """Hand out jobs to a worker."""
    claimed = await lease.claim(
        info.context,
        worker=input.worker,
        models=input.models,
        limit=DEFAULT_LIMIT if input.limit is None else input.limit,
        seconds=DEFAULT_SECONDS if input.lease_seconds is None else input.lease_seconds,
    )
    return ClaimSegmentationJobsPayload(claimed=[ClaimedJob.of(entry) for entry in claimed])


@strawberry.type(name="JobsAvailable", description="How much waits for workers.")
class JobsAvailableType:
    """How much waits for workers."""

    waiting: int = strawberry.field(
        description="Jobs that wait, those that rest after a failure, too."
    )

    @classmethod
    def of(cls, record: JobsAvailable) -> "JobsAvailableType":
        """Make one of a record."""
        return cls(waiting=record.waiting)


@strawberry.input(description="A job to keep for longer.")
class ExtendLeaseInput:
    """A job to keep for longer."""

    queue_id: strawberry.ID = strawberry.field(description="The job.")
    lease: str = strawberry.field(description="The lease that it was handed out with.")
    progress: float | None = strawberry.field(
        default=None, description="How far it is, 0 to 1; what was reported before if left out."
    )
    lease_seconds: int | None = strawberry.field(
        default=None,
        description="In how many seconds the lease is to end, 10 to 3600; 120 where left out.",
    )


@strawberry.type(description="How a job stands that a worker is at.")
class ExtendLeasePayload:
    """How a job stands that a worker is at."""

    cancelled: bool = strawberry.field(
        description="True where the job was cancelled: stop working on it."
    )
    lease_expires_at: datetime | None = strawberry.field(
        description="When the lease ends now; null where the job was cancelled."
    )


async def extend_segmentation_lease(
    info: Info, input: Input[ExtendLeaseInput]
) -> ExtendLeasePayload:
    """Keep a job for longer."""
    extended = await lease.extend(
        info.context,
        ids.decode(Kind.JOB, input.queue_id),
        lease=input.lease,
        progress=input.progress,
        seconds=DEFAULT_SECONDS if input.lease_seconds is None else input.lease_seconds,
    )
    return ExtendLeasePayload(cancelled=extended.cancelled, lease_expires_at=extended.expires_at)


@strawberry.input(description="What a job found.")
class CompleteSegmentationInput:
    """What a job found."""

    queue_id: strawberry.ID = strawberry.field(description="The job.")
    lease: str = strawberry.field(description="The lease that it was handed out with.")
    polygons: GeoJSON = strawberry.field(
        description="The cells' outlines: a FeatureCollection of Polygons or MultiPolygons, a"
        " GeometryCollection of them, or one of them alone. Each Polygon is a cell; none is a"
        " result, too. Up to 100,000 polygons and 2,000,000 positions; closed rings, within the"
        " image by a pixel more at most. Properties are not kept."
    )
    processing_seconds: float | None = strawberry.field(
        default=None, description="How long it took."
    )
    model_version: str | None = strawberry.field(
        default=None, description="The version of the model that ran, 1 to 100 characters."
    )
    parameters: JSON | None = strawberry.field(
        default=None,
        description="What the model ran with, to be able to run it again; up to 10,000 characters.",
    )


async def complete_segmentation(
    info: Info, input: Input[CompleteSegmentationInput]
) -> SetSegmentationStatusPayload:
    """End a job with what it found."""
    finished = await lease.complete(
        info.context,
        ids.decode(Kind.JOB, input.queue_id),
        lease=input.lease,
        polygons=input.polygons,
        processing_seconds=input.processing_seconds,
        model_version=input.model_version,
        parameters=input.parameters,
    )
    return _payload(finished)


@strawberry.input(description="Why a job failed.")
class FailSegmentationInput:
    """Why a job failed."""

    queue_id: strawberry.ID = strawberry.field(description="The job.")
    lease: str = strawberry.field(description="The lease that it was handed out with.")
    error: SegmentationErrorInput = strawberry.field(
        description="What went wrong. A retryable error sends the job back to the queue, until it"
        " was handed out three times. It rests before it is handed out again, longer the second"
        " time."
    )


async def fail_segmentation(
    info: Info, input: Input[FailSegmentationInput]
) -> SetSegmentationStatusPayload:
    """End an attempt with an error."""
    finished = await lease.fail(
        info.context,
        ids.decode(Kind.JOB, input.queue_id),
        lease=input.lease,
        failure=input.error.failure(),
    )
    return _payload(finished)


@strawberry.input(description="A job to give back.")
class ReleaseSegmentationInput:
    """A job to give back."""

    queue_id: strawberry.ID = strawberry.field(description="The job.")
    lease: str = strawberry.field(description="The lease that it was handed out with.")


async def release_segmentation(
    info: Info, input: Input[ReleaseSegmentationInput]
) -> SetSegmentationStatusPayload:
    """Give a job back unfinished."""
    finished = await lease.release(
        info.context, ids.decode(Kind.JOB, input.queue_id), lease=input.lease
    )
    return _payload(finished)


def _payload(finished: Finished) -> SetSegmentationStatusPayload:
    return SetSegmentationStatusPayload(image=Image.of(finished.image), access=finished.access)
