import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from worker.segmenters.labels import one_part_each, without_holes

ANY = arrays(
    np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 5)
)


@given(ANY)
def test_each_cell_keeps_its_largest_connected_part(labels: NDArray[np.int32]) -> None:
    tidy = one_part_each(labels)
    present = [number for number in range(1, 6) if (labels == number).any()]
    assert tidy.max() == len(present)
    for new, old in enumerate(present, 1):
        parts, count = ndimage.label(labels == old)
        sizes = ndimage.sum_labels(parts > 0, parts, np.arange(1, count + 1))
        kept = tidy == new
        assert ndimage.label(kept)[1] == 1
        assert (labels[kept] == old).all()
        assert kept.sum() == max(sizes)


def test_a_hole_is_filled_but_not_one_where_another_cell_lies() -> None:
    labels = np.ones((7, 12), np.int32)
    labels[2, 2] = 0
    labels[2:5, 7:10] = 2
    filled = without_holes(labels.copy())
    assert filled[2, 2] == 1
    assert (filled[2:5, 7:10] == 2).all()
