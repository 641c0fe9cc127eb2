"""The file of a pyramid: which tiles there are, and where they lie in it."""

from math import ceil, log2
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.pyramid import (
    MAX_TILES,
    OVERLAP,
    TILE_SIZE,
    Index,
    NotAPyramid,
    Place,
    Shape,
    pack,
)

_SIDES = st.integers(1, 40_000)


@given(_SIDES, _SIDES)
def test_levels_and_grids_are_those_of_the_format(width: int, height: int) -> None:
    shape = Shape(width=width, height=height)
    assert shape.top == ceil(log2(max(width, height)))
    for level in range(shape.top + 1):
        scale = 2 ** (shape.top - level)
        columns, rows = (ceil(ceil(side / scale) / TILE_SIZE) for side in (width, height))
        assert shape.grid(level) == (columns, rows)
    assert shape.grid(0) == (1, 1)


@given(st.integers(1, 6_000), st.integers(1, 6_000))
def test_each_tile_has_a_number_of_its_own(width: int, height: int) -> None:
    shape = Shape(width=width, height=height)
    assert [shape.number(place) for place in shape.places()] == list(range(shape.tiles))


@given(_SIDES, _SIDES, st.integers(-2, 40), st.integers(-2, 2**70), st.integers(-2, 2**70))
def test_what_is_outside_has_no_number(
    width: int, height: int, level: int, column: int, row: int
) -> None:
    shape = Shape(width=width, height=height)
    is_there = 0 <= level <= shape.top and all(
        0 <= at < count for at, count in zip((column, row), shape.grid(level), strict=True)
    )
    assert (shape.number(Place(level, column, row)) is not None) == is_there


def test_pictures_as_large_as_may_be_have_fewer_tiles_than_are_allowed() -> None:
    assert Shape(width=31_623, height=31_623).tiles < MAX_TILES
    assert Shape(width=200_000, height=5_000).tiles < MAX_TILES
    assert Shape(width=10**9, height=1).tiles > MAX_TILES


def packed(folder: Path, shape: Shape) -> bytes:
    for place in shape.places():
        path = folder / f"{place}.webp"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"the tile {place}")
    pack(folder, shape, folder / "pyramid")
    assert not list(folder.rglob("*.webp"))
    return (folder / "pyramid").read_bytes()


def test_tiles_are_found_again(tmp_path: Path) -> None:
    shape = Shape(width=3 * TILE_SIZE, height=TILE_SIZE + 1)
    content = packed(tmp_path, shape)
    index = Index.parse(content[: Index.length(content)])
    assert index.shape == shape
    for place in shape.places():
        span = index.span(place)
        assert span is not None
        assert content[slice(*span)].decode() == f"the tile {place}"
    assert index.span(Place(shape.top, 3, 0)) is None


@pytest.mark.parametrize("length", [0, 1, 15, 16, 20])
def test_a_file_that_breaks_off_is_none(tmp_path: Path, length: int) -> None:
    content = packed(tmp_path, Shape(width=5, height=5))
    with pytest.raises(NotAPyramid):
        Index.parse(content[:length])


def test_a_file_of_another_make_is_none(tmp_path: Path) -> None:
    content = packed(tmp_path, Shape(width=5, height=5))
    for other in (
        b"cellpyr0" + content[8:],
        content[:8] + bytes(4) + content[12:],
        content[:8] + b"\xff" * 8 + content[16:],
    ):
        with pytest.raises(NotAPyramid):
            Index.length(other)


def test_neighbours_show_a_pixel_of_each_other() -> None:
    assert OVERLAP == 1
