"""The process that decodes images, apart from the hub: a decoder that crashes takes nothing along.

Requests and verdicts are lines of JSON on standard input and output. The process ends with its
standard input, so it doesn't outlive the hub.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyvips  # type: ignore[import-untyped]

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

if sys.platform != "win32":
    import resource

# What Python's parsers raise over fields that contradict each other, as fuzzing found.
_CONTRADICTIONS = (
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
    except _CONTRADICTIONS as error:
        raise damaged(f"its {kind.name} structure makes no sense") from error


def serve(inspect: Inspect) -> None:
    """Answer requests until standard input ends. The limits are the first argument, as JSON."""
    limits = msgspec.json.decode(sys.argv[1], type=ImageLimits)
    replies = _take_output()
    _confine(limits)
    for line in sys.stdin.buffer:
        _watch(ceil(limits.seconds) + 1)
        verdict = _judge(inspect, Path(msgspec.json.decode(line, type=str)), limits)
        replies.write(msgspec.json.encode(verdict) + b"\n")
        replies.flush()
        _watch(0)


def _take_output() -> BinaryIO:
    """Return standard output, and leave decoders, which comment on every odd file, none."""
    replies = os.fdopen(os.dup(1), "wb")
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return replies


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


def _confine(limits: ImageLimits) -> None:
    pyvips.block_untrusted_set(True)
    # Its cache goes by the name of a file, which may have other content by now.
    pyvips.cache_set_max(0)
    if sys.platform != "win32":
        # Not RLIMIT_AS: it counts mapped files, too, and those may be larger than memory.
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = limits.memory_bytes
        soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # The event loop of the hub comes first.
        os.nice(5)


def _watch(seconds: int) -> None:
    """Have the system end this process after so long, even if the hub is gone and can't."""
    if sys.platform != "win32":
        signal.alarm(seconds)


if __name__ == "__main__":
    serve(inspect_file)
