"""COCO's run-length encoding of masks: runs down the columns, one column behind the other.

Its counts are written as text, as pycocotools does: each is a difference from the count before the
last, in groups of five bits.
"""

from collections.abc import Iterator

import numpy as np

from resolvers.exports.outlines import Numbers
from resolvers.exports.raster import Spans

_AT_ONCE = 2**20
_GROUPS = 13
_FIRST_CHARACTER = 48


def run_lengths(spans: Spans, *, count: int, width: int, height: int) -> Iterator[str]:
    """Yield the counts of each of the ``count`` cells, which have these spans."""
    borders = _borders(spans, width, height)
    behind = np.cumsum(borders.stop - borders.start)
    first = np.searchsorted(borders.cell, np.arange(count + 1))
    begin = 0
    while begin < count:
        before = behind[first[begin] - 1] if first[begin] else 0
        last = np.searchsorted(behind, before + _AT_ONCE, side="right")
        end = max(begin + 1, int(np.searchsorted(first, last, side="right")) - 1)
        some = slice(first[begin], first[end])
        cells, places = _toggles(borders, some, width, height)
        yield from _written(cells - begin, places, end - begin, width * height)
        begin = end


def _borders(spans: Spans, width: int, height: int) -> Spans:
    """Return the columns in which a cell begins or ends at the top of a row.

    These are the columns that are in one of the two rows: what is left of the ends of both rows'
    spans when they are paired off anew.
    """
    row_length = width + 1
    places = (spans.cell * (height + 1) + spans.row) * row_length
    ends = np.concatenate([places + spans.start, places + spans.stop])
    keys = np.concatenate([ends, ends + row_length])
    keys.sort()
    from_, to = keys[0::2], keys[1::2]
    differ = from_ < to
    from_, to = from_[differ], to[differ]
    places, start = np.divmod(from_, row_length)
    cell, row = np.divmod(places, height + 1)
    return Spans(cell=cell, row=row, start=start, stop=to - places * row_length)


def _toggles(borders: Spans, some: slice, width: int, height: int) -> tuple[Numbers, Numbers]:
    """Return cells, and places down the columns, at which a run begins or ends."""
    start = borders.start[some]
    lengths = borders.stop[some] - start
    which = np.repeat(np.arange(len(lengths)), lengths)
    column = (start - np.cumsum(lengths) + lengths)[which] + np.arange(len(which))
    size = width * height
    keys = borders.cell[some][which] * (size + 1) + column * height + borders.row[some][which]
    keys.sort()
    # A run that goes on from the foot of a column at the head of the next has no end there.
    twice = keys[1:] == keys[:-1]
    single = np.ones(len(keys), np.bool_)
    single[1:] &= ~twice
    single[:-1] &= ~twice
    cells, places = np.divmod(keys[single], size + 1)
    ends = places < size
    return cells[ends], places[ends]


def _written(cells: Numbers, places: Numbers, count: int, size: int) -> Iterator[str]:
    per_cell = np.bincount(cells, minlength=count) + 1
    ends = np.cumsum(per_cell)
    starts = ends - per_cell
    all_places = np.full(int(ends[-1]), size, np.int64)
    all_places[np.delete(np.arange(len(all_places)), ends - 1)] = places
    counts = np.diff(all_places, prepend=0)
    counts[starts] = all_places[starts]
    deltas = counts.copy()
    deltas[2:] -= counts[:-2]
    # The first three counts of a cell are written as they are.
    for order in range(3):
        early = starts[per_cell > order] + order
        deltas[early] = counts[early]
    text, lengths = _characters(deltas)
    stop = np.cumsum(np.add.reduceat(lengths, starts))
    begin = 0
    for end in stop.tolist():
        yield text[begin:end]
        begin = end


def _characters(numbers: Numbers) -> tuple[str, Numbers]:
    """Return all numbers as one text, and how many characters each has."""
    groups = []
    rest, more = numbers.copy(), np.ones(len(numbers), np.bool_)
    lengths = np.zeros(len(numbers), np.int64)
    for _ in range(_GROUPS):
        lengths += more
        group = rest & 0x1F
        rest >>= 5
        goes_on = np.where(group & 0x10, rest != -1, rest != 0)
        groups.append((group | (goes_on << 5)) + _FIRST_CHARACTER)
        more &= goes_on
        if not more.any():
            break
    text = np.empty(int(lengths.sum()), np.uint8)
    places = np.cumsum(lengths) - lengths
    for order, group in enumerate(groups):
        has = lengths > order
        text[places[has] + order] = group[has]
    return text.tobytes().decode("ascii"), lengths
