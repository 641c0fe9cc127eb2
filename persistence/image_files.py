"""Inspection of image files that strangers sent.

Decoders are large programs in C, and the files may be made to break them. So they run in a few
processes of their own, each with its own pipe: one that crashes, hangs or hogs memory costs the one
file that it was working on.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from persistence.image_verdict import (
    ImageLimits,
    InspectedImage,
    RejectedImage,
    Rejection,
    RejectionCode,
    Verdict,
)

__all__ = ["ImageInspector", "ImageLimits", "InspectedImage", "RejectedImage", "RejectionCode"]

WORKER = (sys.executable, "-m", "persistence.image_worker")
# A verdict is one line; its thumbnail takes most of it.
_MAX_VERDICT_BYTES = 2**22
# All that a decoder needs to know of the hub's environment, where secrets are.
_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT")
# A process may have been ended between two files, or for the memory that its neighbour took.
_ATTEMPTS = 2
# Seconds that an idle process has to notice that its input ended.
_PATIENCE = 5.0


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
        self._command = (*command, msgspec.json.encode(self._limits).decode())
        self._turns = asyncio.Semaphore(processes)
        self._idle: list[Process] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._idle:
            await _end(self._idle.pop(), patience=_PATIENCE)

    async def inspect(self, path: Path) -> InspectedImage:
        """Return what the file holds; raise RejectedImage where it is not to be stored.

        A relative path is taken from the folder in which the hub was started.
        """
        async with self._turns:
            for _ in range(_ATTEMPTS):
                verdict = await self._ask(path)
                if isinstance(verdict, InspectedImage):
                    return verdict
                if verdict is not None:
                    raise RejectedImage(verdict.code, verdict.message)
        raise RejectedImage(
            RejectionCode.INSPECTION_FAILED,
            "The decoder crashed on this file. It may be damaged; try another export of it.",
        )

    async def _ask(self, path: Path) -> Verdict | None:
        """Return a worker's verdict on the file; None where the worker died over it."""
        worker = self._idle.pop() if self._idle else await self._start()
        try:
            async with asyncio.timeout(self._limits.seconds):
                verdict = await _exchange(worker, path)
        except TimeoutError:
            await _end(worker)
            return Rejection(
                RejectionCode.INSPECTION_FAILED,
                f"The decoder was not done after {self._limits.seconds:g} s.",
            )
        except BaseException:
            await _end(worker)
            raise
        if verdict is None:
            await _end(worker)
        else:
            self._idle.append(worker)
        return verdict

    async def _start(self) -> Process:
        known = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        path = os.pathsep.join(entry for entry in sys.path if entry)
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            limit=_MAX_VERDICT_BYTES,
            env={**known, "PYTHONPATH": path, "VIPS_CONCURRENCY": "1"},
            # Ctrl-C is for the hub, which then ends its workers.
            start_new_session=True,
        )


async def _exchange(worker: Process, path: Path) -> Verdict | None:
    assert worker.stdin is not None  # noqa: S101  (both are pipes: see _start)
    assert worker.stdout is not None  # noqa: S101
    try:
        worker.stdin.write(msgspec.json.encode(str(path)) + b"\n")
        await worker.stdin.drain()
        line = await worker.stdout.readline()
    except (BrokenPipeError, ConnectionResetError):
        return None
    return msgspec.json.decode(line, type=Verdict) if line.endswith(b"\n") else None


async def _end(worker: Process, patience: float = 0) -> None:
    """Have the process end within that many seconds, and wait until it is gone."""
    if worker.stdin is not None:
        worker.stdin.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await worker.wait()
    if worker.returncode is None:
        worker.kill()
    await worker.communicate()
