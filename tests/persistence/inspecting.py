"""What tests of the inspection of images share."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import pyvips  # type: ignore[import-untyped]
from numpy.typing import NDArray

from persistence.image_files import ImageLimits, InspectedImage, RejectedImage
from persistence.image_worker import inspect_file


class Inspector(Protocol):
    async def inspect(self, path: Path) -> InspectedImage: ...


class Here:
    """Inspects in this process, as ImageInspector does in another: see test_image_isolation."""

    def __init__(self, limits: ImageLimits | None = None) -> None:
        self._limits = limits or ImageLimits()

    async def inspect(self, path: Path) -> InspectedImage:
        return inspect_file(path, self._limits)


async def code_of(inspector: Inspector, path: Path) -> str:
    with pytest.raises(RejectedImage) as rejected:
        await inspector.inspect(path)
    assert rejected.value.message.endswith(".")
    return rejected.value.code


def decoded(thumbnail: bytes) -> NDArray[Any]:
    image = pyvips.Image.webpload_buffer(thumbnail)
    pixels: NDArray[Any] = image.numpy().astype(np.int64)
    return pixels.reshape(image.height, image.width, image.bands)
