"""Files of exports, made image by image in processes of their own."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from persistence.blobs import BlobStore, original_key, polygons_key
from persistence.image_files import ImageLimits
from persistence.processes import Processes
from persistence.records import ImageRecord, SegmentationRecord
from resolvers.errors import HubError
from resolvers.exports.coco import CocoImage
from resolvers.exports.formats import ExportFormat
from resolvers.exports.table import MAX_CHANNELS
from resolvers.exports.worker import Done, Outcome, Refused, Work

WORKER = (sys.executable, "-m", "resolvers.exports.worker")
_SECONDS = 120.0
_UNDECODED = "Intensities can't be measured: the image takes too much time or memory to decode."


class ExportFailed(HubError):
    """A result that takes more time or memory than an export may."""

    code = "EXPORT_FAILED"


class Made(Struct, frozen=True, kw_only=True):
    """What was made of an image: files in ``folder``, named after their formats.

    ``annotations`` is how many the COCO file has, ``problem`` why the rows of the CSV lack
    intensities; None where they don't.
    """

    folder: Path
    annotations: int
    problem: str | None


class Exporter:
    """Makes files in a pool of processes, started when first needed, gone after ``async with``."""

    def __init__(
        self,
        blobs: BlobStore,
        *,
        limits: ImageLimits | None = None,
        processes: int = 2,
        command: Sequence[str] = WORKER,
    ) -> None:
        limits = limits or ImageLimits(seconds=_SECONDS)
        self._blobs = blobs
        self._processes: Processes[Outcome] = Processes(
            (*command, msgspec.json.encode(limits).decode()),
            Outcome,
            count=processes,
            seconds=limits.seconds,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._processes.close()

    async def make(
        self,
        image: ImageRecord,
        run: SegmentationRecord,
        formats: Sequence[ExportFormat],
        folder: Path,
        *,
        columns: int,
        entry: CocoImage,
        first_annotation: int = 1,
    ) -> Made:
        """Make the files of what a run found in an empty folder; see Work for what they hold.

        Raise BlobNotFound where the image was deleted, and ExportFailed.
        """
        key = polygons_key(run.project_id, run.id)
        original = None
        if ExportFormat.CSV in formats:
            stored = original_key(image.project_id, image.id)
            original = await self._blobs.file(stored, folder)
        work = Work(
            outlines=str(await self._blobs.file(key, folder)),
            original=str(original) if original else None,
            folder=str(folder),
            formats=list(formats),
            image=entry,
            channels=image.channels,
            columns=columns,
            first_annotation=first_annotation,
        )
        done = await self._done(work)
        return Made(folder=folder, annotations=done.annotations, problem=done.problem)

    async def _done(self, work: Work) -> Done:
        outcome = await self._ask(work)
        if outcome is None and work.original is not None:
            # The pixels are the likelier cause, and all else can be had without them.
            outcome = await self._ask(msgspec.structs.replace(work, original=None))
            if isinstance(outcome, Done):
                outcome = msgspec.structs.replace(outcome, problem=_UNDECODED)
        match outcome:
            case Done():
                return outcome
            case Refused(message=message):
                raise ExportFailed(message)
            case _:
                raise ExportFailed("To export this image like this takes too much time or memory.")

    async def _ask(self, work: Work) -> Outcome | None:
        try:
            return await self._processes.ask(work)
        except TimeoutError:
            return None


def entry_of(image: ImageRecord, *, number: int, file_name: str) -> CocoImage:
    """Return how files of an export speak of an image."""
    return CocoImage(
        id=number,
        file_name=file_name,
        width=image.width,
        height=image.height,
        name=image.name,
        hub_id=image_id_of(image),
    )


def image_id_of(image: ImageRecord) -> str:
    """Return the image's id as the API has it."""
    return f"img_{image.id.hex}"


def columns_of(channels: int) -> int:
    """Return how many columns of intensities there are for images of so many channels."""
    return min(channels, MAX_CHANNELS)
