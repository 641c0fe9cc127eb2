"""Projects as clients see them."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from persistence.change import ProjectAccess
from persistence.records import (
    ProjectRecord,
    ProjectRole,
    ProjectStats,
    QueueNumbers,
    SegmentationStatus,
)
from resolvers import export, project
from schema import ids
from schema.account import User
from schema.budget import budget_of
from schema.enums import describe
from schema.export import Formats
from schema.ids import Kind
from schema.image import ImageConnection
from schema.info import Info
from schema.inputs import Input
from schema.loaders import load_image_count, load_images, load_members, load_user, load_users
from schema.node import Node
from schema.pagination import After, First, PageInfo, after_key, page_info, page_size, search_text
from schema.scalars import BigInt

if TYPE_CHECKING:
    from schema.queue import QueueStats

describe(
    ProjectRole,
    "What a member of a project may do.",
    VIEWER="Sees the project and its images.",
    EDITOR="Changes its images and their segmentation, too.",
    OWNER="May do everything: rename, share and delete the project, too.",
)


@strawberry.type(
    name="ProjectStats",
    description="The numbers of one project."
    " Query and push read the same row: they can't disagree.",
)
class ProjectStatsType:
    """The numbers of one project."""

    image_count: int = strawberry.field(description="All images.")
    segmented_count: int = strawberry.field(description="Images that are SEGMENTED.")
    uploaded_count: int = strawberry.field(description="Images that are UPLOADED.")
    queued_count: int = strawberry.field(description="Images that are QUEUED.")
    processing_count: int = strawberry.field(description="Images that are PROCESSING.")
    no_segmentation_count: int = strawberry.field(description="Images that are NO_SEGMENTATION.")
    failed_count: int = strawberry.field(description="Images that are FAILED.")
    storage_bytes: BigInt = strawberry.field(description="Bytes of all original files.")
    revision: BigInt = strawberry.field(
        description="Grows with every committed change of the project:"
        " by one for each image it touches, else by one."
    )
    details_revision: BigInt = strawberry.field(
        description="The revision at which the project's name, description or members last changed:"
        " query them again where it has grown."
    )
    updated_at: datetime = strawberry.field(description="When the project last changed.")

    @classmethod
    def of(cls, stats: ProjectStats) -> "ProjectStatsType":
        """Make one of a record."""
        return cls(
            image_count=stats.image_count,
            segmented_count=stats.segmented_count,
            uploaded_count=stats.uploaded_count,
            queued_count=stats.queued_count,
            processing_count=stats.processing_count,
            no_segmentation_count=stats.no_segmentation_count,
            failed_count=stats.failed_count,
            storage_bytes=BigInt(stats.storage_bytes),
            revision=BigInt(stats.revision),
            details_revision=BigInt(stats.details_revision),
            updated_at=stats.updated_at,
        )


@strawberry.type(description="A person who belongs to a project.")
class ProjectMember:
    """A person's role in a project."""

    user: User = strawberry.field(description="The person.")
    role: ProjectRole = strawberry.field(description="What the person may do.")


@strawberry.type(description="Microscopy images that belong together, and who works on them.")
class Project(Node):
    """A project, as of one revision, and the viewer's role in it."""

    record: strawberry.Private[ProjectRecord]
    name: str = strawberry.field(description="What people call it.")
    description: str = strawberry.field(description="What it is about; may be empty.")
    viewer_role: ProjectRole = strawberry.field(description="The role of whoever asks.")
    details_revision: BigInt = strawberry.field(
        description="The revision at which the name, the description or the members last changed:"
        " what was read here is out of date once the stats tell of a later one."
    )
    created_at: datetime = strawberry.field(description="When the project was created.")
    updated_at: datetime = strawberry.field(
        description="When anything in the project last changed."
    )

    @classmethod
    def of(cls, access: ProjectAccess) -> "Project":
        """Make one of a project and the viewer's role in it."""
        record = access.project
        return cls(
            id=ids.encode(Kind.PROJECT, record.id),
            record=record,
            name=record.name,
            description=record.description,
            viewer_role=access.role,
            details_revision=BigInt(record.stats.details_revision),
            created_at=record.created_at,
            updated_at=record.stats.updated_at,
        )

    @strawberry.field(description="Whom the project belongs to.")
    async def owner(self, info: Info) -> User:
        """Load the owner."""
        return User.of(await load_user(info, self.record.owner_id))

    @strawberry.field(description="Everybody who may see the project, longest standing first.")
    async def members(self, info: Info) -> list[ProjectMember]:
        """Load the members."""
        members = await load_members(info, self.record.id)
        budget_of(info).spend(len(members))
        users = await load_users(info, [member.user_id for member in members])
        return [
            ProjectMember(user=User.of(user), role=member.role)
            for user, member in zip(users, members, strict=True)
        ]

    @strawberry.field(description="The project's numbers.")
    def stats(self) -> ProjectStatsType:
        """Return the numbers of the project's row."""
        return ProjectStatsType.of(self.record.stats)

    @strawberry.field(description="How much of the project waits for workers.")
    def queue(self) -> Annotated["QueueStats", strawberry.lazy("schema.queue")]:
        """Return the queue by the same row as the other numbers."""
        from schema.queue import QueueStats

        return QueueStats.of(QueueNumbers.of(self.record.id, self.record.stats))

    @strawberry.field(
        description="Short-lived signed address of a ZIP archive of what was found in all images."
        " It is made while it is downloaded, for as long as whoever asked here is a member."
    )
    def export_url(self, info: Info, formats: Formats = None) -> str:
        """Sign the address of the archive."""
        return export.project_address(info.context, self.record.id, formats)

    @strawberry.field(description="The project's images, newest first.")
    async def images(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        status: Annotated[
            list[SegmentationStatus] | None,
            strawberry.argument(description="Only images with one of these statuses."),
        ] = None,
        search: Annotated[
            str | None, strawberry.argument(description="Only images with this in the name.")
        ] = None,
    ) -> ImageConnection:
        """Load a page of images."""
        statuses = None if status is None else tuple(status)
        search = search_text(search)
        page = await load_images(
            info,
            self.record.id,
            first=page_size(info, first),
            after=after_key(Kind.IMAGE, after),
            statuses=statuses,
            search=search,
        )
        budget_of(info).spend(len(page.items))
        total = partial(load_image_count, info, self.record, statuses=statuses, search=search)
        return ImageConnection.of(page, total)


@strawberry.type(description="A project in a page of projects.")
class ProjectEdge:
    """A project and the cursor behind it."""

    cursor: str = strawberry.field(description="Pass as 'after' for the projects behind this one.")
    node: Project = strawberry.field(description="The project.")


@strawberry.type(description="A page of projects, newest first.")
class ProjectConnection:
    """A page of projects; the total is counted only where it is asked for."""

    edges: list[ProjectEdge] = strawberry.field(description="The projects of this page.")
    page_info: PageInfo = strawberry.field(description="Whether, and where, it goes on.")
    search: strawberry.Private[str | None]

    @strawberry.field(description="How many projects match, on all pages.")
    async def total_count(self, info: Info) -> int:
        """Count the projects that match."""
        return await project.count(info.context, search=self.search)


async def find_projects(
    info: Info, first: int | None, after: str | None, search: str | None
) -> ProjectConnection:
    """Return a page of the projects that the viewer can see."""
    page = await project.page(
        info.context,
        first=page_size(info, first),
        after=after_key(Kind.PROJECT, after),
        search=search_text(search),
    )
    budget_of(info).spend(len(page.items))
    projects = [Project.of(access) for access in page.items]
    return ProjectConnection(
        edges=[ProjectEdge(cursor=node.id, node=node) for node in projects],
        page_info=page_info(page, [node.id for node in projects]),
        search=search,
    )


@strawberry.input(description="A project to create.")
class CreateProjectInput:
    """A project to create."""

    name: str = strawberry.field(description="1 to 200 characters.")
    description: str | None = strawberry.field(
        default=None, description="What it is about; up to 10,000 characters."
    )


@strawberry.input(description="What to change of a project; what is left out stays.")
class UpdateProjectInput:
    """What to change of a project."""

    project_id: strawberry.ID = strawberry.field(description="The project.")
    name: str | None = strawberry.field(default=None, description="1 to 200 characters.")
    description: str | None = strawberry.field(default=None, description="Up to 10,000 characters.")


@strawberry.input(description="A project.")
class ProjectIdInput:
    """A project."""

    project_id: strawberry.ID = strawberry.field(description="The project.")


@strawberry.input(description="Whom to let in, and as what.")
class ShareProjectInput:
    """Whom to let in, and as what."""

    project_id: strawberry.ID = strawberry.field(description="The project.")
    email: str = strawberry.field(description="The e-mail address the person signed up with.")
    role: ProjectRole = strawberry.field(
        description="What the person may do; a member's role is changed to it."
    )


@strawberry.input(description="Whose membership to end; one's own is how to leave.")
class RevokeAccessInput:
    """Whose membership to end."""

    project_id: strawberry.ID = strawberry.field(description="The project.")
    user_id: strawberry.ID = strawberry.field(description="The member.")


@strawberry.type(description="A project as a mutation left it.")
class ProjectPayload:
    """A project as a mutation left it."""

    project: Project = strawberry.field(description="The project.")


@strawberry.type(description="A project that is gone.")
class DeleteProjectPayload:
    """A project that is gone."""

    project_id: strawberry.ID = strawberry.field(description="The project that was deleted.")


async def create_project(info: Info, input: Input[CreateProjectInput]) -> ProjectPayload:
    """Create a project."""
    access = await project.create(info.context, name=input.name, description=input.description)
    return ProjectPayload(project=Project.of(access))


async def update_project(info: Info, input: Input[UpdateProjectInput]) -> ProjectPayload:
    """Rename or describe a project."""
    access = await project.update(
        info.context,
        ids.decode(Kind.PROJECT, input.project_id),
        name=input.name,
        description=input.description,
    )
    return ProjectPayload(project=Project.of(access))


async def delete_project(info: Info, input: Input[ProjectIdInput]) -> DeleteProjectPayload:
    """Delete a project."""
    await project.delete(info.context, ids.decode(Kind.PROJECT, input.project_id))
    return DeleteProjectPayload(project_id=input.project_id)


async def share_project(info: Info, input: Input[ShareProjectInput]) -> ProjectPayload:
    """Let a person in, or change a member's role."""
    access = await project.share(
        info.context,
        ids.decode(Kind.PROJECT, input.project_id),
        email=input.email,
        role=input.role,
    )
    return ProjectPayload(project=Project.of(access))


async def revoke_access(info: Info, input: Input[RevokeAccessInput]) -> ProjectPayload:
    """End a membership."""
    access = await project.revoke(
        info.context,
        ids.decode(Kind.PROJECT, input.project_id),
        user_id=ids.decode(Kind.USER, input.user_id),
    )
    return ProjectPayload(project=Project.of(access))
