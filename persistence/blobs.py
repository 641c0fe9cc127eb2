"""Files of images and of what was found in them: on local disk, in S3, or in memory for tests.

A blob is written once under a key that names its owner, and appears whole or not at all. On local
disk a crash may leave an unfinished file named like the key with "#" and a number behind it; no
listing shows it, and ``delete_unfinished`` removes it. In S3 that is for a lifecycle rule about
incomplete multipart uploads.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import obstore
from msgspec import Struct
from obstore.exceptions import GenericError
from obstore.store import LocalStore, MemoryStore, ObjectStore, S3Store

from persistence.ids import new_id

# Each piece is a request of its own, so that a slow reader outlives any store's request time-out.
_PIECE_BYTES = 2**21
_DELETE_BATCH = 1000
_TRIES = 5
_PROBE_FOLDER = "probes"
_UNFINISHED = re.compile(r".+#\d+")

_HEX_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OWNED_KEY = re.compile(
    rf"projects/(?P<project>{_HEX_UUID})/"
    rf"(?:images/(?P<image>{_HEX_UUID})/(?:original|thumbnail\.webp|pyramid)"
    rf"|segmentations/(?P<segmentation>{_HEX_UUID})\.geojson\.gz)"
)


class BlobNotFound(Exception):
    """There is no blob under this key."""


class BlobInfo(Struct, frozen=True, kw_only=True):
    """What a store knows of a blob. The size is in bytes, the etag quoted as HTTP has it."""

    key: str
    size: int
    etag: str
    modified: datetime


class BlobOwner(NamedTuple):
    """Whom a blob belongs to."""

    project_id: UUID
    kind: Literal["image", "segmentation"]
    id: UUID


def project_prefix(project_id: UUID) -> str:
    """Return what the keys of all blobs of a project begin with."""
    return f"projects/{project_id}/"


def original_key(project_id: UUID, image_id: UUID) -> str:
    """Return the key of an image's file as it was uploaded."""
    return f"{project_prefix(project_id)}images/{image_id}/original"


def thumbnail_key(project_id: UUID, image_id: UUID) -> str:
    """Return the key of an image's thumbnail."""
    return f"{project_prefix(project_id)}images/{image_id}/thumbnail.webp"


def pyramid_key(project_id: UUID, image_id: UUID) -> str:
    """Return the key of an image's pyramid: its picture in tiles, once somebody looked at it."""
    return f"{project_prefix(project_id)}images/{image_id}/pyramid"


def polygons_key(project_id: UUID, segmentation_id: UUID) -> str:
    """Return the key of the polygons that a run found."""
    return f"{project_prefix(project_id)}segmentations/{segmentation_id}.geojson.gz"


def owner_of(key: str) -> BlobOwner | None:
    """Return whom a blob belongs to; None for a key that none of the functions above makes."""
    match = _OWNED_KEY.fullmatch(key)
    if match is None:
        return None
    project_id = UUID(match["project"])
    if match["image"]:
        return BlobOwner(project_id, "image", UUID(match["image"]))
    return BlobOwner(project_id, "segmentation", UUID(match["segmentation"]))


class BlobStore:
    """The blobs of one place. Every method may raise obstore's errors where the place is away."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._folder = store.prefix if isinstance(store, LocalStore) else None

    @classmethod
    def open(cls, url: str) -> "BlobStore":
        """Open file:///folder (made if missing), memory:// or s3://bucket/prefix.

        S3's credentials, region and endpoint come from the usual AWS_* variables of the
        environment. Raise ValueError for any other address.
        """
        match urlsplit(url).scheme:
            case "file":
                return cls(LocalStore.from_url(url, mkdir=True))
            case "memory":
                return cls(MemoryStore())
            case "s3":
                return cls(S3Store.from_url(url))
            case _:
                raise ValueError(
                    f"{url!r} is no address of a blob store: file://, s3://, memory://"
                )

    async def put_file(self, key: str, path: Path, content_type: str) -> None:
        """Store a copy of a file, read piece by piece."""
        await self._put(key, path, content_type)

    async def put_bytes(self, key: str, data: bytes, content_type: str) -> None:
        """Store a few bytes."""
        await self._put(key, data, content_type)

    async def _put(self, key: str, content: Path | bytes, content_type: str) -> None:
        # A file system has nowhere to keep the type; nobody reads it from there either.
        if self._folder is None:
            attributes = {"Content-Type": content_type}
            await obstore.put_async(self._store, key, content, attributes=attributes)
            return
        for again in range(_TRIES - 1, -1, -1):
            try:
                await obstore.put_async(self._store, key, content)
                break
            except GenericError:
                # A folder may be removed, as one without blobs, before its first blob is in it.
                if not again or (self._folder / key).parent.is_dir():
                    raise
        await asyncio.to_thread(_make_durable, self._folder, key)

    async def read(self, key: str) -> bytes:
        """Return a whole blob; for small ones. Raise BlobNotFound."""
        try:
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())
        except FileNotFoundError as error:
            raise BlobNotFound(key) from error

    async def stat(self, key: str) -> BlobInfo:
        """Return what is known of a blob. Raise BlobNotFound."""
        try:
            return _info(await obstore.head_async(self._store, key))
        except FileNotFoundError as error:
            raise BlobNotFound(key) from error

    async def read_part(self, key: str, start: int, end: int) -> tuple[BlobInfo, bytes]:
        """Return the bytes from start up to end, or to the blob's, and what they are a part of.

        The part must not be empty. Raise BlobNotFound.
        """
        try:
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            return _info(found.meta), bytes(await found.bytes_async())
        except FileNotFoundError as error:
            raise BlobNotFound(key) from error

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from start up to, not including, end; end must lie within the blob.

        Raise BlobNotFound, at first or, where the blob is deleted meanwhile, later.
        """
        for begin in range(start, end, _PIECE_BYTES):
            piece_end = min(begin + _PIECE_BYTES, end)
            try:
                piece = await obstore.get_range_async(self._store, key, start=begin, end=piece_end)
            except FileNotFoundError as error:
                raise BlobNotFound(key) from error
            yield bytes(piece)

    async def file(self, key: str, folder: Path) -> Path:
        """Return a file with the content of a blob: its own on local disk, else a copy in folder.

        It is to be read only. Raise BlobNotFound.
        """
        info = await self.stat(key)
        if self._folder is not None:
            return self._folder / key
        path = folder / key.replace("/", "_")
        with await asyncio.to_thread(path.open, "wb") as copy:
            async for piece in self.stream(key, 0, info.size):
                await asyncio.to_thread(copy.write, piece)
        return path

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Yield all blobs whose key begins with the prefix, which ends with "/" or is empty."""
        async for batch in obstore.list(self._store, prefix or None):
            for found in batch:
                yield _info(found)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete blobs; keys under which there is none are fine."""
        for begin in range(0, len(keys), _DELETE_BATCH):
            batch = keys[begin : begin + _DELETE_BATCH]
            try:
                await obstore.delete_async(self._store, batch)
            except FileNotFoundError:
                # A file system stops at the first that is missing; S3 doesn't mind.
                await self._delete_one_by_one(batch)
        if self._folder:
            await asyncio.to_thread(_remove_folders_of, self._folder, keys)

    async def _delete_one_by_one(self, keys: Sequence[str]) -> None:
        for key in keys:
            with suppress(FileNotFoundError):
                await obstore.delete_async(self._store, key)

    async def delete_prefix(self, prefix: str) -> None:
        """Delete all blobs whose key begins with the prefix, which ends with "/"."""
        await self.delete([found.key async for found in self.list(prefix)])
        if self._folder:
            await asyncio.to_thread(_remove_empty_folders, self._folder, prefix)

    async def delete_unfinished(self, older_than_seconds: float) -> int:
        """Delete files that a crash left half written; return how many there were."""
        if self._folder is None:
            return 0
        before = time.time() - older_than_seconds
        return await asyncio.to_thread(_delete_unfinished, self._folder, before)

    async def check(self) -> None:
        """Write, read and delete a blob; raise an exception where that fails."""
        key, content = f"{_PROBE_FOLDER}/{new_id()}", b"probe"
        try:
            await self.put_bytes(key, content, "text/plain")
            found = await self.read(key)
        finally:
            await self.delete([key])
        if found != content:
            raise OSError("The blob store returns something else than what was written to it.")


def _info(found: "obstore.ObjectMeta") -> BlobInfo:
    return BlobInfo(
        key=found["path"],
        size=found["size"],
        etag=found["e_tag"] or f'"{found["last_modified"].timestamp()}-{found["size"]}"',
        modified=found["last_modified"],
    )


# The names below are not made Paths: pathlib interns each part of a path, and Python 3.12 before
# 3.12.7 never forgets what is interned.


def _make_durable(root: Path, key: str) -> None:
    """Have the disk itself hold the blob, and the folders that name it, whatever fails next."""
    names = key.split("/")
    for depth in range(len(names), -1, -1):
        # Whoever deletes its project meanwhile has no use for it.
        with suppress(FileNotFoundError):
            descriptor = os.open("/".join((str(root), *names[:depth])), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _remove_folders_of(root: Path, keys: Sequence[str]) -> None:
    # Only the innermost: a folder further up may just be entered by another upload.
    _remove_if_empty({f"{root}/{key.rpartition('/')[0]}" for key in keys})


def _remove_empty_folders(root: Path, prefix: str) -> None:
    _remove_if_empty(folder for folder, _, _ in os.walk(f"{root}/{prefix}", topdown=False))


def _remove_if_empty(folders: Iterable[str]) -> None:
    for folder in folders:
        with suppress(OSError):
            os.rmdir(folder)  # noqa: PTH106


def _delete_unfinished(root: Path, before: float) -> int:
    deleted = 0
    for path in root.rglob("*#*"):
        if _UNFINISHED.fullmatch(path.name) and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted
