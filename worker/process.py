"""Segmenting processes, as seen by their worker."""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec

from worker import failures
from worker.failures import Failed, Failure
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
    Unavailable,
)

PROGRAM = (sys.executable, "-P", "-m", "worker.segmenting")
_MAX_REPLY_BYTES = 2**24
# Seconds that a process has to begin, on a machine that is busy with other things.
_START_SECONDS = 120.0
# Seconds that a segmenter has to leave off, and that an idle process has to end.
_STOP_SECONDS = 3.0
# Seconds that a process has to end whose pipe is closed.
_MOMENT = 1.0
_SETTINGS = "CELLHUB_"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

logger = logging.getLogger(__name__)


class _Died(Exception):
    """The process ended, or says what nobody understands."""


class SegmentingProcess:
    """A process that does one thing at a time; it is started when needed, and after it has died.

    ``seconds`` is what an order may take.
    """

    def __init__(self, environment: Mapping[str, str], *, seconds: float) -> None:
        self._environment = environment
        self._seconds = seconds
        self._process: Process | None = None
        self._is_ready = False

    async def start(self) -> Process:
        """Have the process run."""
        if self._process is None:
            self._is_ready = False
            self._process = await asyncio.create_subprocess_exec(
                *PROGRAM,
                stdin=PIPE,
                stdout=PIPE,
                limit=_MAX_REPLY_BYTES,
                env=self._environment,
                # Ctrl-C is for the worker, which then ends its processes.
                start_new_session=True,
            )
        return self._process

    async def models(self) -> list[str]:
        """Return the names of the segmenters that are installed."""
        try:
            answer = await self._answer(ListModels())
        except _Died:
            logger.exception("The segmenting process does not begin.")
            await self.close(_MOMENT)
            return []
        return answer.names if isinstance(answer, Models) else []

    async def check(self, model: str) -> Available | Unavailable:
        """Tell whether a segmenter can run here."""
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._answer(Check(model))
        except TimeoutError:
            await self.close(patience=0)
            return Unavailable(f"It could not be loaded within {self._seconds:g} s.")
        except _Died:
            return Unavailable(f"When it was loaded, {_end_of(await self.close(_MOMENT))}.")
        if isinstance(answer, Available | Unavailable):
            return answer
        raise TypeError(answer)

    async def segment(self, order: Order, on_progress: Callable[[float], None]) -> Found:
        """Have an order done. Raises Failed. Cancelled, it leaves off first."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._ready()
            async with asyncio.timeout(self._seconds):
                answer = await self._answer(order, on_progress)
        except TimeoutError:
            await self.close(patience=0)
            message = f"The segmentation was not done after {self._seconds:g} s."
            raise Failed(_retryable(failures.TIMEOUT, message)) from None
        except _Died:
            raise Failed(_death(await self.close(_MOMENT))) from None
        except asyncio.CancelledError:
            await self._leave_off()
            raise
        match answer:
            case Found():
                return answer
            case Missed(failure, trace):
                if trace:
                    logger.error("A segmenter has failed.\n%s", trace.rstrip())
                if failure.code == failures.OUT_OF_MEMORY:
                    await self.close()
                raise Failed(failure)
        raise TypeError(answer)

    async def close(self, patience: float = _STOP_SECONDS) -> int:
        """Have the process end within that many seconds; return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        _pipes(process)[0].close()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                return await process.wait()
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
        return await process.wait()

    async def _answer(
        self, request: Request, on_progress: Callable[[float], None] = lambda _: None
    ) -> Answer:
        process = await self._ready()
        stdin, _ = _pipes(process)
        try:
            stdin.write(msgspec.json.encode(request) + b"\n")
            await stdin.drain()
            return await _last_word(process, on_progress)
        except OSError as error:
            raise _Died from error

    async def _ready(self) -> Process:
        """Return the process once it has begun."""
        process = await self.start()
        if not self._is_ready:
            if not isinstance(await _reply(process), Ready):
                raise _Died
            self._is_ready = True
        return process

    async def _leave_off(self) -> None:
        """Have the process stop what it does; if it does not, kill it."""
        if self._process is None or not self._is_ready:
            return
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._answer_stop(self._process)
        except BaseException as error:
            await self.close(patience=0)
            if not isinstance(error, (TimeoutError, OSError, _Died)):
                raise

    async def _answer_stop(self, process: Process) -> None:
        stdin, _ = _pipes(process)
        stdin.write(msgspec.json.encode(Stop()) + b"\n")
        await stdin.drain()
        await _last_word(process, lambda _: None)


def environment(processes: int) -> dict[str, str]:
    """Return what segmenting processes know of the environment: all but the hub's variables.

    Among these are credentials. Libraries that use many threads share the cores out.
    """
    known = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    threads = str(max(1, (os.cpu_count() or 1) // processes))
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return dict.fromkeys(_THREADS, threads) | known | {"PYTHONPATH": path}


async def _last_word(process: Process, on_progress: Callable[[float], None]) -> Answer:
    while True:
        match await _reply(process):
            case Progress(done):
                on_progress(done)
            case Ready():
                continue
            case answer:
                return answer


async def _reply(process: Process) -> Reply:
    _, stdout = _pipes(process)
    try:
        reply: Reply = msgspec.json.decode(await stdout.readline(), type=Reply)
    except ValueError as error:
        raise _Died from error
    return reply


def _pipes(process: Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    assert process.stdin is not None  # noqa: S101  (both are pipes: see start)
    assert process.stdout is not None  # noqa: S101
    return process.stdin, process.stdout


def _death(code: int) -> Failure:
    if code == -signal.SIGKILL:
        message = "The system ended the segmentation, most likely because memory ran out."
        return _retryable(failures.OUT_OF_MEMORY, message)
    return _retryable(failures.WORKER_ERROR, f"While it segmented, {_end_of(code)}.")


def _end_of(code: int) -> str:
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return f"the process of the worker ended {how}"


def _retryable(code: str, message: str) -> Failure:
    return Failure(code=code, message=message, retryable=True)
