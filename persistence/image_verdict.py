"""What an inspection ends with: an image, or the reason why the file is none for us."""

from enum import StrEnum

from msgspec import Struct


class RejectionCode(StrEnum):
    """Why a file was not stored; the values are part of the API."""

    EMPTY_FILE = "EMPTY_FILE"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    TRUNCATED = "TRUNCATED"
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
    INSPECTION_FAILED = "INSPECTION_FAILED"


class RejectedImage(Exception):
    """The file is not stored. The message tells its owner what to do about it."""

    def __init__(self, code: RejectionCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class ImageLimits(Struct, frozen=True, kw_only=True):
    """What one file may cost.

    ``page_pixels`` is width × height of one page; ``total_pixels`` counts every page of every
    separately stored channel. ``memory_bytes`` is what one decoding process may allocate.
    """

    page_pixels: int = 250_000_000
    total_pixels: int = 10_000_000_000
    seconds: float = 60.0
    memory_bytes: int = 3 * 2**30

    def check(self, width: int, height: int, planes: int) -> None:
        """Raise RejectedImage(TOO_MANY_PIXELS) where an image would be larger than allowed."""
        page = width * height
        if page > self.page_pixels:
            raise RejectedImage(
                RejectionCode.TOO_MANY_PIXELS,
                f"A page has {width} × {height} pixels; at most {self.page_pixels} are allowed. "
                "Crop the image or cut it into tiles.",
            )
        if page * planes > self.total_pixels:
            raise RejectedImage(
                RejectionCode.TOO_MANY_PIXELS,
                f"{planes} pages of {width} × {height} pixels are {page * planes}; at most "
                f"{self.total_pixels} are allowed. Split the stack into several files.",
            )


class InspectedImage(Struct, frozen=True, kw_only=True, tag="image"):
    """What a file holds.

    Width and height are in pixels, as a viewer shows the picture: a photo's EXIF orientation is
    applied, a TIFF's is not, since scientific readers ignore it. ``channels`` counts samples per
    position, alpha included; ``pages`` what is left of a stack: z, time, frames, series.
    ``mime_type`` follows from the content. ``thumbnail`` is a WebP of at most 300 × 300 pixels.
    """

    width: int
    height: int
    channels: int
    pages: int
    mime_type: str
    thumbnail: bytes


class Rejection(Struct, frozen=True, tag="rejection"):
    """A RejectedImage on its way between processes."""

    code: RejectionCode
    message: str


Verdict = InspectedImage | Rejection


def damaged(detail: str) -> RejectedImage:
    """Return the rejection of a file that ends early or contradicts itself."""
    return RejectedImage(
        RejectionCode.TRUNCATED,
        f"The file is truncated or damaged ({detail}). Copy or export it again.",
    )
