"""Pictures in tiles: found where they are stored, or made when somebody looks for the first time.

A pyramid lies beside the original. To make one costs a process some seconds, so of the images that
one person stored, one is made at a time: whoever looks at many, or at what is heavy, keeps nobody
else waiting. What could not be made is not tried again for a while.
"""

import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
from msgspec import Struct

from persistence import image
from persistence.blobs import BlobInfo, BlobNotFound, BlobStore, original_key, pyramid_key
from persistence.database import Database
from persistence.image_files import ImageLimits
from persistence.processes import Processes
from persistence.pyramid import Index, NotAPyramid, Place, Shape
from persistence.pyramid_worker import Outcome, PyramidWork, Refused
from persistence.records import ImageRecord
from persistence.trouble import DatabaseTrouble
from resolvers.errors import HubError, NotFound, RateLimited

WORKER = (sys.executable, "-m", "persistence.pyramid_worker")
MAX_WAITING = 64
MAX_WAITING_OF_ONE = 16
# Of so many pictures it is remembered where the tiles are, so that a tile costs one read.
_KNOWN = 128
_TRIES = 2
_TYPE = "application/octet-stream"
_FAILURES, _FAILURE_SECONDS = 1_000, 600.0
_FIRST_BYTES = 2**16
_DELETED = "The image was deleted."
_TOO_HEAVY = "To show this image in tiles takes too much time or memory."


class TilesFailed(HubError):
    """An image that takes more time or memory than a picture in tiles may."""

    code = "TILES_FAILED"


class Pyramid(Struct, frozen=True, kw_only=True):
    """A pyramid that is stored: where its tiles are, and what its store knows of it."""

    info: BlobInfo
    index: Index


class Pyramids:
    """The pyramids of all images, made in a pool of processes; gone after ``async with``.

    ``spool`` is a folder for files that are being made.
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        spool: Path,
        *,
        max_pixels: int,
        seconds: float = 300.0,
        processes: int = 2,
        command: Sequence[str] = WORKER,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._spool = spool
        limits = ImageLimits(page_pixels=max_pixels, seconds=seconds)
        self._processes: Processes[Outcome] = Processes(
            (*command, msgspec.json.encode(limits).decode()),
            Outcome,
            count=processes,
            seconds=seconds,
        )
        self._known: OrderedDict[str, Pyramid] = OrderedDict()
        self._failures = _Failures()
        self._opening: dict[str, _Opening] = {}
        self._waiting: Counter[UUID] = Counter()
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks = [opening.task for opening in self._opening.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._processes.close()

    async def find(self, project_id: UUID, image_id: UUID) -> Pyramid:
        """Return the pyramid of an image, which is made where there is none yet.

        Once begun it is made whether or not somebody still waits. Raise NotFound where the image
        was deleted, TilesFailed, and RateLimited where too many wait.
        """
        key = pyramid_key(project_id, image_id)
        known = self._known.get(key)
        if known is not None:
            try:
                if (await self._blobs.stat(key)).etag == known.info.etag:
                    return known
            except BlobNotFound:
                pass
            self._forget(known)
        return await self._open(project_id, image_id)

    async def tile(self, project_id: UUID, image_id: UUID, place: Place) -> tuple[Pyramid, bytes]:
        """Return a tile, as WebP, and the pyramid that it is of; see ``find``.

        Raise NotFound where there is no such tile, too.
        """
        for _ in range(_TRIES):
            pyramid = await self._open(project_id, image_id)
            span = pyramid.index.span(place)
            if span is None:
                raise NotFound(f"The picture has no tile {place}.")
            try:
                info, content = await self._blobs.read_part(pyramid.info.key, *span)
            except BlobNotFound:
                info, content = None, b""
            except Exception:
                self._forget(pyramid)
                raise
            if info is not None and info.etag == pyramid.info.etag:
                return pyramid, content
            # Deleted, or made anew by another hub.
            self._forget(pyramid)
        raise NotFound(_DELETED)

    async def _open(self, project_id: UUID, image_id: UUID) -> Pyramid:
        key = pyramid_key(project_id, image_id)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        opening = self._opening.get(key)
        if opening is None:
            opening = _Opening(asyncio.create_task(self._found_or_made(project_id, image_id)))
            self._opening[key] = opening
            opening.task.add_done_callback(lambda _: self._opened(key, opening))
        opening.waiting += 1
        try:
            return await asyncio.shield(opening.task)
        finally:
            opening.waiting -= 1
            if not opening.waiting and not opening.has_begun:
                opening.task.cancel()
                self._settle(key, opening)

    def _opened(self, key: str, opening: "_Opening") -> None:
        self._settle(key, opening)
        # An exception is looked at even where nobody waits for it any more.
        if not opening.task.cancelled() and opening.task.exception() is None:
            self._known[key] = opening.task.result()
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)

    def _settle(self, key: str, opening: "_Opening") -> None:
        if self._opening.get(key) is opening:
            del self._opening[key]

    def _forget(self, pyramid: Pyramid) -> None:
        if self._known.get(pyramid.info.key) is pyramid:
            del self._known[pyramid.info.key]

    async def _found_or_made(self, project_id: UUID, image_id: UUID) -> Pyramid:
        key = pyramid_key(project_id, image_id)
        with suppress(BlobNotFound, NotAPyramid):
            return await self._read(key)
        found = await self._image(image_id)
        self._failures.check(key)
        async with self._turn(found.uploaded_by or project_id):
            self._opening[key].has_begun = True
            await self._make(found)
        try:
            return await self._read(key)
        except BlobNotFound:
            raise NotFound(_DELETED) from None

    async def _read(self, key: str) -> Pyramid:
        info, beginning = await self._blobs.read_part(key, 0, _FIRST_BYTES)
        length = Index.length(beginning)
        if length > len(beginning):
            info, beginning = await self._blobs.read_part(key, 0, length)
        return Pyramid(info=info, index=Index.parse(beginning))

    async def _image(self, image_id: UUID) -> ImageRecord:
        async with self._database.reading() as connection:
            found = await image.find(connection, [image_id])
        if image_id not in found:
            raise NotFound(_DELETED)
        return found[image_id]

    @asynccontextmanager
    async def _turn(self, whose: UUID) -> AsyncIterator[None]:
        """Wait until nothing else of the same person's is at it."""
        full = self._waiting.total() >= MAX_WAITING
        if full or self._waiting[whose] >= MAX_WAITING_OF_ONE:
            raise RateLimited("Too many pictures are being made: try again in a few seconds.")
        self._waiting[whose] += 1
        try:
            async with self._turns.setdefault(whose, asyncio.Lock()):
                yield
        finally:
            self._waiting[whose] -= 1
            self._waiting += Counter()  # forgets those that have none

    async def _make(self, found: ImageRecord) -> None:
        key = pyramid_key(found.project_id, found.id)
        async with self._folder() as folder:
            try:
                original = await self._blobs.file(original_key(found.project_id, found.id), folder)
            except BlobNotFound:
                raise NotFound(_DELETED) from None
            work = PyramidWork(
                original=str(original),
                folder=str(folder),
                target=str(folder / "pyramid"),
                shape=Shape(width=found.width, height=found.height),
            )
            outcome = await self._ask(work)
            if isinstance(outcome, Refused):
                await self._image(found.id)
                raise self._failures.noted(key, outcome.message)
            await self._blobs.put_file(key, Path(work.target), _TYPE)
        try:
            await self._image(found.id)
        except (NotFound, DatabaseTrouble):
            # Whoever deleted the image may have been here before its pyramid was.
            await self._blobs.delete([key])
            raise

    @asynccontextmanager
    async def _folder(self) -> AsyncIterator[Path]:
        """Make a folder that is gone behind the block."""
        folder = Path(tempfile.mkdtemp(dir=self._spool))
        try:
            yield folder
        finally:
            # In it are the tiles, by the thousands, where a process that made them crashed.
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _ask(self, work: PyramidWork) -> Outcome:
        try:
            return await self._processes.ask(work) or Refused(_TOO_HEAVY)
        except TimeoutError:
            return Refused(_TOO_HEAVY)


class _Opening:
    """A pyramid on its way to being known: how many wait for it, and whether it is being made."""

    def __init__(self, task: "asyncio.Task[Pyramid]") -> None:
        self.task = task
        self.waiting = 0
        self.has_begun = False


class _Failures:
    """Pyramids that could not be made, remembered for a while."""

    def __init__(self) -> None:
        self._messages: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def noted(self, key: str, message: str) -> TilesFailed:
        """Remember a failure, and return it."""
        self._messages[key] = (time.monotonic() + _FAILURE_SECONDS, message)
        if len(self._messages) > _FAILURES:
            self._messages.popitem(last=False)
        return TilesFailed(message)

    def check(self, key: str) -> None:
        """Raise TilesFailed where it failed a moment ago."""
        until, message = self._messages.get(key, (0, ""))
        if time.monotonic() < until:
            raise TilesFailed(message)
