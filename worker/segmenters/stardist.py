"""StarDist, by a model folder that the operator provides: the extra ``cellhub[stardist]``."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.pictures import BadImage, Picture
from worker.segmenters.base import Labels, Report, SegmenterUnavailable
from worker.segmenters.labels import one_part_each
from worker.segmenters.weights import folder_of, only_one

_WHAT = "one StarDist model: a folder with config.json, thresholds.json and weights_best.h5"
_INSTALL = "StarDist is not installed: pip install 'cellhub[stardist]'."
_PERCENTILES = (1, 99.8)
_GREY, _COLOURS = 2, 3
# The side of the tiles that the network sees at once, in pixels.
_TILE = 1024


class Stardist:
    """The segmenter ``stardist``. The threshold is StarDist's prob_thresh, 0 to 1."""

    name = "stardist"

    def __init__(self) -> None:
        try:
            self.version = version("stardist")
        except PackageNotFoundError as error:
            raise SegmenterUnavailable(_INSTALL) from error
        folder = folder_of(self.name, _WHAT)
        configs = [path.parent for path in folder.glob("*/config.json")]
        self._folder = only_one(configs, folder, _WHAT)
        try:
            models = import_module("stardist.models")
        except ImportError as error:
            raise SegmenterUnavailable(f"StarDist can't be imported: {error}.") from error
        try:
            self._model = models.StarDist2D(None, name=self._folder.name, basedir=str(folder))
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise SegmenterUnavailable(f"{self._folder} can't be loaded: {error}") from error

    def parameters(self, threshold: float | None) -> dict[str, Any]:
        """Return the threshold, and which model was used."""
        level = float(self._model.thresholds.prob) if threshold is None else threshold
        return {"probabilityThreshold": level, "model": self._folder.name}

    def segment(self, picture: Picture, *, threshold: float | None, report: Report) -> Labels:
        """Return the labels of the cells. Raise BadImage where the model needs other channels."""
        report(0.0)
        pixels = self._channels(picture.pixels)
        sides = [max(1, round(side / _TILE)) for side in pixels.shape[:2]]
        labels, _ = self._model.predict_instances(
            _normalised(pixels),
            prob_thresh=threshold,
            n_tiles=(*sides, *[1] * (pixels.ndim - _GREY)),
            show_tile_progress=False,
        )
        report(1.0)
        return one_part_each(labels)

    def _channels(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return the pixels as the model takes them: grey, or with three channels."""
        wanted = int(self._model.config.n_channel_in)
        if wanted == 1:
            return pixels if pixels.ndim == _GREY else pixels.mean(axis=-1)
        if wanted == _COLOURS and pixels.ndim > _GREY and pixels.shape[-1] >= _COLOURS:
            return pixels[..., :_COLOURS]
        raise BadImage(f"The model {self._folder.name} needs pictures of {wanted} channels.")


def _normalised(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Scale by percentiles, of all channels together, as StarDist's models were trained."""
    low, high = np.percentile(pixels, _PERCENTILES)
    scaled = (pixels.astype(np.float64) - low) / ((high - low) or 1.0)
    single: NDArray[np.float32] = scaled.astype(np.float32)
    return single
