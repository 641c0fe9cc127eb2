"""Images as clients see them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from persistence.blobs import original_key, thumbnail_key
from persistence.change import ProjectAccess
from persistence.job import ImageJob
from persistence.pagination import Page
from persistence.records import ImageRecord, JobState, SegmentationFailure, SegmentationStatus
from resolvers import export, image
from resolvers.upload import THUMBNAIL_TYPE
from schema import ids
from schema.account import User
from schema.enums import describe
from schema.export import Format
from schema.ids import Kind
from schema.info import Info
from schema.inputs import Input
from schema.loaders import load_access, load_job, load_segmentation, load_user
from schema.node import Node
from schema.pagination import PageInfo, page_info
from schema.scalars import BigInt
from schema.sharing import SHARED

if TYPE_CHECKING:
    from schema.job import SegmentationJob
    from schema.project import Project
    from schema.queue import Segmentation

describe(
    SegmentationStatus,
    "Where an image stands on its way to being segmented.",
    UPLOADED="Stored; no segmentation was ever asked for.",
    QUEUED="Waiting for a worker.",
    PROCESSING="A worker is at it.",
    SEGMENTED="Finished, with at least one cell.",
    NO_SEGMENTATION="Finished, and found nothing.",
    FAILED="Ended with an error; ask again to try again.",
)

_IN_QUEUE = (SegmentationStatus.QUEUED, SegmentationStatus.PROCESSING)


@strawberry.type(description="Why a segmentation failed.")
class SegmentationError:
    """Why a segmentation failed."""

    code: str = strawberry.field(
        description="For programs: OUT_OF_MEMORY, TIMEOUT, BAD_IMAGE, LEASE_LOST, WORKER_ERROR …"
    )
    message: str = strawberry.field(description="For people.")
    retryable: bool = strawberry.field(description="Whether trying again may help.")

    @classmethod
    def of(cls, failure: SegmentationFailure | None) -> "SegmentationError | None":
        """Make one of a record; None stays None."""
        if failure is None:
            return None
        return cls(code=failure.code, message=failure.message, retryable=failure.retryable)


@strawberry.type(description="A microscopy image of a project.")
class Image(Node):
    """An image, as of one revision of its project."""

    record: strawberry.Private[ImageRecord]
    name: str = strawberry.field(description="The file's name, without folders.")
    status: SegmentationStatus = strawberry.field(
        description="Where the image stands on its way to being segmented."
    )
    error: SegmentationError | None = strawberry.field(
        description="Why the last segmentation failed; null unless the status is FAILED."
    )
    width: int = strawberry.field(description="Pixels across.")
    height: int = strawberry.field(description="Pixels down.")
    channels: int = strawberry.field(description="Samples a pixel: 1 for grey, 3 for colour.")
    pages: int = strawberry.field(
        description="Pages of a stack (z, t or series); 1 for a plain picture."
    )
    mime_type: str = strawberry.field(description="As found in the content, as image/tiff.")
    size_bytes: BigInt = strawberry.field(description="Size of the stored file in bytes.")
    checksum: str = strawberry.field(description="SHA-256 of the stored file, in hex.")
    created_at: datetime = strawberry.field(description="When the image was stored.")
    updated_at: datetime = strawberry.field(description="When the image last changed.")
    revision: BigInt = strawberry.field(
        description="The project's revision at this image's last change;"
        " no two images of a project share one."
    )

    @classmethod
    def of(cls, record: ImageRecord) -> "Image":
        """Make one of a record."""
        return cls(
            id=ids.encode(Kind.IMAGE, record.id),
            record=record,
            name=record.name,
            status=record.status,
            error=SegmentationError.of(record.failure),
            width=record.width,
            height=record.height,
            channels=record.channels,
            pages=record.pages,
            mime_type=record.mime_type,
            size_bytes=BigInt(record.size_bytes),
            checksum=record.checksum,
            created_at=record.created_at,
            updated_at=record.updated_at,
            revision=BigInt(record.revision),
        )

    @strawberry.field(description="The project that the image belongs to.")
    async def project(self, info: Info) -> Annotated["Project", strawberry.lazy("schema.project")]:
        """Load the project."""
        from schema.project import Project

        return Project.of(await load_access(info, self.record.project_id))

    @strawberry.field(
        description="Short-lived signed address of the original file.", metadata=SHARED
    )
    def url(self, info: Info) -> str:
        """Sign the address of the original file."""
        record = self.record
        key = original_key(record.project_id, record.id)
        context = info.context
        path = context.services.addresses.path(key, record.name, record.mime_type)
        return context.base_url + path

    @strawberry.field(
        description="Short-lived signed address of a WebP picture of up to 300 × 300 pixels,"
        " contrast stretched so that microscopy can be seen.",
        metadata=SHARED,
    )
    def thumbnail_url(self, info: Info) -> str:
        """Sign the address of the thumbnail."""
        key = thumbnail_key(self.record.project_id, self.record.id)
        context = info.context
        path = context.services.addresses.path(key, f"{self.record.name}.webp", THUMBNAIL_TYPE)
        return context.base_url + path

    @strawberry.field(
        description="Short-lived signed address of a Deep Zoom descriptor (DZI), for viewers as"
        " OpenSeadragon: the picture in tiles, contrast stretched as in the thumbnail.",
        metadata=SHARED,
    )
    def deep_zoom_url(self, info: Info) -> str:
        """Sign the address of the picture in tiles."""
        addresses, record = info.context.services.deep_zoom_addresses, self.record
        return info.context.base_url + addresses.path(record.project_id, record.id)

    @strawberry.field(
        description="Short-lived signed address of what the latest finished run found, as a file;"
        " null before there is one.",
        metadata=SHARED,
    )
    def export_url(self, info: Info, format: Format) -> str | None:
        """Sign the address of the export."""
        run_id = self.record.segmentation_id
        return None if run_id is None else export.run_address(info.context, run_id, format)

    @strawberry.field(
        description="Who stored the image; null where the account is gone.", metadata=SHARED
    )
    async def uploaded_by(self, info: Info) -> User | None:
        """Load the user."""
        if self.record.uploaded_by is None:
            return None
        return User.of(await load_user(info, self.record.uploaded_by))

    @strawberry.field(
        description="What the latest finished run found; null before there is one.",
        metadata=SHARED,
    )
    async def segmentation(
        self, info: Info
    ) -> Annotated["Segmentation", strawberry.lazy("schema.queue")] | None:
        """Load the segmentation."""
        from schema.queue import Segmentation

        if self.record.segmentation_id is None:
            return None
        return Segmentation.of(await load_segmentation(info, self.record.segmentation_id))

    @strawberry.field(
        description="The job of the queue that the image waits for, or that a worker is at; null"
        " where there is none.",
        metadata=SHARED,
        graphql_type=Annotated["SegmentationJob", strawberry.lazy("schema.job")] | None,
    )
    def job(self, info: Info) -> "Awaitable[SegmentationJob | None] | None":
        """Load the job, if the image may have one."""
        job_id = self.record.job_id
        if job_id is None or self.record.status not in _IN_QUEUE:
            return None
        return _job(info, job_id, self.record)


async def _job(info: Info, job_id: UUID, record: ImageRecord) -> "SegmentationJob | None":
    from schema.job import SegmentationJob

    job = await load_job(info, job_id)
    # The image is as of one revision, and the job as it is now: it may be over.
    active = job.state in (JobState.QUEUED, JobState.PROCESSING)
    return SegmentationJob.of(ImageJob(job=job, image=record)) if active else None


@strawberry.type(description="An image in a page of images.")
class ImageEdge:
    """An image and the cursor behind it."""

    cursor: str = strawberry.field(description="Pass as 'after' for the images behind this one.")
    node: Image = strawberry.field(description="The image.")


@strawberry.type(description="A page of images, newest first.")
class ImageConnection:
    """A page of images; the total is counted only where it is asked for."""

    edges: list[ImageEdge] = strawberry.field(description="The images of this page.")
    page_info: PageInfo = strawberry.field(description="Whether, and where, it goes on.")
    total: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many images match, on all pages.")
    async def total_count(self) -> int:
        """Count the images that match."""
        return await self.total()

    @classmethod
    def of(cls, page: Page[ImageRecord], total: Callable[[], Awaitable[int]]) -> "ImageConnection":
        """Make one of a page, and of what counts all that match."""
        images = [Image.of(record) for record in page.items]
        return cls(
            edges=[ImageEdge(cursor=image.id, node=image) for image in images],
            page_info=page_info(page, [image.id for image in images]),
            total=total,
        )


@strawberry.input(description="Which image to delete.")
class DeleteImageInput:
    """Which image to delete."""

    image_id: strawberry.ID = strawberry.field(description="The image.")


@strawberry.input(description="Which images to delete: all of them, or none.")
class DeleteImagesInput:
    """Which images to delete."""

    image_ids: list[strawberry.ID] = strawberry.field(
        description="Up to 1,000 images of one project."
    )


@strawberry.type(description="What was deleted.")
class DeleteImagesPayload:
    """What was deleted, and the project's numbers after it."""

    access: strawberry.Private[ProjectAccess]
    deleted_ids: list[strawberry.ID] = strawberry.field(description="The images that are gone.")

    @strawberry.field(description="The project, without them.")
    def project(self) -> Annotated["Project", strawberry.lazy("schema.project")]:
        """Return the project as the deletion left it."""
        from schema.project import Project

        return Project.of(self.access)


async def delete_images(info: Info, input: Input[DeleteImagesInput]) -> DeleteImagesPayload:
    """Delete images of one project."""
    image_ids = [ids.decode(Kind.IMAGE, image_id) for image_id in input.image_ids]
    access = await image.delete(info.context, image_ids)
    return DeleteImagesPayload(access=access, deleted_ids=input.image_ids)


async def delete_image(info: Info, input: Input[DeleteImageInput]) -> DeleteImagesPayload:
    """Delete one image."""
    return await delete_images(info, DeleteImagesInput(image_ids=[input.image_id]))
