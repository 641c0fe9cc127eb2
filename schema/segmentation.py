"""Setting images' segmentation status."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.types.arguments import InputContext

from persistence.change import ProjectAccess
from persistence.records import SegmentationFailure, SegmentationStatus
from resolvers import segmentation
from resolvers.access import serves_all
from resolvers.segmentation import StatusChange
from schema import ids
from schema.ids import Kind
from schema.image import Image
from schema.info import Info
from schema.inputs import Input
from schema.loaders import load_access

if TYPE_CHECKING:
    from schema.project import Project


@strawberry.input(description="Why a segmentation failed.")
class SegmentationErrorInput:
    """Why a segmentation failed."""

    code: str = strawberry.field(
        description="For programs: OUT_OF_MEMORY, TIMEOUT, BAD_IMAGE, WORKER_ERROR …"
    )
    message: str = strawberry.field(description="For people.")
    retryable: bool = strawberry.field(description="Whether trying again may help.")

    def failure(self) -> SegmentationFailure:
        """Return it as a record."""
        return SegmentationFailure(code=self.code, message=self.message, retryable=self.retryable)


@strawberry.input(description="What an image's status is to become.")
class SetSegmentationStatusInput:
    """What an image's status is to become."""

    image_id: strawberry.ID = strawberry.field(description="The image.")
    status: SegmentationStatus = strawberry.field(
        description="Its next status. UPLOADED → QUEUED → PROCESSING → SEGMENTED,"
        " NO_SEGMENTATION or FAILED → QUEUED …; QUEUED may also go back to UPLOADED or end FAILED,"
        " PROCESSING back to QUEUED. Any other move is a CONFLICT."
    )
    queue_id: strawberry.ID | None = strawberry.field(
        default=None, description="The job that this belongs to, where there is one."
    )
    error: SegmentationErrorInput | None = strawberry.field(
        default=None, description="Why it failed; goes with FAILED only."
    )

    def change(self) -> StatusChange:
        """Return it as a record."""
        return StatusChange(
            image_id=ids.decode(Kind.IMAGE, self.image_id),
            status=self.status,
            job_id=None if self.queue_id is None else ids.decode(Kind.JOB, self.queue_id),
            failure=None if self.error is None else self.error.failure(),
        )


def _read(
    cls: type[SetSegmentationStatusInput], value: Mapping[str, Any], _context: InputContext
) -> SetSegmentationStatusInput:
    error = value.get("error")
    return cls(
        image_id=value["imageId"],
        status=value["status"],
        queue_id=value.get("queueId"),
        error=None if error is None else SegmentationErrorInput(**error),
    )


# Strawberry's own way from GraphQL's names to Python's takes a tenth of the CPU of a batch.
SetSegmentationStatusInput.__strawberry_definition__.from_input = _read  # type: ignore[attr-defined]


@strawberry.input(description="What several images' statuses are to become.")
class SetSegmentationStatusesInput:
    """What several images' statuses are to become."""

    changes: list[SetSegmentationStatusInput] = strawberry.field(
        description="Up to 1,000, of different images. Those of one project are made all or none."
    )


@strawberry.type(description="An image whose status was set, and its project after it.")
class SetSegmentationStatusPayload:
    """An image whose status was set, and its project after it."""

    access: strawberry.Private[ProjectAccess]
    image: Image = strawberry.field(description="The image as changed.")

    @strawberry.field(description="Its project as changed.")
    async def project(self, info: Info) -> Annotated["Project", strawberry.lazy("schema.project")]:
        """Return the project as the change left it, to those who may see it."""
        from schema.project import Project

        if serves_all(info.context):
            # It was let in as a worker, which may end jobs of projects that it may not see.
            return Project.of(await load_access(info, self.access.project.id))
        return Project.of(self.access)


@strawberry.type(description="Images whose statuses were set, and their projects after it.")
class SetSegmentationStatusesPayload:
    """Images whose statuses were set, and their projects after it."""

    accesses: strawberry.Private[list[ProjectAccess]]
    images: list[Image] = strawberry.field(
        description="The images as changed, in the order of the call."
    )

    @strawberry.field(description="Their projects as changed, each once.")
    def projects(self) -> list[Annotated["Project", strawberry.lazy("schema.project")]]:
        """Return the projects as the changes left them."""
        from schema.project import Project

        return [Project.of(access) for access in self.accesses]


async def set_segmentation_status(
    info: Info, input: Input[SetSegmentationStatusInput]
) -> SetSegmentationStatusPayload:
    """Set the status of one image."""
    changed = await segmentation.set_statuses(info.context, [input.change()])
    return SetSegmentationStatusPayload(
        image=Image.of(changed.images[0]), access=changed.projects[0]
    )


async def set_segmentation_statuses(
    info: Info, input: Input[SetSegmentationStatusesInput]
) -> SetSegmentationStatusesPayload:
    """Set the statuses of many images."""
    changed = await segmentation.set_statuses(
        info.context, [change.change() for change in input.changes]
    )
    return SetSegmentationStatusesPayload(
        images=[Image.of(image) for image in changed.images], accesses=list(changed.projects)
    )
