"""Jobs of the queue."""

from datetime import datetime

import strawberry

from persistence.job import ImageJob
from persistence.records import ImageRecord, JobRecord, JobState
from resolvers import queue
from resolvers.errors import NotFound
from schema import ids
from schema.account import User
from schema.ids import Kind
from schema.image import Image
from schema.info import Info
from schema.loaders import load_pace, load_position, load_user
from schema.node import Node
from schema.sharing import SHARED


@strawberry.type(description="A request to segment one image.")
class SegmentationJob(Node):
    """A job of the queue."""

    record: strawberry.Private[JobRecord]
    image_record: strawberry.Private[ImageRecord]
    ahead: strawberry.Private[int | None]
    model: str = strawberry.field(description="The model that is to run, as 'watershed'.")
    threshold: float | None = strawberry.field(
        description="The model's threshold; null leaves it to the model."
    )
    priority: int = strawberry.field(description="Higher runs first, 0 to 10.")
    attempt: int = strawberry.field(
        description="How often it was handed to a worker; 0 before the first time."
    )
    progress: float | None = strawberry.field(
        description="0 to 1, as its worker last reported; null before the first report."
    )
    queued_at: datetime = strawberry.field(
        description="Since when it waits, or waited until it started: a job that is tried again"
        " waits anew."
    )
    started_at: datetime | None = strawberry.field(
        description="When it was handed to its worker; null while it waits."
    )

    @classmethod
    def of(cls, entry: ImageJob, ahead: int | None = None) -> "SegmentationJob":
        """Make one of a job and its image, and of how many are ahead of it if that is known."""
        job = entry.job
        return cls(
            id=ids.encode(Kind.JOB, job.id),
            record=job,
            image_record=entry.image,
            ahead=ahead,
            model=job.model,
            threshold=job.threshold,
            priority=job.priority,
            attempt=job.attempt,
            progress=job.progress,
            queued_at=job.queued_at,
            started_at=job.started_at,
        )

    @strawberry.field(description="The image to segment.", metadata=SHARED)
    def image(self) -> Image:
        """Return the image as it was read with the job."""
        return Image.of(self.image_record)

    @strawberry.field(
        description="Who asked for it; null where the account is gone.", metadata=SHARED
    )
    async def requested_by(self, info: Info) -> User | None:
        """Load the user, if there is one."""
        try:
            return User.of(await load_user(info, self.record.requested_by))
        except NotFound:
            return None

    @strawberry.field(
        description="Jobs for the same model that are ahead of this one, in all projects; null once"
        " it has started. Higher priorities are ahead, and of the same priority one job of each"
        " person in turn.",
        metadata=SHARED,
    )
    async def position(self, info: Info) -> int | None:
        """Load the position, unless the job has started."""
        return await self._jobs_ahead(info)

    @strawberry.field(
        description="Seconds until this job is done, from its position and the throughput that was"
        " measured for its model in the last 24 hours; null once it has started, and while nothing"
        " was measured.",
        metadata=SHARED,
    )
    async def estimated_seconds(self, info: Info) -> float | None:
        """Estimate how long it takes."""
        ahead = await self._jobs_ahead(info)
        pace = None if ahead is None else await load_pace(info, self.record.model)
        return None if ahead is None or pace is None else (ahead + 1) * pace

    async def _jobs_ahead(self, info: Info) -> int | None:
        if self.record.state is not JobState.QUEUED or self.ahead is not None:
            return self.ahead
        return await load_position(info, self.record.id)


async def find_job(info: Info, job_id: strawberry.ID) -> SegmentationJob | None:
    """Return a job of an image that the viewer can see."""
    found = await queue.find_job(info.context, ids.decode(Kind.JOB, job_id))
    return None if found is None else SegmentationJob.of(found)
