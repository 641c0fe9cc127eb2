"""Inspection of image files that strangers sent.

Decoders are large programs in C, and the files may be made to break them. So they run in a few
processes of their own: one that crashes, hangs or hogs memory costs the one file that it was
working on.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from persistence.image_verdict import (
    ImageLimits,
    InspectedImage,
    RejectedImage,
    RejectionCode,
    Verdict,
)
from persistence.processes import Processes

__all__ = ["ImageInspector", "ImageLimits", "InspectedImage", "RejectedImage", "RejectionCode"]

WORKER = (sys.executable, "-m", "persistence.image_worker")
# A verdict is one line; its thumbnail takes most of it.
_MAX_VERDICT_BYTES = 2**22
# A process may have been ended between two files, or for the memory that its neighbour took.
_ATTEMPTS = 2


class ImageInspector:
    """A pool of inspecting processes, started when first needed, gone after ``async with``.

    ``command`` is the program that inspects; see image_worker for what it must do.
    """

    def __init__(
        self,
        limits: ImageLimits | None = None,
        *,
        processes: int = 2,
        command: Sequence[str] = WORKER,
    ) -> None:
        self._limits = limits or ImageLimits()
        self._processes: Processes[Verdict] = Processes(
            (*command, msgspec.json.encode(self._limits).decode()),
            Verdict,
            count=processes,
            seconds=self._limits.seconds,
            answer_bytes=_MAX_VERDICT_BYTES,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._processes.close()

    async def inspect(self, path: Path) -> InspectedImage:
        """Return what the file holds; raise RejectedImage where it is not to be stored.

        A relative path is taken from the folder in which the hub was started.
        """
        try:
            verdict = await self._processes.ask(str(path), attempts=_ATTEMPTS)
        except TimeoutError:
            raise RejectedImage(
                RejectionCode.INSPECTION_FAILED,
                f"The decoder was not done after {self._limits.seconds:g} s.",
            ) from None
        if verdict is None:
            raise RejectedImage(
                RejectionCode.INSPECTION_FAILED,
                "The decoder crashed on this file. It may be damaged; try another export of it.",
            )
        if isinstance(verdict, InspectedImage):
            return verdict
        raise RejectedImage(verdict.code, verdict.message)
