"""The content of a file decides what it is; what can't be trusted is rejected, and alone."""

import random
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tifffile

from persistence.image_files import ImageInspector, ImageLimits, RejectedImage
from tests.persistence.inspecting import Here, Inspector, code_of, decoded
from tests.persistence.pictures import HEIGHT, SAMPLES, WIDTH, Sample, blobs, bytes_of, tiff

CUT = [
    "png colour",
    "png palette",
    "jpeg colour",
    "jpeg progressive",
    "webp",
    "webp lossless",
    "webp animated",
    "gif",
    "gif animated",
    "bmp colour",
    "tiff uint16",
    "tiff lzw",
    "tiff tiled",
    "tiff float64",
    "tiff stack in one page",
    "bigtiff",
    "ome-tiff pyramid",
    "imagej in one page",
]


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
async def test_every_accepted_format_is_measured_and_drawn(
    inspector: Inspector, tmp_path: Path, sample: Sample
) -> None:
    path = tmp_path / "name-says-nothing.txt"
    sample.write(path)

    found = await inspector.inspect(path)

    assert (found.width, found.height) == (WIDTH, HEIGHT)
    assert (found.channels, found.pages) == (sample.channels, sample.pages)
    assert found.mime_type == sample.mime_type
    drawn = decoded(found.thumbnail)
    assert drawn.shape[:2] == (HEIGHT, WIDTH)
    disc, ground = drawn[15:25, 25:35].mean(), drawn[:, :10].mean()
    assert disc > ground, "the disc is not to be seen"


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("keep", ["10 %", "50 %", "99 %", "all but one byte"])
async def test_a_truncated_file_is_rejected(
    inspector: Inspector, tmp_path: Path, name: str, keep: str
) -> None:
    whole = bytes_of(SAMPLES[name].write, tmp_path)
    size = len(whole)
    left = {"10 %": size // 10, "50 %": size // 2, "99 %": size * 99 // 100}.get(keep, size - 1)
    path = tmp_path / "cut"
    path.write_bytes(whole[:left])
    assert await code_of(inspector, path) == "TRUNCATED"


async def test_a_tiff_may_lack_bytes_that_nothing_in_it_refers_to(
    inspector: Inspector, tmp_path: Path
) -> None:
    """tifffile ends stacks of several pages with 16 bytes of padding."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    SAMPLES["tiff stack"].write(whole)
    cut.write_bytes(whole.read_bytes()[:-16])
    assert await inspector.inspect(cut) == await inspector.inspect(whole)
    cut.write_bytes(whole.read_bytes()[:-17])
    assert await code_of(inspector, cut) == "TRUNCATED"


async def test_bytes_behind_the_end_of_an_image_do_no_harm(
    inspector: Inspector, tmp_path: Path
) -> None:
    for name in ("png colour", "jpeg colour", "gif", "bmp colour", "tiff stack"):
        whole, longer = tmp_path / "whole", tmp_path / "longer"
        SAMPLES[name].write(whole)
        longer.write_bytes(whole.read_bytes() + b"trailing bytes")
        assert await inspector.inspect(longer) == await inspector.inspect(whole)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b"well, cell 17 is the one to look at\n", "NOT_AN_IMAGE"),
        (b"BMI of the patients, in kg per square metre: 21, 23, 22", "NOT_AN_IMAGE"),
        (b"P1 showed no response", "NOT_AN_IMAGE"),
        (b"\x89PN", "NOT_AN_IMAGE"),
        (b"<html><p>Please sign in</p></html>", "NOT_AN_IMAGE"),
        (bytes(4096), "NOT_AN_IMAGE"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "UNSUPPORTED_FORMAT"),
        (b'<?xml version="1.0"?>\n<!-- a -->\n<svg:svg width="3"/>', "UNSUPPORTED_FORMAT"),
        (b"%PDF-1.7\n", "UNSUPPORTED_FORMAT"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "UNSUPPORTED_FORMAT"),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00", "UNSUPPORTED_FORMAT"),
        (b"ZISRAWFILE\x00\x00\x00\x00", "UNSUPPORTED_FORMAT"),
        (bytes(128) + b"DICM", "UNSUPPORTED_FORMAT"),
        (b"P5 60 40 255\n", "UNSUPPORTED_FORMAT"),
        (b"\x89PNG\r\n\x1a\n and so on", "TRUNCATED"),
        (b"\xff\xd8\xff and so on", "TRUNCATED"),
        (b"II*\x00\x08\x00\x00\x00 and so on, and on and on", "TRUNCATED"),
        (b"II*\x00\x00\x00\x00\x00", "TRUNCATED"),
        (b"II+\x00\x08\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", "TRUNCATED"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "TRUNCATED"),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00\x99", "TRUNCATED"),
        (b"BM" + bytes(12) + b"\x28\x00\x00\x00" + bytes(36), "TRUNCATED"),
    ],
)
async def test_what_is_no_image_of_ours_is_rejected_whatever_its_name(
    inspector: Inspector, tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(content)
    assert await code_of(inspector, path) == code


def _png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _huge_tiff(path: Path) -> None:
    tifffile.imwrite(path, blobs(), metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for name in ("ImageWidth", "ImageLength"):
            tiff.pages.first.tags[name].overwrite(2_000_000_000)


async def test_dimensions_are_checked_before_anything_is_decoded(
    inspector: Inspector, tmp_path: Path
) -> None:
    bomb, tall, absurd, tiff_bomb = (tmp_path / name for name in ("1", "2", "3", "4"))
    bomb.write_bytes(_png(100_000, 100_000, bytes(10_000_000)))
    tall.write_bytes(_png(1, 2**31 - 1, bytes(1000)))
    absurd.write_bytes(_png(2**31 - 1, 2**31 - 1, bytes(1000)))
    _huge_tiff(tiff_bomb)
    for path in (bomb, tall, absurd, tiff_bomb):
        assert await code_of(inspector, path) == "TOO_MANY_PIXELS", path.name


async def test_pixels_are_limited_by_page_and_in_total(tmp_path: Path) -> None:
    one, stack, series, frames = (tmp_path / name for name in ("one", "stack", "series", "frames"))
    SAMPLES["tiff uint16"].write(one)
    SAMPLES["tiff stack"].write(stack)
    SAMPLES["ome-tiff of several series"].write(series)
    SAMPLES["gif animated"].write(frames)
    page = WIDTH * HEIGHT
    strict = Here(ImageLimits(page_pixels=page, total_pixels=4 * page))
    assert (await strict.inspect(one)).pages == 1
    for path in (stack, series, frames):
        assert await code_of(strict, path) == "TOO_MANY_PIXELS"
    assert await code_of(Here(ImageLimits(page_pixels=page - 1)), one) == "TOO_MANY_PIXELS"


def _rewrite(path: Path, tag: str, value: object) -> None:
    with tifffile.TiffFile(path, mode="r+") as found:
        found.pages.first.tags[tag].overwrite(value)


async def test_a_tiff_that_no_decoder_here_knows_is_not_supported(
    inspector: Inspector, tmp_path: Path
) -> None:
    jpeg_2000, complex_numbers, volume = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    tiff(blobs(), metadata=None)(jpeg_2000)
    _rewrite(jpeg_2000, "Compression", 34712)
    tiff(blobs(dtype=np.complex64), metadata=None)(complex_numbers)
    tiff(blobs(16), volumetric=True, tile=(16, 16, 16))(volume)
    for path in (jpeg_2000, complex_numbers, volume):
        assert await code_of(inspector, path) == "UNSUPPORTED_FORMAT", path.name


async def test_a_tiff_that_contradicts_itself_is_damaged(
    inspector: Inspector, tmp_path: Path
) -> None:
    wide, loop, lost = tmp_path / "wide", tmp_path / "loop", tmp_path / "lost"
    tiff(blobs(), tile=(16, 16), metadata=None)(wide)
    _rewrite(wide, "ImageWidth", 1_000_000)
    tiff(blobs(), metadata=None)(loop)
    content = bytearray(loop.read_bytes())
    (fields,) = struct.unpack_from("<H", content, 8)
    struct.pack_into("<I", content, 10 + 12 * fields, 8)
    loop.write_bytes(content)
    tiff(blobs(3), ome=True, metadata={"axes": "ZYX"})(lost)
    lost.write_bytes(lost.read_bytes().replace(b'PlaneCount="3"', b'PlaneCount="1"'))
    assert await code_of(inspector, wide) == "TRUNCATED"
    assert await code_of(inspector, loop) == "TRUNCATED"
    assert await code_of(inspector, lost) == "TRUNCATED"


async def test_random_damage_is_survived_and_blamed_on_the_file(tmp_path: Path) -> None:
    """Bytes changed anywhere leave an image or a clear rejection, never a surprise."""
    chance = random.Random(20)
    wholes = [bytes_of(sample.write, tmp_path) for sample in SAMPLES.values()]
    async with ImageInspector(ImageLimits(page_pixels=10**6)) as inspector:
        for _ in range(400):
            content = bytearray(chance.choice(wholes))
            for _ in range(chance.choice([1, 3, 10])):
                at = chance.randrange(min(len(content), chance.choice([64, 400, 10**6])))
                content[at] = chance.choice([0, 1, 255, chance.randrange(256)])
            path = tmp_path / "damaged"
            path.write_bytes(content)
            with suppress(RejectedImage):
                await inspector.inspect(path)
                continue
            assert await code_of(inspector, path) != "INSPECTION_FAILED", content.hex()


async def test_an_inspection_says_the_same_in_any_process(
    inspector: Inspector, tmp_path: Path
) -> None:
    async with ImageInspector() as apart:
        for name, sample in SAMPLES.items():
            whole, half = tmp_path / name, tmp_path / f"half {name}"
            sample.write(whole)
            assert await apart.inspect(whole) == await inspector.inspect(whole), name
            half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
            assert await code_of(apart, half) == await code_of(inspector, half) == "TRUNCATED", name


async def test_an_ome_tiff_that_refers_to_other_files_is_taken_for_what_it_holds(
    inspector: Inspector, tmp_path: Path
) -> None:
    other = tmp_path / "other.ome.tif"
    tiff(blobs(2), ome=True, metadata={"axes": "ZYX"})(other)
    path = tmp_path / "master.ome.tif"
    uuid = "urn:uuid:00000000-0000-0000-0000-000000000000"
    data = (
        f'<TiffData IFD="0" PlaneCount="2"><UUID FileName="{other.name}">{uuid}</UUID></TiffData>'
    )
    with tifffile.TiffFile(other) as source:
        description = source.ome_metadata or ""
    cut = description.index("<TiffData"), description.index("</Pixels>")
    description = description[: cut[0]] + data + description[cut[1] :]
    tifffile.imwrite(path, blobs(), description=description, metadata=None)
    found = await inspector.inspect(path)
    assert (found.channels, found.pages) == (1, 1)
