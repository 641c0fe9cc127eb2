"""The dashboard as clients see it."""

from datetime import datetime

import strawberry

from persistence.records import DashboardRecord, EfficiencyRecord
from resolvers import dashboard
from schema.info import Info
from schema.scalars import BigInt


@strawberry.type(
    description="How well processing goes, over the last 24 hours of the viewer's projects."
    " Null where nothing finished. Jobs that were cancelled don't count."
)
class ProcessingEfficiency:
    """How well processing goes."""

    success_rate: float | None = strawberry.field(
        description="Runs that ended SEGMENTED or NO_SEGMENTATION ÷ runs that ended."
    )
    mean_wait_seconds: float | None = strawberry.field(
        description="Mean seconds between queued and started, of the jobs' last attempts."
    )
    mean_run_seconds: float | None = strawberry.field(
        description="Mean seconds between started and finished, of the jobs' last attempts."
    )
    images_per_hour: float = strawberry.field(
        description="Images that ended SEGMENTED or NO_SEGMENTATION in the 24 hours, ÷ 24."
    )

    @classmethod
    def of(cls, record: EfficiencyRecord) -> "ProcessingEfficiency":
        """Make one of a record."""
        return cls(
            success_rate=record.success_rate,
            mean_wait_seconds=record.mean_wait_seconds,
            mean_run_seconds=record.mean_run_seconds,
            images_per_hour=record.images_per_hour,
        )


@strawberry.type(description="The numbers of all projects that the viewer can see, together.")
class Dashboard:
    """The numbers of all projects that the viewer can see, together."""

    project_count: int = strawberry.field(description="Projects that the viewer can see.")
    image_count: int = strawberry.field(description="All their images.")
    segmented_count: int = strawberry.field(description="Images that are SEGMENTED.")
    queued_count: int = strawberry.field(description="Images that are QUEUED.")
    processing_count: int = strawberry.field(description="Images that are PROCESSING.")
    storage_bytes: BigInt = strawberry.field(description="Bytes of all original files.")
    timestamp: datetime = strawberry.field(description="The moment all these are of.")

    @classmethod
    def of(cls, record: DashboardRecord) -> "Dashboard":
        """Make one of a record."""
        return cls(
            project_count=record.project_count,
            image_count=record.image_count,
            segmented_count=record.segmented_count,
            queued_count=record.queued_count,
            processing_count=record.processing_count,
            storage_bytes=BigInt(record.storage_bytes),
            timestamp=record.timestamp,
        )

    @strawberry.field(description="How well processing goes.")
    async def efficiency(self, info: Info) -> ProcessingEfficiency:
        """Measure the jobs of the viewer's projects."""
        return ProcessingEfficiency.of(await dashboard.efficiency(info.context))


async def find_dashboard(info: Info) -> Dashboard:
    """Add up the viewer's projects."""
    return Dashboard.of(await dashboard.find(info.context))
