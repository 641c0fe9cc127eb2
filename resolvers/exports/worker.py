"""The process that makes the files of an export of one image, apart from the hub.

Results may have a hundred thousand outlines, and to measure intensities it decodes what strangers
uploaded: here that takes neither the hub's time nor its memory.
"""

import gzip
import shutil
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from persistence import confined
from persistence.image_pixels import read_pixels
from persistence.image_verdict import ImageLimits, RejectedImage
from resolvers.exports import coco, table
from resolvers.exports.coco import CocoImage
from resolvers.exports.formats import ExportFormat
from resolvers.exports.intensities import mean_intensities
from resolvers.exports.masks import write_masks
from resolvers.exports.measure import Shapes, pixel_counts, shapes_of
from resolvers.exports.outlines import Outlines, Positions, outlines_of
from resolvers.exports.raster import Spans, TooIntricate, spans_of

_TOO_LARGE = "The outlines of this image are too many or too intricate to be exported like this."
_UNLIKE = "its pixels are stored in another way than its metadata say"


class Work(Struct, frozen=True, kw_only=True):
    """What is to be made of one image.

    ``outlines`` is the file of its polygons, ``original`` that of its pixels, where they are to be
    measured. Into ``folder`` goes a file for each format, of the format's name: GeoJSON and masks
    whole, of COCO the annotations alone, numbered from ``first_annotation`` on and separated by
    commas, and of CSV the rows without the header, with so many ``columns`` of intensities.
    """

    outlines: str
    original: str | None
    folder: str
    formats: list[ExportFormat]
    image: CocoImage
    channels: int
    columns: int
    first_annotation: int


class Done(Struct, frozen=True, kw_only=True, tag="done"):
    """The files are made, with so many annotations; ``problem`` is why they lack intensities."""

    annotations: int
    problem: str | None


class Refused(Struct, frozen=True, tag="refused"):
    """The files can't be made; ``message`` says why."""

    message: str


Outcome = Done | Refused


def make(work: Work, limits: ImageLimits) -> Done:
    """Make the files in this very process. Raise TooIntricate."""
    folder, image = Path(work.folder), work.image
    if ExportFormat.GEOJSON in work.formats:
        with gzip.open(work.outlines) as stored, (folder / ExportFormat.GEOJSON).open("wb") as file:
            shutil.copyfileobj(stored, file)
    if set(work.formats) <= {ExportFormat.GEOJSON}:
        return Done(annotations=0, problem=None)
    outlines = outlines_of(gzip.decompress(Path(work.outlines).read_bytes()))
    spans = spans_of(outlines, width=image.width, height=image.height)
    shapes, problem = shapes_of(outlines), None
    if ExportFormat.MASKS in work.formats:
        path = folder / ExportFormat.MASKS
        write_masks(path, spans, outlines.labels, width=image.width, height=image.height)
    if ExportFormat.COCO in work.formats:
        first = work.first_annotation
        made = coco.annotations(outlines, spans, shapes, image=image, first_id=first)
        _write(folder / ExportFormat.COCO, made)
    if ExportFormat.CSV in work.formats:
        means, problem = _means(work, spans, len(outlines.labels), limits)
        (folder / ExportFormat.CSV).write_bytes(_rows(work, outlines, spans, shapes, means))
    return Done(annotations=len(outlines.labels), problem=problem)


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for index, piece in enumerate(pieces):
            file.write(b"," + piece if index else piece)


def _rows(
    work: Work, outlines: Outlines, spans: Spans, shapes: Shapes, means: Positions | None
) -> bytes:
    lengths = spans.stop - spans.start
    rows = table.cell_rows(
        image=work.image.name,
        image_id=work.image.hub_id,
        labels=outlines.labels,
        shapes=shapes,
        pixel_counts=pixel_counts(spans.cell, lengths, len(outlines.labels)),
        means=means,
        channels=work.columns,
    )
    return table.lines(rows)


def _means(
    work: Work, spans: Spans, count: int, limits: ImageLimits
) -> tuple[Positions | None, str | None]:
    """Return mean intensities, or why there are none."""
    if work.original is None:
        return None, None
    try:
        pixels = read_pixels(Path(work.original), limits)
        if pixels.shape != (work.image.height, work.image.width, work.channels):
            return None, f"Intensities can't be measured: {_UNLIKE}."
        return mean_intensities(spans, pixels[:, :, : work.columns], count=count), None
    except RejectedImage as rejected:
        return None, f"Intensities can't be measured. {rejected.message}"
    except MemoryError:
        return None, "Intensities can't be measured: decoding the image takes too much memory."


def answer(line: bytes, limits: ImageLimits) -> Outcome:
    """Make what a line of JSON asks for."""
    try:
        return make(msgspec.json.decode(line, type=Work), limits)
    except (TooIntricate, MemoryError):
        return Refused(_TOO_LARGE)
    except Exception:  # noqa: BLE001  (whatever a result provokes is that result's trouble alone)
        traceback.print_exc()
        return Refused("This image can't be exported like this.")


def main(arguments: Sequence[str]) -> None:
    """Serve until standard input ends. The limits are the first argument, as JSON."""
    limits = msgspec.json.decode(arguments[1], type=ImageLimits)
    confined.serve(
        lambda line: msgspec.json.encode(answer(line, limits)),
        memory_bytes=limits.memory_bytes,
        seconds=limits.seconds,
    )


if __name__ == "__main__":
    main(sys.argv)
