"""The process that decodes images, apart from the hub: a decoder that crashes takes nothing along.

Requests and verdicts are lines of JSON on standard input and output.
"""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyvips  # type: ignore[import-untyped]

from persistence import confined
from persistence.image_container import check_container
from persistence.image_format import ImageFormat, recognise
from persistence.image_raster import inspect_raster
from persistence.image_tiff import inspect_tiff
from persistence.image_verdict import (
    ImageLimits,
    InspectedImage,
    RejectedImage,
    Rejection,
    RejectionCode,
    Verdict,
    damaged,
)

# What Python's parsers raise over fields that contradict each other, as fuzzing found.
CONTRADICTIONS = (
    ArithmeticError,
    AssertionError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)

Inspect = Callable[[Path, ImageLimits], InspectedImage]


def inspect_file(path: Path, limits: ImageLimits) -> InspectedImage:
    """Inspect one file in this very process. Raise RejectedImage."""
    kind = recognise(path)
    check_container(path, kind)
    try:
        if kind is ImageFormat.TIFF:
            return inspect_tiff(path, limits)
        return inspect_raster(path, kind, limits)
    except pyvips.Error as error:
        raise damaged("its pixels can't be decoded to the end") from error
    except CONTRADICTIONS as error:
        raise damaged(f"its {kind.name} structure makes no sense") from error


def serve(inspect: Inspect) -> None:
    """Answer requests until standard input ends. The limits are the first argument, as JSON."""
    limits = msgspec.json.decode(sys.argv[1], type=ImageLimits)

    def answer(line: bytes) -> bytes:
        path = Path(msgspec.json.decode(line, type=str))
        return msgspec.json.encode(_judge(inspect, path, limits))

    confined.serve(answer, memory_bytes=limits.memory_bytes, seconds=limits.seconds)


def _judge(inspect: Inspect, path: Path, limits: ImageLimits) -> Verdict:
    try:
        return inspect(path, limits)
    except RejectedImage as rejected:
        return Rejection(rejected.code, rejected.message)
    except MemoryError:
        return Rejection(
            RejectionCode.INSPECTION_FAILED, "Decoding the file takes too much memory."
        )
    except Exception:  # noqa: BLE001  (whatever a file provokes is that file's trouble alone)
        traceback.print_exc()
        return Rejection(RejectionCode.INSPECTION_FAILED, "The file can't be inspected.")


if __name__ == "__main__":
    serve(inspect_file)
