"""What an export may hold."""

from enum import StrEnum


class ExportFormat(StrEnum):
    """What an export may hold."""

    GEOJSON = "geojson"
    COCO = "coco"
    MASKS = "masks"
    CSV = "csv"
