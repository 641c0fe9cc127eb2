"""The root of subscriptions."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from resolvers.live.dashboard import dashboards
from resolvers.live.presence import presences
from resolvers.live.project import all_project_updates, project_updates
from resolvers.live.queue import queue_updates
from resolvers.live.segmentation import segmentation_updates
from resolvers.live.upload import upload_progress
from schema import ids
from schema.account import User
from schema.dashboard import Dashboard
from schema.ids import Kind
from schema.info import Info
from schema.loaders import load_users
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
        description="One project, or, without projectId, all that the viewer can see, those yet to"
        " come too."
    )
    async def project_updated(
        self,
        info: Info,
        project_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="The project; all if left out.")
        ] = None,
    ) -> AsyncGenerator[ProjectUpdateType, None]:
        """Stream the numbers of projects."""
        source = (
            all_project_updates(info.context)
            if project_id is None
            else project_updates(info.context, ids.decode(Kind.PROJECT, project_id))
        )
        async with aclosing(source) as updates:
            async for update in updates:
                yield ProjectUpdateType.of(update)

    @strawberry.subscription(
        description="The images of one project. Without 'after': live changes only. With it: first"
        " every image whose last change is newer, in order of revision (after: 0 gives all),"
        " deletions too, then live changes, with no gap between. An 'after' older than what the hub"
        " still knows of deletions ends at once with the error CURSOR_EXPIRED: drop what is cached"
        " and start over with after: 0."
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
    ) -> AsyncGenerator[SegmentationUpdateType, None]:
        """Stream the changes of images."""
        source = segmentation_updates(
            info.context,
            ids.decode(Kind.PROJECT, project_id),
            image_id=None if image_id is None else ids.decode(Kind.IMAGE, image_id),
            after=after,
        )
        async with aclosing(source) as updates:
            async for update in updates:
                yield SegmentationUpdateType.of(update)

    @strawberry.subscription(description="How much of a project waits for workers.")
    async def queue_stats_updated(
        self, info: Info, project_id: ProjectId
    ) -> AsyncGenerator[QueueStats, None]:
        """Stream a project's queue."""
        source = queue_updates(info.context, ids.decode(Kind.PROJECT, project_id))
        async with aclosing(source) as updates:
            async for update in updates:
                yield QueueStats.of(update)

    @strawberry.subscription(
        description="The numbers of all projects that the viewer can see, together."
    )
    async def dashboard_updated(self, info: Info) -> AsyncGenerator[Dashboard, None]:
        """Stream the viewer's dashboard."""
        async with aclosing(dashboards(info.context)) as updates:
            async for update in updates:
                yield Dashboard.of(update)

    @strawberry.subscription(
        description="How far one of the viewer's own uploads has come; may begin before it does."
    )
    async def upload_progressed(
        self,
        info: Info,
        upload_id: Annotated[
            strawberry.ID, strawberry.argument(description="The uploadId given to uploadImages.")
        ],
    ) -> AsyncGenerator[UploadProgressType, None]:
        """Stream the progress of an upload."""
        async with aclosing(upload_progress(info.context, upload_id)) as updates:
            async for update in updates:
                yield UploadProgressType.of(update)

    @strawberry.subscription(
        description="Who is watching a project right now, with any subscription to it."
    )
    async def presence_changed(
        self, info: Info, project_id: ProjectId
    ) -> AsyncGenerator[Presence, None]:
        """Stream who is there."""
        key = ids.decode(Kind.PROJECT, project_id)
        async with aclosing(presences(info.context, key)) as updates:
            async for present in updates:
                users = await load_users(info, sorted(present))
                yield Presence(project_id=project_id, users=[User.of(user) for user in users])
