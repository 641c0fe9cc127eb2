"""Processes of their own for work on what strangers sent: each answers one question at a time.

Questions and answers are lines of JSON on its standard input and output (``persistence.confined``
is the other side). One that crashes, hangs or hogs memory costs the one question that it was at.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec

A = TypeVar("A")

# All that they need to know of the hub's environment, where secrets are.
_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT")
# Seconds that an idle process has to notice that its input ended.
_PATIENCE = 5.0


class Processes(Generic[A]):
    """A pool of processes that run ``command``, started when first needed.

    Answers are decoded as ``answer`` and have at most ``answer_bytes`` each.
    """

    def __init__(
        self,
        command: Sequence[str],
        answer: Any,
        *,
        count: int,
        seconds: float,
        answer_bytes: int = 2**16,
    ) -> None:
        self._command = command
        self._decoder: msgspec.json.Decoder[A] = msgspec.json.Decoder(answer)
        self._seconds = seconds
        self._answer_bytes = answer_bytes
        self._turns = asyncio.Semaphore(count)
        self._idle: list[Process] = []

    async def close(self) -> None:
        """End the idle processes, when nobody asks any more."""
        while self._idle:
            await _end(self._idle.pop(), patience=_PATIENCE)

    async def ask(self, question: object, *, attempts: int = 1) -> A | None:
        """Return the answer of the next free process; None where it died over the question.

        Then the next one is asked, until so many were. Raise TimeoutError where it took too long.
        Whoever stops waiting ends the process that is at the question.
        """
        async with self._turns:
            for _ in range(attempts):
                answer = await self._ask(question)
                if answer is not None:
                    return answer
        return None

    async def _ask(self, question: object) -> A | None:
        process = self._idle.pop() if self._idle else await self._start()
        try:
            async with asyncio.timeout(self._seconds):
                line = await _exchange(process, msgspec.json.encode(question))
            answer = self._decoder.decode(line) if line else None
        except BaseException:
            await _end(process)
            raise
        if answer is None:
            await _end(process)
        else:
            self._idle.append(process)
        return answer

    async def _start(self) -> Process:
        known = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        path = os.pathsep.join(entry for entry in sys.path if entry)
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            limit=self._answer_bytes,
            env={**known, "PYTHONPATH": path, "VIPS_CONCURRENCY": "1"},
            # Ctrl-C is for the hub, which then ends its workers.
            start_new_session=True,
        )


async def _exchange(process: Process, question: bytes) -> bytes | None:
    assert process.stdin is not None  # noqa: S101  (both are pipes: see _start)
    assert process.stdout is not None  # noqa: S101
    try:
        process.stdin.write(question + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
    except (BrokenPipeError, ConnectionResetError):
        return None
    return line if line.endswith(b"\n") else None


async def _end(process: Process, patience: float = 0) -> None:
    """Have the process end within that many seconds, and wait until it is gone."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await process.wait()
    if process.returncode is None:
        process.kill()
    await process.communicate()
