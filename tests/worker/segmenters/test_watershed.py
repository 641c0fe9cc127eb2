"""Nuclei in synthetic pictures, whose truth is known, and in real ones, whose count is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.segmentation import plain
from benchmarks.segmentation.scores import average_precision, mean, mean_precision, overlaps
from benchmarks.segmentation.synthetic import KINDS, Kind, picture
from tests.worker.masks import filled
from worker.outlines import outlines
from worker.pictures import BadImage, Picture, read
from worker.segmenters.nuclei import scene
from worker.segmenters.watershed import Watershed

SAMPLES = Path(__file__).parents[3] / "samples"
SEEDS = (1, 2)
# What two pictures of a kind must reach at least: average precision at 0.5, and its mean over the
# levels to 0.9. A few hundredths below what was measured.
FLOORS = {
    "apart": (0.98, 0.95),
    "touching": (0.93, 0.82),
    "dim and bright": (0.84, 0.74),
    "uneven ground": (0.93, 0.88),
    "noisy": (0.95, 0.88),
    "small": (0.94, 0.78),
    "large": (0.93, 0.87),
    "elongated": (0.88, 0.76),
    "textured": (0.78, 0.60),
    "blurred": (0.92, 0.81),
    "varied sizes": (0.85, 0.77),
    "crowded": (0.93, 0.81),
    "debris": (0.95, 0.90),
    "screening": (0.89, 0.68),
    "stained tissue": (0.95, 0.87),
}


def segment(
    pixels: NDArray[Any],
    *,
    threshold: float | None = None,
    tile: int = 1024,
    report: Callable[[float], None] = lambda share: None,
) -> NDArray[np.int32]:
    whole = Picture(pixels=pixels, is_colour=pixels.ndim == 3)
    return Watershed(tile).segment(whole, threshold=threshold, report=report)


@pytest.mark.parametrize("kind", KINDS)
def test_nuclei_of_every_kind_are_found(kind: str) -> None:
    pairs = []
    for seed in SEEDS:
        pixels, truth = picture(KINDS[kind], seed)
        pairs.append((truth, segment(pixels)))
    reached = (
        mean(average_precision(*pair) for pair in pairs),
        mean(mean_precision(*pair) for pair in pairs),
    )
    assert all(np.greater_equal(reached, FLOORS[kind])), reached


@pytest.mark.parametrize("kind", ["dim and bright", "uneven ground", "crowded", "screening"])
def test_more_is_found_than_by_a_plain_watershed(kind: str) -> None:
    pixels, truth = picture(KINDS[kind], 3)
    ours = average_precision(truth, segment(pixels))
    assert ours > average_precision(truth, plain.segment(pixels)) + 0.05


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_nothing_is_tuned_to_one_size(scale: float) -> None:
    kind = Kind(size=int(300 * scale), count=40, radius=10 * scale, closeness=0.95, clustered=0.4)
    pixels, truth = picture(kind, 4)
    assert average_precision(truth, segment(pixels)) > 0.9


def test_cells_are_whole_numbered_and_outlined_as_they_are() -> None:
    labels = segment(picture(KINDS["screening"], 1)[0])
    assert labels.dtype == np.int32
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        mask = labels[box] == number
        assert ndimage.label(mask)[1] == 1
    assert np.array_equal(filled(outlines(labels), labels.shape), labels)


def test_the_same_picture_gives_the_same_cells() -> None:
    pixels, _ = picture(KINDS["screening"], 2)
    assert np.array_equal(segment(pixels), segment(pixels))


def test_brightness_and_depth_of_bits_do_not_matter() -> None:
    pixels, _ = picture(KINDS["touching"], 1)
    labels = segment(pixels)
    for other in (pixels.astype(np.float64) * 1e-6, pixels.astype(np.int32) * 30_000 - 2**30):
        same = average_precision(labels, segment(other), 0.9)
        assert same > 0.98


@pytest.mark.parametrize("kind", ["touching", "uneven ground", "stained tissue"])
def test_tiles_leave_no_seams(kind: str) -> None:
    pixels, _ = picture(KINDS[kind], 5)
    whole, tiled = segment(pixels), segment(pixels, tile=128)
    assert average_precision(whole, tiled, 0.7) > 0.98
    assert abs(int(whole.max()) - int(tiled.max())) <= 1
    # A cut along a seam would leave two cells where there was one.
    assert (overlaps(whole, tiled) > 0.2).sum(axis=1).max() == 1


def test_a_large_picture_is_judged_by_some_windows_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "_WHOLE", 100_000)
    pixels, truth = picture(KINDS["touching"], 6)
    # One quarter is empty.
    field = np.tile(pixels, (2, 2))
    field[:384, :384] = np.random.default_rng(1).normal(800, 60, (384, 384))
    known = np.tile(truth, (2, 2)) + np.kron([[0, 1], [2, 3]], np.ones_like(truth)) * truth.max()
    known[np.tile(truth, (2, 2)) == 0] = 0
    known[:384, :384] = 0
    assert average_precision(known.astype(np.int32), segment(field)) > 0.9


def test_progress_is_told_and_can_stop_the_work() -> None:
    pixels, _ = picture(KINDS["touching"], 1)
    told: list[float] = []
    segment(pixels, tile=128, report=told.append)
    assert told[0] == 0
    assert told[-1] == 1
    assert told == sorted(told)
    assert len(told) > 5

    class Cancelled(Exception):
        pass

    def cancel(share: float) -> None:
        if share > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        segment(pixels, tile=128, report=cancel)


def test_a_higher_threshold_leaves_out_dim_nuclei() -> None:
    pixels, _ = picture(KINDS["dim and bright"], 1)
    counts = [segment(pixels, threshold=factor).max() for factor in (1.0, 3.0, 9.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    assert Watershed().parameters(None) == Watershed().parameters(1.0)
    assert Watershed().parameters(2.0)["threshold"] == 2.0


SHAPE = (256, 256)
RANDOM = np.random.default_rng(0)
NOTHING: dict[str, NDArray[Any]] = {
    "black": np.zeros(SHAPE, np.uint8),
    "constant": np.full(SHAPE, 777, np.uint16),
    "constant float": np.full(SHAPE, -1e300),
    "normal": RANDOM.normal(1000, 30, SHAPE).astype(np.uint16),
    "uniform": RANDOM.integers(0, 256, SHAPE, np.uint8),
    "few photons": RANDOM.poisson(0.05, SHAPE).astype(np.uint16),
    "photons": RANDOM.poisson(1, SHAPE).astype(np.uint8),
    "many photons": RANDOM.poisson(50, SHAPE).astype(np.uint16),
    "bits": (RANDOM.random(SHAPE) < 0.5).astype(np.uint8),
    "hot pixels": RANDOM.normal(100, 3, SHAPE) + 4000 * (RANDOM.random(SHAPE) < 2e-4),
    "white slide": np.full((*SHAPE, 3), 240, np.uint8),
    "noisy slide": RANDOM.normal(230, 6, (*SHAPE, 3)).clip(0, 255).astype(np.uint8),
    "one pixel": np.ones((1, 1), np.uint8),
    "one row": np.arange(500, dtype=np.uint16)[np.newaxis],
}


@pytest.mark.parametrize("pixels", NOTHING.values(), ids=NOTHING)
def test_where_there_is_nothing_nothing_is_found(pixels: NDArray[Any]) -> None:
    labels = segment(pixels)
    assert labels.shape == pixels.shape[:2]
    assert labels.max() == 0


def test_a_picture_without_pixels_is_a_bad_image() -> None:
    with pytest.raises(BadImage):
        segment(np.zeros((0, 5), np.uint8))


def test_of_several_stains_the_one_with_nuclei_is_taken() -> None:
    pixels, truth = picture(KINDS["apart"], 1)
    dull = np.random.default_rng(1).normal(500, 20, pixels.shape).astype(np.uint16)
    stains = Picture(pixels=np.stack([dull, pixels, dull], axis=-1))
    found = Watershed().segment(stains, threshold=None, report=lambda share: None)
    assert average_precision(truth, found) > 0.95


def test_dark_nuclei_in_a_light_grey_picture_are_found() -> None:
    pixels, truth = picture(Kind(count=25), 1)
    assert average_precision(truth, segment(pixels.max() - pixels)) > 0.95


# What is found in each, and what is there by human count: about 125, 18, 300 and 450; one; none.
@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("nuclei-fluorescence.tif", 112, 130),
        ("nuclei-stack.tif", 12, 22),
        ("tissue-he.jpg", 250, 400),
        ("ihc.png", 250, 600),
        ("cell.png", 1, 1),
        ("microaneurysms.png", 0, 60),
        ("retina.jpg", 0, 40),
    ],
)
def test_real_pictures_give_a_sensible_count(name: str, least: int, most: int) -> None:
    labels = Watershed().segment(read(SAMPLES / name), threshold=None, report=lambda share: None)
    assert least <= labels.max() <= most
