"""The process that makes pyramids, apart from the hub: it decodes what strangers uploaded."""

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyvips  # type: ignore[import-untyped]
from msgspec import Struct

from persistence import confined
from persistence.image_picture import draw_picture
from persistence.image_verdict import ImageLimits, RejectedImage
from persistence.pyramid import MAX_TILES, OVERLAP, TILE_SIZE, Shape, pack

# Larger pictures would take too long without loss, and nobody looks at each pixel of them.
_LOSSLESS_PIXELS = 4 * 2**20
_LOSSLESS = "[lossless=true,effort=0,keep=none]"
_LOSSY = "[Q=90,effort=0,keep=none]"


class PyramidWork(Struct, frozen=True, kw_only=True):
    """What is to be made: a pyramid at ``target`` of the file ``original``, with this shape.

    The files of the tiles go into ``folder``, which is there and empty.
    """

    original: str
    folder: str
    target: str
    shape: Shape


class Done(Struct, frozen=True, tag="done"):
    """The pyramid is made."""


class Refused(Struct, frozen=True, tag="refused"):
    """The pyramid can't be made; ``message`` says why."""

    message: str


Outcome = Done | Refused


def make(work: PyramidWork, limits: ImageLimits) -> Outcome:
    """Make the pyramid in this very process. Raise RejectedImage, pyvips.Error or OSError."""
    shape = work.shape
    if shape.tiles > MAX_TILES:
        return Refused("The image is too long for its width, or too high, to be shown in tiles.")
    picture = draw_picture(Path(work.original), limits)
    if (picture.width, picture.height) != (shape.width, shape.height):
        return Refused("The image's pixels are stored in another way than its metadata say.")
    is_small = shape.width * shape.height <= _LOSSLESS_PIXELS
    picture.dzsave(
        str(Path(work.folder) / "picture"),
        suffix=f".webp{_LOSSLESS if is_small else _LOSSY}",
        tile_size=TILE_SIZE,
        overlap=OVERLAP,
        depth="onepixel",
        skip_blanks=-1,
    )
    pack(Path(work.folder) / "picture_files", shape, Path(work.target))
    return Done()


def answer(line: bytes, limits: ImageLimits) -> Outcome:
    """Make what a line of JSON asks for."""
    try:
        return make(msgspec.json.decode(line, type=PyramidWork), limits)
    except RejectedImage as rejected:
        return Refused(rejected.message)
    except MemoryError:
        return Refused("To show the image in tiles takes too much memory.")
    except pyvips.Error:
        traceback.print_exc()
        return Refused("The image's pixels can't be decoded to the end.")
    except Exception:  # noqa: BLE001  (whatever an image provokes is that image's trouble alone)
        traceback.print_exc()
        return Refused("The image can't be shown in tiles.")


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
