"""The inside of a process that works on what strangers sent: what it may take, and how it answers.

Questions and answers are lines on standard input and output. The process ends with its standard
input, so it doesn't outlive the hub.
"""

import os
import signal
import sys
from collections.abc import Callable
from math import ceil
from typing import BinaryIO

import pyvips  # type: ignore[import-untyped]

if sys.platform != "win32":
    import resource


def serve(answer: Callable[[bytes], bytes], *, memory_bytes: int, seconds: float) -> None:
    """Answer lines, each within so many seconds, until standard input ends."""
    replies = _take_output()
    _confine(memory_bytes)
    for line in sys.stdin.buffer:
        _watch(ceil(seconds) + 1)
        replies.write(answer(line) + b"\n")
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


def _confine(memory_bytes: int) -> None:
    pyvips.block_untrusted_set(True)
    # Its cache goes by the name of a file, which may have other content by now.
    pyvips.cache_set_max(0)
    if sys.platform != "win32":
        # Not RLIMIT_AS: it counts mapped files, too, and those may be larger than memory.
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # The event loop of the hub comes first.
        os.nice(5)


def _watch(seconds: int) -> None:
    """Have the system end this process after so long, even if the hub is gone and can't."""
    if sys.platform != "win32":
        signal.alarm(seconds)
