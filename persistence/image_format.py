"""Which kind of file this is, told by its first bytes.

Names and declared types count for nothing.
"""

import re
from enum import StrEnum
from pathlib import Path

from persistence.image_verdict import RejectedImage, RejectionCode

_HEAD_BYTES = 4096
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


class ImageFormat(StrEnum):
    """The formats that are stored. The value is the MIME type, ours and never the client's."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"
    BMP = "image/bmp"
    WEBP = "image/webp"
    GIF = "image/gif"


_KNOWN = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), ImageFormat.PNG),
    (re.compile(rb"\xff\xd8\xff"), ImageFormat.JPEG),
    (re.compile(rb"II[*+]\x00|MM\x00[*+]"), ImageFormat.TIFF),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), ImageFormat.WEBP),
    (re.compile(rb"GIF8[79]a"), ImageFormat.GIF),
)

# Files that people do try to upload, so that the answer can name them.
_UNSUPPORTED = (
    (re.compile(rb"....ftyp(?:hei[cxms]|hev[cx]|mif1|msf1|avi[fs])", re.DOTALL), "HEIC or AVIF"),
    (re.compile(rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51"), "JPEG 2000"),
    (re.compile(rb"\x00\x00\x00\x0cJXL |\xff\x0a"), "JPEG XL"),
    (re.compile(rb"%PDF-"), "PDF"),
    (re.compile(rb"%!PS"), "PostScript"),
    (re.compile(rb"8BPS"), "Photoshop"),
    (re.compile(rb"ZISRAWFILE"), "Zeiss CZI"),
    (re.compile(rb"\xda\xce\xbe\x0a"), "Nikon ND2"),
    (re.compile(rb"\x70\x00\x00\x00"), "Leica LIF"),
    (re.compile(rb".{128}DICM", re.DOTALL), "DICOM"),
    (re.compile(rb"\x89HDF\r\n\x1a\n"), "HDF5 or Imaris"),
    (re.compile(rb"\x93NUMPY"), "NumPy"),
    (re.compile(rb"PK\x03\x04"), "ZIP archive"),
    (re.compile(rb"\x76\x2f\x31\x01"), "OpenEXR"),
    (re.compile(rb"\x00\x00[\x01\x02]\x00[\x01-\xff]\x00"), "icon"),
    (re.compile(rb"P[1-6]\s+\d+\s+\d+\s"), "Netpbm"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:.*<)?(?:\w+:)?svg[\s>]", re.DOTALL), "SVG"),
)


def recognise(path: Path) -> ImageFormat:
    """Return the format of the file.

    Raise RejectedImage with EMPTY_FILE, NOT_AN_IMAGE or UNSUPPORTED_FORMAT.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise RejectedImage(RejectionCode.EMPTY_FILE, "The file is empty.")
    for pattern, known in _KNOWN:
        if pattern.match(head):
            return known
    if _is_bmp(head):
        return ImageFormat.BMP
    raise _refusal(head)


def _is_bmp(head: bytes) -> bool:
    # "BM" alone begins many a text.
    header_size = int.from_bytes(head[14:18], "little")
    return head[:2] == b"BM" and header_size in _BMP_HEADER_SIZES


def _refusal(head: bytes) -> RejectedImage:
    accepted = ", ".join(known.name for known in ImageFormat)
    for pattern, name in _UNSUPPORTED:
        if pattern.match(head):
            return RejectedImage(
                RejectionCode.UNSUPPORTED_FORMAT,
                f"{name} files are not accepted. Export it as OME-TIFF or one of {accepted}.",
            )
    return RejectedImage(
        RejectionCode.NOT_AN_IMAGE,
        f"The content is not an image, whatever the name says. Accepted are {accepted}.",
    )
