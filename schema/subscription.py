"""The root of subscriptions."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from persistence.records import DashboardRecord, QueueNumbers
from resolvers.live.dashboard import dashboards
from resolvers.live.jobs import JobsAvailable, jobs_available
from resolvers.live.presence import KnownUsers, PresentUsers, all_presences, presences
from resolvers.live.project import ProjectUpdate, all_project_updates, project_updates
from resolvers.live.queue import queue_updates
from resolvers.live.segmentation import SegmentationUpdate, segmentation_updates
from resolvers.live.upload import UploadProgress, upload_progress
from schema import ids
from schema.dashboard import Dashboard
from schema.ids import Kind
from schema.info import Info
from schema.lease import JobsAvailableType
from schema.queue import QueueStats
from schema.scalars import BigInt
from schema.updates import Presence, ProjectUpdateType, SegmentationUpdateType
from schema.upload import UploadProgressType

ProjectId = Annotated[strawberry.ID, strawberry.argument(description="The project.")]


@strawberry.type(
    description="What can be watched. Each stream begins with the state at the moment of"
    " subscribing (segmentationUpdated where 'after' is given) and misses nothing after it. It ends"
    " with FORBIDDEN once the viewer may not see it any more."
)
class Subscription:
    """The root of subscriptions."""

    @strawberry.subscription(
        graphql_type=ProjectUpdateType,
        description="One project, or, without projectId, all that the viewer can see, those yet to"
        " come too.",
    )
    async def project_updated(
        self,
        info: Info,
        project_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="The project; all if left out.")
        ] = None,
    ) -> AsyncGenerator[ProjectUpdate, None]:
        """Stream the numbers of projects."""
        context = info.context
        if project_id is None:
            return all_project_updates(context)
        return project_updates(context, ids.decode(Kind.PROJECT, project_id))

    @strawberry.subscription(
        graphql_type=SegmentationUpdateType,
        description="The images of one project. Without 'after': live changes only. With it: first"
        " every image whose last change is newer, in order of revision (after: 0 gives all),"
        " deletions too, then live changes, with no gap between. An 'after' older than what the hub"
        " still knows of deletions ends at once with the error CURSOR_EXPIRED: drop what is cached"
        " and start over with after: 0.",
    )
    async def segmentation_updated(
        self,
        info: Info,
        project_id: ProjectId,
        image_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Only this image; all of the project if left out."),
        ] = None,
        after: Annotated[
            BigInt | None,
            strawberry.argument(description="The last revision seen, to go on behind it."),
        ] = None,
    ) -> AsyncGenerator[SegmentationUpdate, None]:
        """Stream the changes of images."""
        last = info.context.last_event_id
        return segmentation_updates(
            info.context,
            ids.decode(Kind.PROJECT, project_id),
            image_id=None if image_id is None else ids.decode(Kind.IMAGE, image_id),
            after=after if last is None else max(after or 0, last),
        )

    @strawberry.subscription(
        graphql_type=QueueStats,
        description="How much of a project waits for workers. Where jobs or estimatedSeconds is"
        " selected, also when these become others without a change of the project.",
    )
    async def queue_stats_updated(
        self, info: Info, project_id: ProjectId
    ) -> AsyncGenerator[QueueNumbers, None]:
        """Stream a project's queue."""
        return queue_updates(info.context, ids.decode(Kind.PROJECT, project_id))

    @strawberry.subscription(
        graphql_type=Dashboard,
        description="The numbers of all projects that the viewer can see, together.",
    )
    async def dashboard_updated(self, info: Info) -> AsyncGenerator[DashboardRecord, None]:
        """Stream the viewer's dashboard."""
        return dashboards(info.context)

    @strawberry.subscription(
        graphql_type=UploadProgressType,
        description="How far one of the viewer's own uploads has come; may begin before it does.",
    )
    async def upload_progressed(
        self,
        info: Info,
        upload_id: Annotated[
            strawberry.ID, strawberry.argument(description="The uploadId given to uploadImages.")
        ],
    ) -> AsyncGenerator[UploadProgress, None]:
        """Stream the progress of an upload."""
        return upload_progress(info.context, upload_id)

    @strawberry.subscription(
        graphql_type=JobsAvailableType,
        description="For workers: that there is something to claim for the viewer. The state first,"
        " whatever it is; then at once when jobs are queued, and every few seconds while some are"
        " available.",
    )
    async def segmentation_jobs_available(
        self,
        info: Info,
        models: Annotated[
            list[str] | None,
            strawberry.argument(
                description="Only jobs for these models, up to 100; any if left out."
            ),
        ] = None,
    ) -> AsyncGenerator[JobsAvailable, None]:
        """Stream when there is work."""
        return jobs_available(info.context, models)

    @strawberry.subscription(
        graphql_type=Presence,
        description="Who is watching a project right now, with any subscription that names it; or,"
        " without projectId, who is watching each of all that the viewer can see, those yet to come"
        " too: first those at which anybody is, then each whenever somebody comes or goes. Whoever"
        " watches all of them so is at none.",
    )
    async def presence_changed(
        self,
        info: Info,
        project_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="The project; all if left out.")
        ] = None,
    ) -> AsyncGenerator[PresentUsers | KnownUsers, None]:
        """Stream who is there."""
        if project_id is None:
            return all_presences(info.context)
        return presences(info.context, ids.decode(Kind.PROJECT, project_id))
