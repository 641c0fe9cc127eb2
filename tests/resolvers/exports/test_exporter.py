"""One image that breaks its process costs what depends on it, and no other."""

import csv
import os
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from persistence.blobs import BlobNotFound, BlobStore, original_key, polygons_key
from persistence.ids import new_id
from persistence.image_files import ImageLimits
from persistence.records import ImageRecord, SegmentationRecord, SegmentationStatus
from resolvers.exports.exporter import Exporter, ExportFailed, Made, entry_of, image_id_of
from resolvers.exports.formats import ExportFormat
from resolvers.polygons import cells_of
from schema import ids
from tests.live.pictures import png
from tests.resolvers.exports.cells import SIDE, box, geometry

_MEASURED = [f"{name}={value}" for name, value in os.environ.items() if "COVERAGE" in name]
_HOSTILE = ("env", *_MEASURED, sys.executable, "-m", "tests.resolvers.exports.hostile_worker")
_NOW = datetime(2026, 11, 28, tzinfo=UTC)

IMAGE = ImageRecord(
    id=new_id(),
    project_id=new_id(),
    name="a.png",
    status=SegmentationStatus.SEGMENTED,
    failure=None,
    width=SIDE,
    height=SIDE,
    channels=1,
    pages=1,
    mime_type="image/png",
    size_bytes=1,
    checksum="0" * 64,
    uploaded_by=None,
    job_id=None,
    segmentation_id=new_id(),
    created_at=_NOW,
    updated_at=_NOW,
    created_revision=1,
    revision=1,
)
RUN = SegmentationRecord(
    id=new_id(),
    image_id=IMAGE.id,
    project_id=IMAGE.project_id,
    model="watershed",
    threshold=None,
    cell_count=1,
    cell_area=4.0,
    processing_seconds=None,
    created_at=_NOW,
    model_version=None,
    parameters=None,
    image_checksum="0" * 64,
)


@pytest.fixture(params=["memory://", "file://"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    url = request.param
    store = BlobStore.open(url if url == "memory://" else (tmp_path / "blobs").as_uri())
    encoded = cells_of(geometry([[box(1, 1, 3, 3)]]), width=SIDE, height=SIDE).encoded
    await store.put_bytes(polygons_key(IMAGE.project_id, RUN.id), encoded, "")
    await store.put_bytes(original_key(IMAGE.project_id, IMAGE.id), png(7, side=SIDE), "")
    return store


@pytest.fixture
async def exporter(blobs: BlobStore) -> AsyncIterator[Exporter]:
    limits = ImageLimits(seconds=4)
    async with Exporter(blobs, limits=limits, processes=1, command=_HOSTILE) as made:
        yield made


async def make(
    exporter: Exporter,
    folder: Path,
    name: str = "a.png",
    formats: Sequence[ExportFormat] = (ExportFormat.CSV,),
    run: SegmentationRecord = RUN,
) -> Made:
    place = folder / str(new_id())
    place.mkdir()
    image = replace(IMAGE, name=name)
    entry = entry_of(image, number=1, file_name=name)
    return await exporter.make(image, run, formats, place, columns=1, entry=entry)


def row_of(made: Made) -> list[str]:
    with (made.folder / ExportFormat.CSV).open(newline="") as file:
        [row] = csv.reader(file)
    return row


async def test_an_image_is_measured(exporter: Exporter, tmp_path: Path) -> None:
    done = await make(exporter, tmp_path)
    assert done.problem is None
    assert row_of(done)[-2:] == ["4", "7.0"]
    assert row_of(done)[1] == image_id_of(IMAGE) == ids.encode(ids.Kind.IMAGE, IMAGE.id)


@pytest.mark.parametrize("trouble", ["crash if measured", "hang if measured"])
async def test_an_original_that_breaks_its_decoder_costs_the_intensities_only(
    exporter: Exporter, tmp_path: Path, trouble: str
) -> None:
    done = await make(exporter, tmp_path, trouble)
    assert (done.problem or "").startswith("Intensities can't be measured")
    assert row_of(done)[-2:] == ["4", ""]
    assert (await make(exporter, tmp_path)).problem is None


@pytest.mark.parametrize("trouble", ["crash", "hang"])
async def test_a_result_that_breaks_its_process_costs_itself_only(
    exporter: Exporter, tmp_path: Path, trouble: str
) -> None:
    with pytest.raises(ExportFailed):
        await make(exporter, tmp_path, trouble, [ExportFormat.MASKS])
    assert (await make(exporter, tmp_path)).problem is None


async def test_what_is_deleted_is_not_there(exporter: Exporter, tmp_path: Path) -> None:
    with pytest.raises(BlobNotFound):
        await make(exporter, tmp_path, run=replace(RUN, id=new_id()))
