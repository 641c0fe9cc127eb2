"""The archive of a project: what was found in all its images, in one pass over them.

GeoJSON and masks are entries of their own for each image. COCO and CSV are one entry each for all
images, and grow on disk meanwhile; or, where nothing else is sent, flow off as they are made, so
that a client never waits long for the next bytes.
"""

import tempfile
from collections.abc import AsyncIterable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from persistence.blobs import BlobNotFound
from persistence.records import ImageRecord, SegmentationRecord
from resolvers.exports import coco, table
from resolvers.exports.coco import CocoImage
from resolvers.exports.exporter import Exporter, ExportFailed, Made, entry_of, image_id_of
from resolvers.exports.formats import ExportFormat
from resolvers.exports.names import UniqueNames, split_name
from resolvers.exports.zipping import Send, ZipStream

_FOLDERS = {ExportFormat.GEOJSON: ("geojson", ".geojson"), ExportFormat.MASKS: ("masks", ".tif")}
_SHARED = {ExportFormat.COCO: "coco.json", ExportFormat.CSV: "measurements.csv"}
_INDEX = "images.csv"
# The entries of the COCO file's images, which stand behind all annotations.
_LISTED = "images.json"
_INDEX_HEADER = (
    "image",
    "image_id",
    "file",
    "width_px",
    "height_px",
    "channels",
    "cell_count",
    "cell_area_px2",
    "model",
    "model_version",
    "finished_at",
    "problem",
)

Found = tuple[ImageRecord, SegmentationRecord]


class Subject(Struct, frozen=True, kw_only=True):
    """What an archive is of: ``columns`` is how many columns of intensities its table has."""

    name: str
    formats: Sequence[ExportFormat]
    columns: int
    created_at: datetime


class Archive:
    """One archive on its way. ``folder`` is an empty one for files in the meantime."""

    def __init__(self, exporter: Exporter, subject: Subject, folder: Path, send: Send) -> None:
        self._exporter = exporter
        self._subject = subject
        self._folder = folder
        self._zip = ZipStream(send)
        self._names = UniqueNames()
        self._shared: dict[ExportFormat, IO[bytes]] = {}
        self._spooled: list[str] = []
        self._images = 0
        self._annotations = 0

    async def make(self, found: AsyncIterable[Found]) -> None:
        """Send all of it, of these images. What ``found`` raises breaks it off."""
        with ExitStack() as files:
            self._index = files.enter_context((self._folder / _INDEX).open("wb"))
            self._listed = files.enter_context((self._folder / _LISTED).open("w+b"))
            self._index.write(table.lines([_INDEX_HEADER]))
            self._begin(files)
            async for image, run in found:
                await self._add(image, run)
            await self._end_coco()
        for name in (*self._spooled, _INDEX):
            await self._zip.add(name, self._subject.created_at, self._folder / name)
        await self._zip.end()

    def _begin(self, files: ExitStack) -> None:
        subject = self._subject
        flows_off = not _FOLDERS.keys() & set(subject.formats)
        for format_, name in _SHARED.items():
            if format_ not in subject.formats:
                continue
            if flows_off and not self._shared:
                file = files.enter_context(self._zip.entry(name, subject.created_at))
            else:
                file = files.enter_context((self._folder / name).open("wb"))
                self._spooled.append(name)
            if format_ is ExportFormat.CSV:
                file.write(table.cell_header(subject.columns))
            else:
                file.write(coco.beginning(subject.name, subject.created_at))
            self._shared[format_] = file

    async def _add(self, image: ImageRecord, run: SegmentationRecord) -> None:
        self._images += 1
        stem, extension = split_name(image.name)
        stem = self._names.unique(stem)
        entry = entry_of(image, number=self._images, file_name=f"{stem}{extension}")
        with tempfile.TemporaryDirectory(dir=self._folder) as place:
            try:
                made = await self._make(image, run, entry, Path(place))
            except BlobNotFound:
                return
            except ExportFailed as failed:
                problem: str | None = failed.message
            else:
                problem = made.problem
                self._listed.write(b"," * (self._listed.tell() > 0) + msgspec.json.encode(entry))
                for format_ in self._subject.formats:
                    await self._add_file(made, format_, stem, run.created_at)
        self._index.write(table.lines([_index_row(image, run, stem, problem)]))

    async def _make(
        self, image: ImageRecord, run: SegmentationRecord, entry: CocoImage, place: Path
    ) -> Made:
        return await self._exporter.make(
            image,
            run,
            self._subject.formats,
            place,
            columns=self._subject.columns,
            entry=entry,
            first_annotation=self._annotations + 1,
        )

    async def _add_file(
        self, made: Made, format_: ExportFormat, stem: str, modified: datetime
    ) -> None:
        path = made.folder / format_
        if format_ in _FOLDERS:
            folder, suffix = _FOLDERS[format_]
            await self._zip.add(f"{folder}/{stem}{suffix}", modified, path)
            return
        target = self._shared[format_]
        if format_ is ExportFormat.COCO and made.annotations:
            target.write(b"," * (self._annotations > 0))
            self._annotations += made.annotations
        with path.open("rb") as source:
            await self._zip.copy(source, target)

    async def _end_coco(self) -> None:
        target = self._shared.get(ExportFormat.COCO)
        if target is None:
            return
        self._listed.seek(0)
        target.write(coco.BETWEEN)
        await self._zip.copy(self._listed, target)
        target.write(coco.END)


def _index_row(
    image: ImageRecord, run: SegmentationRecord, stem: str, problem: str | None
) -> Sequence[table.Value]:
    return (
        image.name,
        image_id_of(image),
        stem,
        image.width,
        image.height,
        image.channels,
        run.cell_count,
        run.cell_area,
        run.model,
        run.model_version,
        run.created_at.isoformat(),
        problem,
    )
