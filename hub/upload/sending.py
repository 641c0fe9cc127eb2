"""Sending files to a project: what is there already is skipped, the rest goes in parallel."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from client.connection import HubClient
from client.errors import BAD_USER_INPUT, ClientError, Refused
from client.images import Uploaded, checksums, upload_images
from client.retrying import Patience
from hub.upload.batches import Batch, BatchLimits, Fate, Outcome, outcomes, upload_id
from hub.upload.files import LocalFile
from hub.upload.hashing import HashedFile, hashed

_DELETED = Outcome(Fate.REJECTED, "DELETED", "It was stored, and somebody deleted it since.")
_LIMITS = BatchLimits()
_PATIENCE = Patience()
_HOPELESS_CODES = ("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "QUOTA_EXCEEDED")


class Observer(Protocol):
    """Who watches an upload."""

    def passed(self, size: int) -> None:
        """Count bytes of files that are done with; below zero, they have to be sent again."""
        ...

    def settled(self, file: LocalFile, outcome: Outcome, /) -> None:
        """Take note of what became of a file."""
        ...

    def waiting(self, error: ClientError, seconds: float) -> None:
        """Take note of a call that failed, and is tried again after so long."""
        ...


class Sending:
    """One upload. ``outcomes`` has what is known of each file, also where it is interrupted.

    Files without an outcome were not sent; ``given_up`` is why, if they were to be.
    """

    def __init__(
        self,
        hub: HubClient,
        project_id: str,
        observer: Observer,
        *,
        parallel: int,
        limits: BatchLimits = _LIMITS,
        patience: Patience = _PATIENCE,
    ) -> None:
        self._hub = hub
        self._project_id = project_id
        self._observer = observer
        self._limits = limits
        self._patience = patience
        self._parallel = parallel
        self._batches: asyncio.Queue[Batch | None] = asyncio.Queue(parallel)
        self._copies: list[tuple[LocalFile, LocalFile]] = []
        self.outcomes: dict[Path, Outcome] = {}
        self.given_up: ClientError | None = None

    async def run(self, files: Sequence[LocalFile]) -> None:
        """Send the files. Raises ClientError where it is not even known what is there already."""
        present = await checksums(
            self._hub, self._project_id, self._patience, self._observer.waiting
        )
        async with asyncio.TaskGroup() as group:
            for _ in range(self._parallel):
                group.create_task(self._send_batches())
            await self._feed(files, present)
            for _ in range(self._parallel):
                await self._batches.put(None)
        for copy, original in self._copies:
            if found := self.outcomes.get(original.path):
                is_there = found.fate is Fate.STORED
                self._settle(copy, Outcome(Fate.PRESENT) if is_there else found)

    async def _feed(self, files: Sequence[LocalFile], present: set[str]) -> None:
        originals: dict[str, LocalFile] = {}
        batch = Batch(self._limits)
        async with aclosing(hashed(files, self._settle_unreadable)) as found:
            async for file in found:
                if self.given_up:
                    return
                if file.checksum in present:
                    self._observer.passed(file.file.size)
                    self._settle(file.file, Outcome(Fate.PRESENT))
                elif file.checksum in originals:
                    self._observer.passed(file.file.size)
                    self._copies.append((file.file, originals[file.checksum]))
                else:
                    originals[file.checksum] = file.file
                    if not batch.has_room(file.file):
                        await self._batches.put(batch)
                        batch = Batch(self._limits)
                    batch.add(file)
        if batch.files:
            await self._batches.put(batch)

    async def _send_batches(self) -> None:
        while (batch := await self._batches.get()) is not None:
            if self.given_up:
                continue
            try:
                await self._send(batch.files)
            except ClientError as error:
                self.given_up = error

    async def _send(self, files: Sequence[HashedFile]) -> None:
        """Send files, by as many calls as it takes; raises the ClientError that concerns all."""
        try:
            if left := await self._upload(files, upload_id(self._project_id, files)):
                # What was deleted since, or rejected in an earlier run, may be stored in this one.
                await self._upload(left, uuid4().hex, is_last=True)
        except OSError as error:
            await self._send_without_unreadable(files, error)
        except Refused as error:
            await self._send_fewer(self._unsettled(files), error)

    async def _send_without_unreadable(self, files: Sequence[HashedFile], error: OSError) -> None:
        for file in files:
            if error.filename and file.file.path == Path(error.filename):
                self._settle_unreadable(file.file, error)
        rest = self._unsettled(files)
        if len(rest) == len(files):
            raise error
        if rest:
            await self._send(rest)

    async def _send_fewer(self, files: Sequence[HashedFile], error: Refused) -> None:
        if error.code in _HOPELESS_CODES:
            raise error
        if error.code == BAD_USER_INPUT and len(files) > 1:
            # It may be one of them, or that this hub takes fewer in a call.
            half = len(files) // 2
            await self._send(files[:half])
            await self._send(files[half:])
        else:
            for file in files:
                self._settle(file.file, Outcome(Fate.REJECTED, error.code, error.message))

    def _unsettled(self, files: Sequence[HashedFile]) -> list[HashedFile]:
        return [file for file in files if file.file.path not in self.outcomes]

    async def _upload(
        self, files: Sequence[HashedFile], upload_id: str, *, is_last: bool = False
    ) -> list[HashedFile]:
        """Send files in one call; return those to send again, since the answer was an old one."""
        uploaded = await self._patience.call(
            lambda: self._attempt(files, upload_id), self._observer.waiting
        )
        again = []
        for file, outcome in zip(files, outcomes(files, uploaded), strict=True):
            is_stored = outcome is not None and outcome.fate is Fate.STORED
            if uploaded.repeated and not is_stored and not is_last:
                self._observer.passed(-file.file.size)
                again.append(file)
            else:
                self._settle(file.file, outcome or _DELETED)
        return again

    async def _attempt(self, files: Sequence[HashedFile], upload_id: str) -> Uploaded:
        sent = 0

        def count(size: int) -> None:
            nonlocal sent
            sent += size
            self._observer.passed(size)

        try:
            uploaded = await upload_images(
                self._hub,
                self._project_id,
                [file.file.path for file in files],
                upload_id=upload_id,
                on_sent=count,
            )
        except BaseException:
            self._observer.passed(-sent)
            raise
        # An answer may come before the hub has read everything: it knew it already.
        self._observer.passed(sum(file.file.size for file in files) - sent)
        return uploaded

    def _settle_unreadable(self, file: LocalFile, error: OSError) -> None:
        reason = error.strerror or str(error)
        self._settle(file, Outcome(Fate.REJECTED, "UNREADABLE", f"It can't be read: {reason}."))

    def _settle(self, file: LocalFile, outcome: Outcome) -> None:
        if file.path not in self.outcomes:
            self.outcomes[file.path] = outcome
            self._observer.settled(file, outcome)
