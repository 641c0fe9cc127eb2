"""COCO files: images, annotations of one category, and masks as compressed run lengths."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from resolvers.exports.measure import Shapes
from resolvers.exports.outlines import Outlines
from resolvers.exports.raster import Spans
from resolvers.exports.run_lengths import run_lengths

_CELL = 1

BETWEEN = b'],"images":['
"""What stands between the last annotation and the first image."""

END = b"]}"
"""What stands behind the last image."""


class CocoImage(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a file's images. ``hub_id`` is how the API knows it."""

    id: int
    file_name: str
    width: int
    height: int
    name: str
    hub_id: str


def beginning(description: str, created_at: datetime) -> bytes:
    """Return a file up to its first annotation."""
    head = {
        "info": {
            "description": description,
            "version": "1.0",
            "year": created_at.year,
            "contributor": "",
            "url": "",
            "date_created": created_at.isoformat(),
        },
        "licenses": [],
        "categories": [{"id": _CELL, "name": "cell", "supercategory": "cell"}],
    }
    return msgspec.json.encode(head)[:-1] + b',"annotations":['


def annotations(
    outlines: Outlines,
    spans: Spans,
    shapes: Shapes,
    *,
    image: CocoImage,
    first_id: int,
) -> Iterator[bytes]:
    """Yield an encoded annotation for each cell. Their ids go up from ``first_id``."""
    width, height = image.width, image.height
    counts = run_lengths(spans, count=len(outlines.labels), width=width, height=height)
    left, right = shapes.left.clip(0, width), shapes.right.clip(0, width)
    top, bottom = shapes.top.clip(0, height), shapes.bottom.clip(0, height)
    columns = (outlines.labels, shapes.area, left, top, right - left, bottom - top)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for id_, ((label, area, *box), runs) in enumerate(zip(rows, counts, strict=True), first_id):
        annotation: dict[str, Any] = {
            "id": id_,
            "image_id": image.id,
            "category_id": _CELL,
            "segmentation": {"size": [height, width], "counts": runs},
            "area": area,
            "bbox": box,
            "iscrowd": 0,
            "label": label,
        }
        yield msgspec.json.encode(annotation)
