"""The rules of the blob store, the same on disk and in memory."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.blobs import (
    BlobNotFound,
    BlobOwner,
    BlobStore,
    original_key,
    owner_of,
    polygons_key,
    project_prefix,
    pyramid_key,
    thumbnail_key,
)
from persistence.ids import new_id

_CONTENT = bytes(range(256)) * 20_000  # 5 MB: several pieces, and several parts of an upload


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs of the hub"


@pytest.fixture(params=["disk", "memory"])
def blobs(request: pytest.FixtureRequest, folder: Path) -> BlobStore:
    return BlobStore.open(folder.as_uri() if request.param == "disk" else "memory://")


async def _collect(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_what_is_stored_is_read_back(blobs: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(_CONTENT)
    await blobs.put_file("a/large", source, "image/tiff")
    await blobs.put_bytes("a/small", b"few", "image/webp")
    await blobs.put_bytes("a/empty", b"", "image/webp")
    assert await blobs.read("a/large") == _CONTENT
    assert await blobs.read("a/small") == b"few"
    assert await blobs.read("a/empty") == b""
    assert source.exists()


async def test_a_blob_tells_its_size_its_age_and_an_etag_of_its_own(blobs: BlobStore) -> None:
    before = datetime.now(UTC)
    await blobs.put_bytes("one", b"one", "text/plain")
    await blobs.put_bytes("other", b"other", "text/plain")
    one, other = await blobs.stat("one"), await blobs.stat("other")
    assert (one.key, one.size, other.size) == ("one", 3, 5)
    assert one.etag != other.etag
    assert re.fullmatch(r'"[^"]+"', one.etag)
    # The clock of a file system ticks more coarsely.
    assert abs((one.modified - before).total_seconds()) < 5


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, len(_CONTENT)), (0, 1), (7, 7), (2**21 - 1, 2**21 + 1), (4_999_999, len(_CONTENT))],
)
async def test_any_range_can_be_streamed(blobs: BlobStore, start: int, end: int) -> None:
    await blobs.put_bytes("a", _CONTENT, "image/tiff")
    assert await _collect(blobs.stream("a", start, end)) == _CONTENT[start:end]


async def test_a_part_is_read_with_what_it_is_a_part_of(blobs: BlobStore) -> None:
    await blobs.put_bytes("a", b"0123456789", "image/tiff")
    for start, end, expected in ((0, 10, b"0123456789"), (2, 5, b"234"), (8, 99, b"89")):
        info, part = await blobs.read_part("a", start, end)
        assert part == expected
        assert info == await blobs.stat("a")
    before, _ = await blobs.read_part("a", 0, 1)
    await blobs.put_bytes("a", b"9876543210", "image/tiff")
    after, part = await blobs.read_part("a", 0, 1)
    assert part == b"9"
    assert after.etag != before.etag


async def test_what_is_missing_is_not_found_but_may_be_deleted(blobs: BlobStore) -> None:
    for reading in (
        blobs.read("a/b"),
        blobs.read_part("a/b", 0, 1),
        blobs.stat("a/b"),
        _collect(blobs.stream("a/b", 0, 1)),
    ):
        with pytest.raises(BlobNotFound):
            await reading
    await blobs.delete(["a/b", "a/c"])
    await blobs.delete([])
    await blobs.delete_prefix("a/")


async def test_deleting_goes_on_behind_a_missing_key(blobs: BlobStore) -> None:
    keys = [f"a/{number}" for number in range(1200)]
    for key in keys[::2]:
        await blobs.put_bytes(key, b"x", "text/plain")
    await blobs.put_bytes("b", b"x", "text/plain")
    await blobs.delete(keys)
    assert [found.key async for found in blobs.list()] == ["b"]


async def test_a_prefix_is_listed_and_deleted_and_its_neighbours_are_not(
    blobs: BlobStore,
) -> None:
    one, other, image = new_id(), new_id(), new_id()
    mine = {original_key(one, image), thumbnail_key(one, image), polygons_key(one, new_id())}
    kept = original_key(other, image)
    for key in (*mine, kept):
        await blobs.put_bytes(key, b"x", "text/plain")
    assert {found.key async for found in blobs.list(project_prefix(one))} == mine
    await blobs.delete_prefix(project_prefix(one))
    assert [found.key async for found in blobs.list()] == [kept]


async def test_a_check_leaves_nothing_behind(blobs: BlobStore) -> None:
    await asyncio.gather(*(blobs.check() for _ in range(20)))
    assert [found async for found in blobs.list()] == []


def _put_a_file_in_the_place_of(folder: Path) -> None:
    folder.rmdir()
    folder.touch()


async def test_a_check_fails_where_nothing_can_be_written(folder: Path) -> None:
    blobs = BlobStore.open(folder.as_uri())
    _put_a_file_in_the_place_of(folder)
    with pytest.raises(Exception, match="probes"):
        await blobs.check()


async def test_no_empty_folders_are_left_on_disk(folder: Path) -> None:
    blobs = BlobStore.open(folder.as_uri())
    project, image = new_id(), new_id()
    keys = [original_key(project, image), thumbnail_key(project, image)]
    for key in keys:
        await blobs.put_bytes(key, b"x", "text/plain")
    await blobs.delete(keys)
    assert not (folder / keys[0]).parent.exists()
    await blobs.delete_prefix(project_prefix(project))
    assert list((folder / "projects").iterdir()) == []


async def test_writing_beside_a_deletion_never_fails(folder: Path) -> None:
    blobs = BlobStore.open(folder.as_uri())
    project = new_id()

    async def come_and_go() -> None:
        for _ in range(50):
            keys = [original_key(project, new_id()), polygons_key(project, new_id())]
            for key in keys:
                await blobs.put_bytes(key, b"x", "text/plain")
            await blobs.delete(keys)

    await asyncio.gather(*(come_and_go() for _ in range(8)))
    assert [found async for found in blobs.list()] == []


_DIES_WHILE_WRITING = """
import asyncio, os, sys
from pathlib import Path
from persistence.blobs import BlobStore

async def main():
    blobs = BlobStore.open(Path(sys.argv[1]).as_uri())
    source = Path(sys.argv[2])
    with source.open("wb") as file:
        file.truncate(1_000_000_000)
    writing = asyncio.ensure_future(blobs.put_file("a/b", source, "image/tiff"))
    while not (Path(sys.argv[1]) / "a/b#1").exists():
        await asyncio.sleep(0)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def test_a_crash_in_the_middle_leaves_no_blob_and_what_it_leaves_can_be_removed(
    folder: Path, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _DIES_WHILE_WRITING, str(folder), str(tmp_path / "source")),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert await process.wait() == -signal.SIGKILL
    blobs = BlobStore.open(folder.as_uri())
    await blobs.put_bytes("a/c", b"whole", "text/plain")
    with pytest.raises(BlobNotFound):
        await blobs.stat("a/b")
    assert [found.key async for found in blobs.list()] == ["a/c"]

    assert await blobs.delete_unfinished(older_than_seconds=3600) == 0
    os.utime(folder / "a/b#1", (time.time() - 7200,) * 2)
    assert await blobs.delete_unfinished(older_than_seconds=3600) == 1
    assert sorted(path.name for path in (folder / "a").iterdir()) == ["c"]
    assert await blobs.read("a/c") == b"whole"


async def test_a_store_in_memory_has_nothing_unfinished() -> None:
    assert await BlobStore.open("memory://").delete_unfinished(0) == 0


@pytest.mark.parametrize("url", ["", "blobs", "/var/blobs", "ftp://host/blobs", "http://host/"])
def test_other_addresses_are_refused_in_one_clear_line(url: str) -> None:
    with pytest.raises(ValueError, match="is no address of a blob store"):
        BlobStore.open(url)


@given(project=st.uuids(), owner=st.uuids())
def test_keys_name_their_owners(project: UUID, owner: UUID) -> None:
    image = BlobOwner(project, "image", owner)
    assert owner_of(original_key(project, owner)) == image
    assert owner_of(thumbnail_key(project, owner)) == image
    assert owner_of(pyramid_key(project, owner)) == image
    assert owner_of(polygons_key(project, owner)) == BlobOwner(project, "segmentation", owner)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "probes/1",
        "projects",
        f"projects/{UUID(int=1)}",
        f"projects/{UUID(int=1)}/images/{UUID(int=2)}",
        f"projects/{UUID(int=1)}/images/{UUID(int=2)}/original#1",
        f"projects/{UUID(int=1)}/images/{UUID(int=2)}/other",
        f"other/projects/{UUID(int=1)}/images/{UUID(int=2)}/original",
        f"projects/{UUID(int=1).hex}/images/{UUID(int=2).hex}/original",
    ],
)
def test_a_key_of_another_make_has_no_owner(key: str) -> None:
    assert owner_of(key) is None
