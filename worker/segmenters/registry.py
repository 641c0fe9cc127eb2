"""Which segmenters there are: entry points of the group ``cellhub.segmenters``, any package's.

Each names a callable without arguments that returns a Segmenter, or raises SegmenterUnavailable.
"""

from importlib.metadata import EntryPoint, entry_points

from worker.segmenters.base import Segmenter, SegmenterUnavailable

GROUP = "cellhub.segmenters"


def names() -> list[str]:
    """Return the names of all segmenters, of those that lack their packages, too."""
    return sorted(_found())


def load(name: str) -> Segmenter:
    """Return the segmenter of that name, ready to run. Raise SegmenterUnavailable."""
    point = _found().get(name)
    if point is None:
        known = ", ".join(names()) or "none"
        raise SegmenterUnavailable(f"There is no segmenter {name!r}; there are: {known}.")
    try:
        segmenter: Segmenter = point.load()()
    except ImportError as error:
        raise SegmenterUnavailable(f"The segmenter {name!r} can't be imported: {error}.") from error
    return segmenter


def _found() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
