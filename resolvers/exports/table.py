"""Tables for spreadsheets: comma-separated values, as RFC 4180 has them, in UTF-8."""

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from resolvers.exports.measure import Shapes
from resolvers.exports.outlines import Numbers, Positions

_CELL = (
    "image",
    "image_id",
    "label",
    "area_px2",
    "perimeter_px",
    "centroid_x_px",
    "centroid_y_px",
    "circularity",
    "pixel_count",
)
MAX_CHANNELS = 64
"""How many columns of intensities there are at most."""

# What spreadsheets take for the beginning of a formula, as letters of full width, too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Value = str | int | float | None


def cell_header(channels: int) -> bytes:
    """Return the first line of a table of cells in images of so many channels."""
    return lines([(*_CELL, *(f"mean_intensity_{channel}" for channel in range(channels)))])


def cell_rows(
    *,
    image: str,
    image_id: str,
    labels: Numbers,
    shapes: Shapes,
    pixel_counts: Numbers,
    means: Positions | None,
    channels: int,
) -> Iterator[Sequence[Value]]:
    """Yield a row for each cell; ``means`` (cells, channels) are None where they aren't known."""
    blank = (None,) * channels
    columns = (
        shapes.area,
        shapes.perimeter,
        shapes.x,
        shapes.y,
        shapes.circularity,
        pixel_counts,
    )
    for index, (label, *measures) in enumerate(
        zip(labels.tolist(), *(column.tolist() for column in columns), strict=True)
    ):
        bright = () if means is None else means[index, :channels].tolist()
        yield (image, image_id, label, *measures, *bright, *blank[len(bright) :])


def lines(rows: Iterable[Sequence[Value]]) -> bytes:
    """Write rows. Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    target = io.StringIO()
    csv.writer(target).writerows([_written(value) for value in row] for row in rows)
    return target.getvalue().encode()


def _written(value: Value) -> Value:
    if isinstance(value, str):
        begins = unicodedata.normalize("NFKC", value[:1])
        return f"'{value}" if begins in _FORMULA else value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
