import pytest

from worker.segmenters import registry
from worker.segmenters.base import SegmenterUnavailable


def test_the_segmenters_are_found_by_their_entry_points() -> None:
    assert set(registry.names()) >= {"watershed", "cellpose", "stardist"}


def test_watershed_needs_nothing_more() -> None:
    segmenter = registry.load("watershed")
    assert segmenter.name == "watershed"
    assert segmenter.version


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SegmenterUnavailable, match=r"no segmenter 'magic'.*watershed"):
        registry.load("magic")
