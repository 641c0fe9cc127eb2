"""The process that segments, apart from the worker: one that crashes costs the one job it was at.

Requests and replies are lines of JSON on standard input and output; see ``worker.messages``. The
process ends with its standard input, so it does not outlive its worker.
"""

import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import BinaryIO

import msgspec

from worker import failures, pictures
from worker.failures import Failure
from worker.messages import (
    Answer,
    Available,
    Check,
    Found,
    ListModels,
    Missed,
    Models,
    Order,
    Progress,
    Ready,
    Reply,
    Request,
    Stop,
    Stopped,
    Unavailable,
)
from worker.outlines import outlines
from worker.segmenters import registry
from worker.segmenters.base import BadImage, Segmenter, SegmenterUnavailable

_SECONDS_BETWEEN_REPORTS = 0.1
# MemoryError is Python's and numpy's; these are what PyTorch and TensorFlow raise.
_MEMORY_ERRORS = ("OutOfMemoryError", "ResourceExhaustedError")


class _LeftOff(BaseException):
    """Raised through a segmenter that is to stop, past its own handling of errors."""


class Bench:
    """Where requests are worked on, one at a time. Segmenters that were used stay loaded."""

    def __init__(self, requests: "SimpleQueue[Request]", stopped: Event, replies: BinaryIO) -> None:
        self._requests = requests
        self._stopped = stopped
        self._replies = replies
        self._segmenters: dict[str, Segmenter] = {}

    def serve(self) -> None:
        """Answer requests until the process ends."""
        self._say(Ready())
        while True:
            self._say(self._answer(self._requests.get()))

    def _answer(self, request: Request) -> Answer:
        match request:
            case Order():
                return self._segment(request)
            case Check(model):
                return self._check(model)
            case ListModels():
                return Models(registry.names())
            case Stop():
                return Stopped()

    def _check(self, model: str) -> Answer:
        try:
            return Available(self._segmenter(model).version)
        except SegmenterUnavailable as error:
            return Unavailable(_line(error))
        except Exception as error:  # noqa: BLE001, whatever a plug-in does
            return Unavailable(f"It can't be loaded: {_line(error)}")

    def _segment(self, order: Order) -> Answer:
        try:
            return self._found(order)
        except _LeftOff:
            return Stopped()
        except BadImage as error:
            return Missed(_failure(failures.BAD_IMAGE, _line(error), retryable=False))
        except SegmenterUnavailable as error:
            # Another worker may have what this one lacks.
            return Missed(_failure(failures.WORKER_ERROR, _line(error)))
        except Exception as error:  # noqa: BLE001, whatever a plug-in does
            return Missed(_told(order.model, error), traceback.format_exc())

    def _found(self, order: Order) -> Found:
        begun = time.monotonic()
        picture = pictures.read(Path(order.picture))
        segmenter = self._segmenter(order.model)
        labels = segmenter.segment(picture, threshold=order.threshold, report=self._reporter())
        found = outlines(labels)
        Path(order.outlines).write_bytes(msgspec.json.encode(found))
        parameters = msgspec.to_builtins(segmenter.parameters(order.threshold))
        return Found(
            cells=len(found["features"]),
            seconds=time.monotonic() - begun,
            version=segmenter.version,
            parameters=parameters,
        )

    def _segmenter(self, model: str) -> Segmenter:
        if model not in self._segmenters:
            self._segmenters[model] = registry.load(model)
        return self._segmenters[model]

    def _reporter(self) -> Callable[[float], None]:
        told_at = -math.inf

        def report(done: float) -> None:
            nonlocal told_at
            if self._stopped.is_set():
                raise _LeftOff
            now = time.monotonic()
            if math.isfinite(done) and now - told_at >= _SECONDS_BETWEEN_REPORTS:
                told_at = now
                self._say(Progress(min(max(float(done), 0.0), 1.0)))

        return report

    def _say(self, reply: Reply) -> None:
        self._replies.write(msgspec.json.encode(reply) + b"\n")
        self._replies.flush()


def _told(model: str, error: Exception) -> Failure:
    if isinstance(error, MemoryError) or type(error).__name__ in _MEMORY_ERRORS:
        message = f"The image takes more memory than the worker has for the model '{model}'."
        return _failure(failures.OUT_OF_MEMORY, message)
    message = f"The model '{model}' has failed ({type(error).__name__}); the worker's log has more."
    return _failure(failures.WORKER_ERROR, message)


def _failure(code: str, message: str, *, retryable: bool = True) -> Failure:
    return Failure(code=code, message=message, retryable=retryable)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _listen(requests: "SimpleQueue[Request]", stopped: Event) -> None:
    """Take requests until standard input ends, and then end the process, whatever it does."""
    for line in sys.stdin.buffer:
        request: Request = msgspec.json.decode(line, type=Request)
        if isinstance(request, Stop):
            stopped.set()
        else:
            # The order that an earlier word was about has been answered by now.
            stopped.clear()
            requests.put(request)
    os._exit(0)


def _take_output() -> BinaryIO:
    """Return standard output, and have what segmenters print go to standard error."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies


def _go_first() -> None:
    """Where memory runs out, have the kernel end this process and none beside it."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def main() -> None:
    """Serve a worker."""
    # Whoever tells all processes to end means the worker, which finishes first.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    replies = _take_output()
    _go_first()
    requests: SimpleQueue[Request] = SimpleQueue()
    stopped = Event()
    Thread(target=_listen, args=(requests, stopped), daemon=True).start()
    Bench(requests, stopped, replies).serve()


if __name__ == "__main__":
    main()
