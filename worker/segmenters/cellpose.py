"""Cellpose, by weights that the operator provides: the extra ``cellhub[cellpose]``."""

import hashlib
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.pictures import Picture
from worker.segmenters.base import Labels, Report, SegmenterUnavailable
from worker.segmenters.labels import one_part_each
from worker.segmenters.weights import folder_of, only_one

_WHAT = "one file of Cellpose weights, such as 'cpsam'"
_INSTALL = "Cellpose is not installed: pip install 'cellhub[cellpose]'."
_DEFAULT = 0.0
_GREY, _COLOURS = 2, 3
_FIRST_WITHOUT_CHANNELS = 4


class Cellpose:
    """The segmenter ``cellpose``. The threshold is Cellpose's cellprob_threshold, -6 to 6; 0."""

    name = "cellpose"

    def __init__(self) -> None:
        try:
            self.version = version("cellpose")
        except PackageNotFoundError as error:
            raise SegmenterUnavailable(_INSTALL) from error
        folder = folder_of(self.name, _WHAT)
        files = [path for path in folder.iterdir() if path.is_file() and path.name[0] != "."]
        self._weights = only_one(files, folder, _WHAT)
        self._digest = _digest(self._weights)
        self._evaluate = _load(self._weights, int(self.version.split(".")[0]))

    def parameters(self, threshold: float | None) -> dict[str, Any]:
        """Return the threshold, and which weights were used."""
        return {
            "cellprobThreshold": _DEFAULT if threshold is None else threshold,
            "weights": self._weights.name,
            "weightsSha256": self._digest,
        }

    def segment(self, picture: Picture, *, threshold: float | None, report: Report) -> Labels:
        """Return the labels of the cells."""
        report(0.0)
        level = _DEFAULT if threshold is None else threshold
        labels = self._evaluate(_channels_last(picture.pixels), level)
        report(1.0)
        return one_part_each(np.asarray(labels))


def _load(weights: Path, major: int) -> Callable[[NDArray[Any], float], Any]:
    """Return what calls the model. Cellpose falls back to a download where a path doesn't exist."""
    try:
        models = import_module("cellpose.models")
        core = import_module("cellpose.core")
    except ImportError as error:
        raise SegmenterUnavailable(f"Cellpose can't be imported: {error}.") from error
    try:
        model = models.CellposeModel(gpu=core.use_gpu(), pretrained_model=str(weights))
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise SegmenterUnavailable(f"{weights} can't be loaded by Cellpose: {error}") from error

    def evaluate(pixels: NDArray[Any], level: float) -> Any:
        if major >= _FIRST_WITHOUT_CHANNELS:
            return model.eval(pixels, channel_axis=-1, cellprob_threshold=level)[0]
        # Before version 4 a model is told which channel has the cells: 0 is grey.
        grey = pixels.mean(axis=-1)
        return model.eval(grey, channels=[0, 0], diameter=None, cellprob_threshold=level)[0]

    return evaluate


def _channels_last(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return at most three channels, which is what Cellpose takes."""
    stacked = pixels[..., np.newaxis] if pixels.ndim == _GREY else pixels[..., :_COLOURS]
    return stacked.astype(np.float32)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
