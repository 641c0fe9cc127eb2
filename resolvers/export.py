"""Exports: their addresses, and what is behind them."""

import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

import msgspec
from msgspec import Struct

from persistence import export as exports
from persistence import image, project, queue
from persistence.blobs import BlobNotFound
from persistence.change import ProjectAccess
from persistence.database import Connection, Database
from persistence.records import ImageRecord, SegmentationRecord
from resolvers.context import Context, Services
from resolvers.errors import BadUserInput, NotFound
from resolvers.exports import coco, table
from resolvers.exports.addresses import SignedProject, SignedRun
from resolvers.exports.archive import Archive, Found, Subject
from resolvers.exports.exporter import columns_of, entry_of
from resolvers.exports.formats import ARCHIVE, KINDS, ExportFormat
from resolvers.exports.names import safe_name, split_name
from resolvers.exports.threads import in_thread
from resolvers.exports.zipping import Send

_PAGE = 100
_PIECE_BYTES = 2**18
_DELETED = "The image was deleted."
_NO_ACCESS = "The project was deleted, or is no longer shared with whom this address was made for."


def run_address(context: Context, segmentation_id: UUID, format_: ExportFormat) -> str:
    """Return the address of what a run found, as one file; the viewer was found to see it."""
    path = context.services.export_addresses.run_path(segmentation_id, format_)
    return context.base_url + path


def project_address(
    context: Context, project_id: UUID, formats: Sequence[ExportFormat] | None
) -> str:
    """Return the address of the archive of a project that the viewer was found to see.

    In these formats, or in all. BadUserInput where there are none.
    """
    if formats is not None and not formats:
        raise BadUserInput("formats is empty: leave it out for all of them.")
    wanted = [format_ for format_ in ExportFormat if formats is None or format_ in formats]
    addresses = context.services.export_addresses
    return context.base_url + addresses.project_path(project_id, context.user_id, wanted)


class RunExport(Struct, frozen=True, kw_only=True):
    """What a run found, to be made a file of this name."""

    image: ImageRecord
    run: SegmentationRecord
    format: ExportFormat
    filename: str
    media_type: str


class RunFile(Struct, frozen=True, kw_only=True):
    """A file that is made: what is at ``path``, between two ends. ``size`` is in bytes."""

    before: bytes
    path: Path
    behind: bytes
    size: int

    async def send_to(self, send: Send) -> None:
        """Send the content."""
        await send(self.before)
        with self.path.open("rb") as file:
            while piece := await in_thread(partial(file.read, _PIECE_BYTES)):
                await send(piece)
        await send(self.behind)


async def find_run(services: Services, signed: SignedRun) -> RunExport:
    """Return what the address of a run stands for; NotFound where its image was deleted."""
    async with services.database.reading() as connection:
        runs = await queue.segmentations(connection, [signed.segmentation_id])
        images = await image.find(connection, [run.image_id for run in runs.values()])
    for run in runs.values():
        if run.image_id in images:
            found, kind = images[run.image_id], KINDS[signed.format]
            return RunExport(
                image=found,
                run=run,
                format=signed.format,
                filename=f"{split_name(found.name)[0]}{kind.suffix}",
                media_type=kind.media_type,
            )
    raise NotFound(_DELETED)


@asynccontextmanager
async def run_file(services: Services, export: RunExport) -> AsyncIterator[RunFile]:
    """Make the file, which is gone behind the block.

    Raises NotFound where the image was deleted meanwhile, and ExportFailed.
    """
    found = export.image
    stem, extension = split_name(found.name)
    entry = entry_of(found, number=1, file_name=f"{stem}{extension}")
    columns = columns_of(found.channels)
    with tempfile.TemporaryDirectory(dir=services.spool) as folder:
        try:
            made = await services.exporter.make(
                found, export.run, [export.format], Path(folder), columns=columns, entry=entry
            )
        except BlobNotFound:
            raise NotFound(_DELETED) from None
        before, behind = b"", b""
        if export.format is ExportFormat.CSV:
            before = table.cell_header(columns)
        elif export.format is ExportFormat.COCO:
            before = coco.beginning(found.name, export.run.created_at)
            behind = coco.BETWEEN + msgspec.json.encode(entry) + coco.END
        path = made.folder / export.format
        size = len(before) + path.stat().st_size + len(behind)
        yield RunFile(before=before, path=path, behind=behind, size=size)


class ProjectExport(Struct, frozen=True, kw_only=True):
    """A project, to be made an archive of this name for a member."""

    signed: SignedProject
    subject: Subject
    filename: str


async def find_project(services: Services, signed: SignedProject) -> ProjectExport:
    """Return what the address of a project stands for.

    NotFound where it was deleted, or its member is none any more.
    """
    async with services.database.for_viewer(signed.viewer_id).reading() as connection:
        seen = await _access(connection, signed)
        channels = await exports.most_channels(connection, signed.project_id)
    name = seen.project.name
    return ProjectExport(
        signed=signed,
        subject=Subject(
            name=name,
            formats=signed.formats,
            columns=columns_of(channels),
            created_at=services.clock(),
        ),
        filename=f"{safe_name(name)}{ARCHIVE.suffix}",
    )


async def send_project(services: Services, export: ProjectExport, send: Send) -> None:
    """Send the archive. NotFound breaks it off where the member is none any more."""
    database = services.database.for_viewer(export.signed.viewer_id)
    with tempfile.TemporaryDirectory(dir=services.spool) as folder:
        archive = Archive(services.exporter, export.subject, Path(folder), send)
        async with aclosing(_found(database, export.signed)) as found:
            await archive.make(found)


async def _found(database: Database, signed: SignedProject) -> AsyncGenerator[Found, None]:
    """Yield the images that have a finished run, newest first: those that come later never do.

    With each page it is looked anew whether the member may see them.
    """
    after: UUID | None = None
    has_next = True
    while has_next:
        async with database.reading() as connection:
            await _access(connection, signed)
            pages = await image.pages(connection, [signed.project_id], first=_PAGE, after=after)
            page = pages[signed.project_id]
            ids = [found.segmentation_id for found in page.items if found.segmentation_id]
            runs = await queue.segmentations(connection, ids)
        for found in page.items:
            run = runs.get(found.segmentation_id) if found.segmentation_id else None
            if run is not None:
                yield found, run
        has_next = page.has_next
        after = page.items[-1].id if page.items else None


async def _access(connection: Connection, signed: SignedProject) -> ProjectAccess:
    seen = await project.access(connection, signed.project_id, signed.viewer_id)
    if seen is None:
        raise NotFound(_NO_ACCESS)
    return seen
