"""Uploading images."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from persistence.change import ProjectAccess
from resolvers import upload
from resolvers.live.upload import UploadProgress
from schema import ids
from schema.ids import Kind
from schema.image import Image
from schema.info import Info
from schema.inputs import Input
from schema.scalars import BigInt, Upload

if TYPE_CHECKING:
    from schema.project import Project


@strawberry.input(description="Image files for a project.")
class UploadImagesInput:
    """Image files for a project."""

    project_id: strawberry.ID = strawberry.field(description="The project.")
    files: list[Upload] = strawberry.field(
        description="1 to 1,000 files: PNG, JPEG, TIFF, OME-TIFF, BMP, WebP or GIF."
        " What a file is, its content decides."
    )
    upload_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Chosen by the client: names this upload in uploadProgressed,"
        " and makes a repeated call a no-op.",
    )


@strawberry.type(
    description="A file that was not stored, and why. Its neighbours are stored all the same."
)
class RejectedFile:
    """A file that was not stored, and why."""

    name: str = strawberry.field(description="The file's name.")
    code: str = strawberry.field(
        description="For programs: EMPTY_FILE, NOT_AN_IMAGE, UNSUPPORTED_FORMAT, TRUNCATED,"
        " TOO_MANY_PIXELS, FILE_TOO_LARGE, QUOTA_EXCEEDED or INSPECTION_FAILED."
    )
    message: str = strawberry.field(description="For people.")


@strawberry.type(description="What came of an upload.")
class UploadImagesPayload:
    """What came of an upload."""

    access: strawberry.Private[ProjectAccess]
    images: list[Image] = strawberry.field(
        description="The images that were stored, in the order of the files."
    )
    rejected: list[RejectedFile] = strawberry.field(
        description="The files that were not stored, in the order of the files."
    )
    repeated: bool = strawberry.field(
        description="Whether this is what an earlier call with the same uploadId came to, less the"
        " images that were deleted since."
    )

    @strawberry.field(description="The project, with the new images.")
    def project(self) -> Annotated["Project", strawberry.lazy("schema.project")]:
        """Return the project as the upload left it."""
        from schema.project import Project

        return Project.of(self.access)


async def upload_images(info: Info, input: Input[UploadImagesInput]) -> UploadImagesPayload:
    """Store image files in a project."""
    uploaded = await upload.upload_images(
        info.context,
        ids.decode(Kind.PROJECT, input.project_id),
        input.files,
        input.upload_id,
    )
    return UploadImagesPayload(
        images=[Image.of(image) for image in uploaded.images],
        rejected=[
            RejectedFile(name=file.name, code=file.code, message=file.message)
            for file in uploaded.rejected
        ],
        access=uploaded.project,
        repeated=uploaded.repeated,
    )


@strawberry.type(name="UploadProgress", description="How far an upload has come.")
class UploadProgressType:
    """How far an upload has come."""

    upload_id: strawberry.ID = strawberry.field(description="The upload, as its client named it.")
    files_total: int = strawberry.field(description="Files in the upload; 0 before it begins.")
    files_stored: int = strawberry.field(description="Files that were accepted so far.")
    files_rejected: int = strawberry.field(description="Files that were rejected so far.")
    bytes_received: BigInt = strawberry.field(description="Bytes of files that came in so far.")
    done: bool = strawberry.field(description="Whether the upload is finished; nothing follows.")

    @classmethod
    def of(cls, progress: UploadProgress) -> "UploadProgressType":
        """Make one of a record."""
        return cls(
            upload_id=strawberry.ID(progress.upload_id),
            files_total=progress.files_total,
            files_stored=progress.files_stored,
            files_rejected=progress.files_rejected,
            bytes_received=BigInt(progress.bytes_received),
            done=progress.done,
        )
