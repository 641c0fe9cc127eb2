"""Exports as clients see them: forms, and addresses to download from."""

from typing import Annotated

import strawberry

from resolvers.exports.formats import ExportFormat
from schema.enums import describe

describe(
    ExportFormat,
    "What to export what was found as. docs/api.md tells the columns and conventions.",
    GEOJSON="A FeatureCollection of Polygons in pixels, each with its number as the property 'id'.",
    COCO="Images, annotations and masks (run lengths) as training programs read them, in JSON.",
    MASKS="A TIFF of the image's size, in which each pixel has the number of its cell, or 0.",
    CSV="A table with a row for each cell: area, perimeter, centroid, circularity, intensities.",
)

Format = Annotated[ExportFormat, strawberry.argument(description="What the file is to be.")]
Formats = Annotated[
    list[ExportFormat] | None,
    strawberry.argument(description="What is to be in it; all there is where this is left out."),
]
