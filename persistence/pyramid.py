"""Pyramids: a picture in tiles of several sizes, as Deep Zoom has them, in one file.

Level by level the picture halves, down to one pixel at level 0. A tile is 510 pixels wide and high
and shows a pixel of its neighbours on each side. The file begins with its header, then with where
each tile begins; the tiles follow, row by row, the lowest level first.
"""

import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

from msgspec import Struct

TILE_SIZE, OVERLAP = 510, 1
MAX_TILES = 20_000
"""Enough for 2,000,000,000 pixels in the shape of a picture."""

_MAGIC = b"cellpyr1"
_HEADER = struct.Struct("<8sII")
_OFFSET_BYTES = 8


class NotAPyramid(Exception):
    """The file is none, or of another version."""


class Place(NamedTuple):
    """Which tile of a pyramid: level 0 is a single pixel."""

    level: int
    column: int
    row: int

    def __str__(self) -> str:
        return f"{self.level}/{self.column}_{self.row}"


class Shape(Struct, frozen=True, kw_only=True):
    """Width and height of the whole picture, and what follows of its tiles."""

    width: int
    height: int

    @property
    def top(self) -> int:
        """The level that has the picture in full."""
        return (max(self.width, self.height) - 1).bit_length()

    def grid(self, level: int) -> tuple[int, int]:
        """Return how many columns and rows of tiles a level has."""
        scale = TILE_SIZE << (self.top - level)
        return -(-self.width // scale), -(-self.height // scale)

    @property
    def tiles(self) -> int:
        """How many tiles there are on all levels."""
        return self._tiles_below(self.top + 1)

    def places(self) -> Iterator[Place]:
        """Yield all tiles, in the order of the file."""
        for level in range(self.top + 1):
            columns, rows = self.grid(level)
            yield from (
                Place(level, column, row) for row in range(rows) for column in range(columns)
            )

    def number(self, place: Place) -> int | None:
        """Return where in that order a tile is; None where there is none."""
        level, column, row = place
        if not 0 <= level <= self.top:
            return None
        columns, rows = self.grid(level)
        if not (0 <= column < columns and 0 <= row < rows):
            return None
        return self._tiles_below(level) + row * columns + column

    def _tiles_below(self, level: int) -> int:
        return sum(columns * rows for columns, rows in map(self.grid, range(level)))


class Index(Struct, frozen=True, kw_only=True):
    """What the beginning of the file says: where the tiles are."""

    shape: Shape
    offsets: "array[int]"

    @staticmethod
    def length(beginning: bytes) -> int:
        """Return how many bytes of the file ``parse`` needs. Raise NotAPyramid."""
        return _HEADER.size + _OFFSET_BYTES * (_shape(beginning).tiles + 1)

    @classmethod
    def parse(cls, beginning: bytes) -> Self:
        """Read the beginning of a file. Raise NotAPyramid."""
        shape, end = _shape(beginning), cls.length(beginning)
        if len(beginning) < end:
            raise NotAPyramid
        return cls(shape=shape, offsets=_little_endian(beginning[_HEADER.size : end]))

    def span(self, place: Place) -> tuple[int, int] | None:
        """Return start and end of a tile within the file; None where there is none."""
        number = self.shape.number(place)
        return None if number is None else (self.offsets[number], self.offsets[number + 1])


def pack(folder: Path, shape: Shape, target: Path) -> None:
    """Write a pyramid of tiles that are files in a folder, named level/column_row.webp.

    The files are removed one by one, so that tiles take their room but once.
    """
    with target.open("wb") as file:
        file.write(_HEADER.pack(_MAGIC, shape.width, shape.height))
        file.write(bytes(_OFFSET_BYTES * (shape.tiles + 1)))
        offsets = [file.tell()]
        for place in shape.places():
            tile = folder / f"{place}.webp"
            file.write(tile.read_bytes())
            tile.unlink()
            offsets.append(file.tell())
        file.seek(_HEADER.size)
        file.write(struct.pack(f"<{len(offsets)}Q", *offsets))


def _shape(beginning: bytes) -> Shape:
    if len(beginning) < _HEADER.size:
        raise NotAPyramid
    magic, width, height = _HEADER.unpack_from(beginning)
    shape = Shape(width=width, height=height)
    if magic != _MAGIC or not width or not height or shape.tiles > MAX_TILES:
        raise NotAPyramid
    return shape


def _little_endian(data: bytes) -> "array[int]":
    return array("Q", struct.unpack(f"<{len(data) // _OFFSET_BYTES}Q", data))
