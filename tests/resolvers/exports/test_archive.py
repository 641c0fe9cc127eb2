"""An archive is made no faster than it is read, and takes no more memory the longer it gets."""

import asyncio
import io
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from persistence.blobs import BlobStore, original_key, polygons_key
from persistence.ids import new_id
from resolvers.exports.archive import Archive, Found, Subject
from resolvers.exports.exporter import Exporter
from resolvers.exports.formats import ExportFormat
from resolvers.polygons import cells_of
from tests.live.pictures import png
from tests.resolvers.exports.cells import box, geometry
from tests.resolvers.exports.test_exporter import IMAGE, RUN

SIDE = 600
# As JSON and as masks they have some hundred thousand bytes even when they are compressed.
CELLS = [
    [box(x + y / 977, y + x / 991, x + 9 + y / 983, y + 9 + x / 997)]
    for x in range(0, 590, 7)
    for y in range(0, 590, 7)
]


class Plate:
    """So many images, all with the same pixels and the same cells; ``begun`` of them were read."""

    def __init__(self, blobs: BlobStore, count: int) -> None:
        self._blobs = blobs
        self._count = count
        self._encoded = cells_of(geometry(CELLS), width=SIDE, height=SIDE).encoded
        self.begun = 0

    async def images(self) -> AsyncIterator[Found]:
        for number in range(self._count):
            self.begun += 1
            image = replace(IMAGE, id=new_id(), name=f"{number}.png", width=SIDE, height=SIDE)
            run = replace(RUN, id=new_id(), image_id=image.id)
            polygons = polygons_key(run.project_id, run.id)
            original = original_key(image.project_id, image.id)
            await self._blobs.put_bytes(polygons, self._encoded, "")
            await self._blobs.put_bytes(original, png(1, side=SIDE), "")
            yield image, run
            await self._blobs.delete([polygons, original])


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore.open((tmp_path / "blobs").as_uri())


@pytest.fixture
async def exporter(blobs: BlobStore) -> AsyncIterator[Exporter]:
    async with Exporter(blobs, processes=1) as made:
        yield made


def subject(*formats: ExportFormat) -> Subject:
    return Subject(name="Plate 7", formats=formats, columns=1, created_at=RUN.created_at)


async def peak_of(exporter: Exporter, plate: Plate, folder: Path) -> tuple[int, int]:
    """Return the bytes of Python's memory that an archive took at most, and its size."""
    await asyncio.to_thread(folder.mkdir)
    sent = 0

    async def send(piece: bytes) -> None:
        nonlocal sent
        sent += len(piece)
        await asyncio.sleep(0)

    tracemalloc.start()
    try:
        await Archive(exporter, subject(*ExportFormat), folder, send).make(plate.images())
        return tracemalloc.get_traced_memory()[1], sent
    finally:
        tracemalloc.stop()


async def test_a_long_archive_takes_no_more_memory_than_a_short_one(
    exporter: Exporter, blobs: BlobStore, tmp_path: Path
) -> None:
    short, _ = await peak_of(exporter, Plate(blobs, 4), tmp_path / "short")
    long, size = await peak_of(exporter, Plate(blobs, 25), tmp_path / "long")
    # What else goes on in this process counts, too.
    assert long - short < size / 5


async def test_nothing_is_made_ahead_of_a_client_that_does_not_read(
    exporter: Exporter, blobs: BlobStore, tmp_path: Path
) -> None:
    plate, pieces = Plate(blobs, 4), asyncio.Queue[bytes](maxsize=1)
    archive = Archive(exporter, subject(ExportFormat.GEOJSON), tmp_path, pieces.put)
    making = asyncio.create_task(archive.make(plate.images()))
    content = b""
    for number in range(1, 4):
        while plate.begun <= number:
            content += await pieces.get()
        # The rest of this image is still to be fetched.
        assert plate.begun == number + 1
        assert not making.done()
    while not making.done() or not pieces.empty():
        getting = asyncio.create_task(pieces.get())
        await asyncio.wait({getting, making}, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            content += getting.result()
        else:
            getting.cancel()
    await making
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None


async def test_whoever_gives_an_archive_up_leaves_nothing_behind(
    exporter: Exporter, blobs: BlobStore, tmp_path: Path
) -> None:
    plate, begun = Plate(blobs, 3), asyncio.Event()
    folder = tmp_path / "archive"
    folder.mkdir()

    async def send(piece: bytes) -> None:
        begun.set()
        await asyncio.Event().wait()

    archive = Archive(exporter, subject(*ExportFormat), folder, send)
    making = asyncio.create_task(archive.make(plate.images()))
    await begun.wait()
    making.cancel()
    await asyncio.wait({making})
    assert making.cancelled()
    assert [path for path in folder.iterdir() if path.is_dir()] == []


async def test_large_archives_are_in_the_64_bit_form(
    exporter: Exporter, blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100_000)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    content = bytearray()

    async def send(piece: bytes) -> None:
        content.extend(piece)

    await Archive(exporter, subject(*ExportFormat), tmp_path, send).make(Plate(blobs, 3).images())
    assert b"PK\x06\x06" in content
    file = zipfile.ZipFile(io.BytesIO(content))
    assert file.testzip() is None
    assert len(file.namelist()) == 9
