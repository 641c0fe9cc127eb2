"""The forms of an export."""

from enum import StrEnum

from msgspec import Struct


class ExportFormat(StrEnum):
    """What to export what was found as."""

    GEOJSON = "GEOJSON"
    COCO = "COCO"
    MASKS = "MASKS"
    CSV = "CSV"


class FileKind(Struct, frozen=True):
    """How files of a format are named, and what they are served as."""

    suffix: str
    media_type: str


KINDS = {
    ExportFormat.GEOJSON: FileKind(".geojson", "application/geo+json"),
    ExportFormat.COCO: FileKind(".coco.json", "application/json"),
    ExportFormat.MASKS: FileKind(".masks.tif", "image/tiff"),
    ExportFormat.CSV: FileKind(".csv", "text/csv; charset=utf-8"),
}
ARCHIVE = FileKind(".zip", "application/zip")
