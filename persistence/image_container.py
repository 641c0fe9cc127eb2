"""Whether a file holds all that its container announces.

Decoders are lenient: libpng stops caring after the last row, libnsgif after the first frame,
libtiff looks at no page but the one asked for. A file that lacks its end mark is refused all the
same, even where every pixel is there, because nobody can tell what else is missing. Bytes that
nothing in the file refers to, such as the padding behind a TIFF, are not missed.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from persistence.image_format import ImageFormat
from persistence.image_verdict import damaged

_GIF_EXTENSION, _GIF_IMAGE, _GIF_TRAILER = 0x21, 0x2C, 0x3B
_TIFF_MAX_PAGES = 1_000_000
# Bytes per value, by the type of the field. Unknown types and private tags are not worth a refusal:
# many a program writes odd ones.
_TIFF_TYPE_BYTES = {
    **dict.fromkeys((1, 2, 6, 7), 1),
    **dict.fromkeys((3, 8), 2),
    **dict.fromkeys((4, 9, 11, 13), 4),
    **dict.fromkeys((5, 10, 12, 16, 17, 18), 8),
}
_TIFF_FIRST_PRIVATE_TAG = 32768


def check_container(path: Path, kind: ImageFormat) -> None:
    """Raise RejectedImage(TRUNCATED) where the file is shorter than its own structure says."""
    check = _CHECKS.get(kind)
    if check is None:
        return
    with path.open("rb") as file:
        try:
            check(file, path.stat().st_size)
        except (IndexError, OSError, OverflowError, ValueError, struct.error) as error:
            raise damaged(f"its {kind.name} structure breaks off") from error


def png_size(path: Path) -> tuple[int, int]:
    """Return width and height as the header has them; of absurd ones libvips only says no."""
    with path.open("rb") as file:
        width, height = struct.unpack_from(">II", file.read(24), 16)
    return width, height


def _check_png(file: BinaryIO, size: int) -> None:
    position, name = 8, b""
    while name != b"IEND":
        file.seek(position)
        length, name = struct.unpack(">I4s", file.read(8))
        position += 12 + length
    if position > size:
        raise damaged("the end of the PNG is missing")


def _check_gif(file: BinaryIO, _size: int) -> None:
    _skip_gif_colours(file, file.read(13)[10])
    while (block := file.read(1)[0]) != _GIF_TRAILER:
        if block == _GIF_EXTENSION:
            file.seek(1, 1)
        elif block == _GIF_IMAGE:
            _skip_gif_colours(file, file.read(9)[8])
            file.seek(1, 1)
        else:
            raise damaged("a GIF block of an unknown kind")
        while length := file.read(1)[0]:
            file.seek(length, 1)


def _skip_gif_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 * 2 ** ((flags & 7) + 1), 1)


def _check_tiff(file: BinaryIO, size: int) -> None:
    header = file.read(16)
    order = "<" if header[:2] == b"II" else ">"
    is_big = struct.unpack_from(order + "H", header, 2)[0] == 43  # noqa: PLR2004
    offset_at, word, count_format = (8, "Q", "Q") if is_big else (4, "I", "H")
    (position,) = struct.unpack_from(order + word, header, offset_at)
    seen: set[int] = set()
    while position:
        if position in seen or len(seen) >= _TIFF_MAX_PAGES:
            raise damaged("its chain of pages has no end")
        seen.add(position)
        position = _check_tiff_directory(file, size, position, order + count_format, order + word)


def _check_tiff_directory(
    file: BinaryIO, size: int, position: int, count_format: str, word: str
) -> int:
    """Check the fields of one directory; return where the next one begins, 0 for none."""
    file.seek(position)
    (fields,) = struct.unpack(count_format, file.read(struct.calcsize(count_format)))
    field = struct.Struct(f"{word[0]}HH{word[1]}{word[1]}")
    if position + field.size * fields > size:
        raise damaged("a page of the TIFF lies behind its end")
    for tag, kind, count, offset in field.iter_unpack(file.read(field.size * fields)):
        length = count * _TIFF_TYPE_BYTES.get(kind, 0)
        outside = length > struct.calcsize(word) and offset + length > size
        if outside and tag < _TIFF_FIRST_PRIVATE_TAG:
            raise damaged("a field of the TIFF lies behind its end")
    (following,) = struct.unpack(word, file.read(struct.calcsize(word)))
    return int(following)


_CHECKS: dict[ImageFormat, Callable[[BinaryIO, int], None]] = {
    ImageFormat.PNG: _check_png,
    ImageFormat.GIF: _check_gif,
    ImageFormat.TIFF: _check_tiff,
}
