"""Pictures in tiles: what a viewer that zooms, and a careful attacker, get."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from tests.hub.laboratory import project_of
from tests.hub.zooming import Zoom, zoomed
from tests.hubs import Hub, Person

_SAMPLES = Path(__file__).parents[2] / "samples"


def tiff_of(pixels: NDArray[Any], **options: Any) -> bytes:
    target = io.BytesIO()
    tifffile.imwrite(target, pixels, **options)
    return target.getvalue()


@pytest.fixture
async def ada(hub: Hub) -> Person:
    return await hub.person("Ada")


@pytest.fixture
async def project(ada: Person) -> str:
    return await project_of(ada)


@pytest.fixture
async def nuclei(hub: Hub, ada: Person, project: str) -> Zoom:
    return await zoomed(hub, ada, project, (_SAMPLES / "nuclei-fluorescence.tif").read_bytes())


async def test_the_top_level_is_the_stretched_original(hub: Hub, nuclei: Zoom) -> None:
    drawn = await nuclei.whole()
    original = tifffile.imread(_SAMPLES / "nuclei-fluorescence.tif").astype(np.float64)
    low, high = original[drawn[..., 0] == 0].max(), original[drawn[..., 0] == 255].min()
    expected = ((original - low) / (high - low)).clip(0, 1) * 255
    assert abs(drawn - expected[..., np.newaxis]).max() <= 2
    assert high < 256
