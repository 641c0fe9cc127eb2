"""What a segmenter is: pixels in, labelled cells out."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from worker.pictures import BadImage, Picture

__all__ = ["BadImage", "Labels", "Report", "Segmenter", "SegmenterUnavailable"]

Labels = NDArray[np.int32]
"""(height, width): 0 is background, 1 to n are the cells, each a 4-connected region."""

Report = Callable[[float], None]
"""Takes the share that is done, 0 to 1, and may raise to stop the work."""


class SegmenterUnavailable(Exception):
    """The segmenter can't run here. The message says what to install and where."""


class Segmenter(Protocol):
    """Finds cells in a picture. One is used by one thread at a time."""

    name: str
    version: str

    def parameters(self, threshold: float | None) -> dict[str, Any]:
        """Return what the outcome depends on besides the picture, to be recorded: plain JSON."""
        ...

    def segment(self, picture: Picture, *, threshold: float | None, report: Report) -> Labels:
        """Return the labels of the cells; see Labels.

        ``threshold`` is how sure to be that something is a cell, on the segmenter's own scale;
        None is its default. Raise BadImage where the picture is none that it can work on, and
        whatever ``report`` raises.
        """
        ...
