"""Uploads: files on the wire become images of a project.

Each file is spooled to disk as it arrives, hashed, looked into by the inspector and put into the
blob store while the next one arrives. One transaction at the end makes images of all that were
accepted. A file that is no good is rejected alone. A fault leaves no row; blobs without rows are
removed here or, after a crash, by garbage collection.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from io import FileIO
from pathlib import Path
from uuid import UUID

from msgspec import Struct

from persistence import image, upload
from persistence.blobs import original_key, thumbnail_key
from persistence.change import ProjectAccess, changing
from persistence.database import Connection, UnitOfWork
from persistence.ids import new_id
from persistence.image import NewImage
from persistence.image_files import RejectedImage
from persistence.records import ImageRecord, ProjectRole
from persistence.upload import RejectedFile, UploadRecord
from resolvers import access
from resolvers.context import Context
from resolvers.errors import BadUserInput, Conflict, HubError, QuotaExceeded
from resolvers.image import forget_blobs
from resolvers.inputs import upload_id_of
from resolvers.live.upload import ProgressReport
from resolvers.uploads import UploadedFile, UploadHandle, arriving

_LONGEST_NAME = 255
_SPOOLED_AT_ONCE = 4
_WRITE_BYTES = 1 << 20
THUMBNAIL_TYPE = "image/webp"


class Uploaded(Struct, frozen=True, kw_only=True):
    """What came of an upload: images and rejections in the order of the call.

    ``repeated``: this is what an earlier call with the same id came to.
    """

    images: Sequence[ImageRecord]
    rejected: Sequence[RejectedFile]
    project: ProjectAccess
    repeated: bool = False


class _NoRoomError(Exception):
    """A file is larger than a limit lets it be."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class AlreadyUploaded(Exception):
    """The same upload finished in the meantime."""


async def upload_images(
    context: Context, project_id: UUID, handles: Sequence[UploadHandle], upload_id: str | None
) -> Uploaded:
    """Store the files as images of the project. Takes an EDITOR.

    A repeated ``upload_id`` changes nothing and returns what the first call came to; Conflict where
    that was in another project. QuotaExceeded where the owner's storage is full already.
    """
    limits = context.services.limits
    if not 1 <= len(handles) <= limits.max_files_per_upload:
        raise BadUserInput(f"Give 1 to {limits.max_files_per_upload} files in a call.")
    if upload_id is not None:
        upload_id = upload_id_of(upload_id)
    async with context.database.reading() as connection:
        seen = await access.project_for(connection, context, project_id, ProjectRole.EDITOR)
        if upload_id is not None:
            first = await upload.find(connection, context.user_id, upload_id)
            if first is not None:
                return await _repeated(connection, context, seen, first)
        stored = await upload.stored_bytes(connection, seen.project.owner_id)
    if limits.user_storage_bytes is not None and stored >= limits.user_storage_bytes:
        raise QuotaExceeded(f"The storage of {limits.user_storage_bytes} bytes is full.")
    reception = _Reception(context, project_id, handles, upload_id, stored)
    try:
        await reception.receive()
    except BaseException:
        await asyncio.shield(reception.discard())
        raise
    try:
        return await reception.commit()
    except AlreadyUploaded:
        await reception.discard()
        return await upload_images(context, project_id, handles, upload_id)
    except HubError:
        # Other errors may have come behind the commit: what is left of those, gc will find.
        await reception.discard()
        raise


async def _repeated(
    connection: Connection, context: Context, seen: ProjectAccess, first: UploadRecord
) -> Uploaded:
    if first.project_id != seen.project.id:
        raise Conflict("This uploadId was used in another project; choose a new one.")
    found = await image.visible(connection, first.image_ids, context.user_id)
    return Uploaded(
        images=[found[image_id] for image_id in first.image_ids if image_id in found],
        rejected=first.rejected,
        project=seen,
        repeated=True,
    )


class _Reception:
    """One upload under way. Files are known by their index among those of the request."""

    def __init__(
        self,
        context: Context,
        project_id: UUID,
        handles: Sequence[UploadHandle],
        upload_id: str | None,
        stored_bytes: int,
    ) -> None:
        self._context = context
        self._services = context.services
        self._project_id = project_id
        self._handles = handles
        self._upload_id = upload_id
        self._stored_bytes = stored_bytes
        self._accepted: dict[int, NewImage] = {}
        self._rejected: dict[int, RejectedFile] = {}
        self._keys: list[str] = []
        self._progress = ProgressReport(
            self._services.bus, context.user_id, upload_id, files_total=len(handles)
        )

    async def receive(self) -> None:
        """Take all files in: each ends accepted, in the blob store, or rejected."""
        slots = asyncio.Semaphore(_SPOOLED_AT_ONCE)
        running: set[asyncio.Task[None]] = set()
        with tempfile.TemporaryDirectory(dir=self._services.spool) as folder:
            try:
                async for file in arriving(self._handles):
                    await slots.acquire()
                    running = {task for task in running if not _is_done(task)}
                    spooled = await self._spool(file, Path(folder) / str(file.index))
                    store = asyncio.create_task(self._store(file, spooled))
                    store.add_done_callback(lambda _: slots.release())
                    running.add(store)
                await asyncio.gather(*running)
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    async def _spool(self, file: UploadedFile, path: Path) -> "_Spooled":
        """Write the file to disk up to the largest size allowed, and hash it on the way."""
        digest = hashlib.sha256()
        size = 0
        longest = self._services.limits.max_file_bytes
        with await asyncio.to_thread(path.open, "wb", buffering=0) as spool:
            async for block in _blocks(file):
                size += len(block)
                self._progress.received(len(block))
                if size > longest:
                    break
                await asyncio.to_thread(_write, spool, digest, block)
        return _Spooled(id=new_id(), path=path, size=size, checksum=digest.hexdigest())

    async def _store(self, file: UploadedFile, spooled: "_Spooled") -> None:
        name = _name_of(file)
        try:
            self._reserve(spooled.size)
            inspected = await self._services.inspector.inspect(spooled.path)
        except (RejectedImage, _NoRoomError) as rejection:
            self._rejected[file.index] = RejectedFile(
                name=name, code=rejection.code, message=rejection.message
            )
            self._progress.rejected()
        else:
            original = original_key(self._project_id, spooled.id)
            thumbnail = thumbnail_key(self._project_id, spooled.id)
            self._keys += (original, thumbnail)
            blobs = self._services.blobs
            await blobs.put_file(original, spooled.path, inspected.mime_type)
            await blobs.put_bytes(thumbnail, inspected.thumbnail, THUMBNAIL_TYPE)
            self._accepted[file.index] = NewImage(
                id=spooled.id,
                name=name,
                width=inspected.width,
                height=inspected.height,
                channels=inspected.channels,
                pages=inspected.pages,
                mime_type=inspected.mime_type,
                size_bytes=spooled.size,
                checksum=spooled.checksum,
            )
            self._progress.stored()
        finally:
            await asyncio.to_thread(spooled.path.unlink)

    def _reserve(self, size: int) -> None:
        """Raise _NoRoomError unless a file of this size may be stored, too."""
        largest = self._services.limits.max_file_bytes
        quota = self._services.limits.user_storage_bytes
        if size > largest:
            raise _NoRoomError("FILE_TOO_LARGE", f"The file has more than {largest} bytes.")
        if quota is not None and self._stored_bytes + size > quota:
            raise _NoRoomError("QUOTA_EXCEEDED", f"The storage of {quota} bytes has no room left.")
        self._stored_bytes += size

    async def commit(self) -> Uploaded:
        """Make images of what was accepted; raises AlreadyUploaded where another call did."""
        order = [handle.index for handle in self._handles]
        new = [self._accepted[index] for index in order if index in self._accepted]
        rejected = [self._rejected[index] for index in order if index in self._rejected]

        async def attempt(unit: UnitOfWork, lock: bool) -> Uploaded:
            connection, actor_id = unit.connection, self._context.user_id
            seen = await access.project_for(
                connection,
                self._context,
                self._project_id,
                ProjectRole.EDITOR,
                # Without images nothing else keeps the project from being deleted meanwhile.
                lock=lock or not new,
            )
            images: Sequence[ImageRecord] = ()
            if new:
                project, images = await image.insert(unit, seen, new, actor_id=actor_id)
                seen = ProjectAccess(project=project, role=seen.role)
            if self._upload_id is not None:
                record = UploadRecord(
                    user_id=actor_id,
                    upload_id=self._upload_id,
                    project_id=self._project_id,
                    image_ids=[image.id for image in new],
                    rejected=rejected,
                    files_total=len(self._handles),
                    bytes_received=self._progress.bytes_received,
                )
                if not await upload.insert(connection, record):
                    raise AlreadyUploaded
            await self._check_quota(connection, seen.project.owner_id)
            return Uploaded(images=images, rejected=rejected, project=seen)

        uploaded = await changing(self._context.database, attempt)
        self._progress.done()
        return uploaded

    async def _check_quota(self, connection: Connection, owner_id: UUID) -> None:
        """Raise QuotaExceeded where uploads at the same time were too much all together."""
        quota = self._services.limits.user_storage_bytes
        if quota is None or not self._accepted:
            return
        if await upload.stored_bytes(connection, owner_id, lock=True) > quota:
            raise QuotaExceeded(f"The storage of {quota} bytes has no room left.")

    async def discard(self) -> None:
        """Remove what was put into the blob store."""
        await forget_blobs(self._services.blobs.delete(self._keys))


class _Spooled(Struct, frozen=True, kw_only=True):
    """A file on disk, and the id that its image would have. ``size`` is in bytes."""

    id: UUID
    path: Path
    size: int
    checksum: str


def _is_done(task: "asyncio.Task[None]") -> bool:
    """Tell whether the task has ended; raise what it raised."""
    if task.done():
        task.result()
    return task.done()


async def _blocks(file: UploadedFile) -> AsyncIterator[bytes]:
    """Join small chunks, so that each trip to a thread is worth it."""
    parts: list[bytes] = []
    size = 0
    async for chunk in file.chunks():
        parts.append(chunk)
        size += len(chunk)
        if size >= _WRITE_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def _write(spool: FileIO, digest: "hashlib._Hash", block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        # A disk that gets full takes a part, and says so the next time only.
        rest = rest[spool.write(rest) :]
    digest.update(block)


def _name_of(file: UploadedFile) -> str:
    printable = "".join(character for character in file.name if character.isprintable())
    return printable.strip()[:_LONGEST_NAME] or "unnamed"
