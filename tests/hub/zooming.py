"""A viewer of Deep Zoom pictures, by the rules of the format alone: it knows nothing of the hub."""

import xml.etree.ElementTree as ET
from math import ceil, log2
from typing import Any, NamedTuple

import httpx
import numpy as np
import pyvips  # type: ignore[import-untyped]
from numpy.typing import NDArray

from tests.hubs import Hub, Person

Pixels = NDArray[np.int64]

_NAMESPACE = "{http://schemas.microsoft.com/deepzoom/2008}"


class Zoom(NamedTuple):
    """What a descriptor says, and where it was found."""

    http: httpx.AsyncClient
    url: str
    width: int
    height: int
    tile: int
    overlap: int
    format: str

    @property
    def top(self) -> int:
        return ceil(log2(max(self.width, self.height)))

    def tile_url(self, level: int, column: int, row: int) -> str:
        return f"{self.url.removesuffix('.dzi')}_files/{level}/{column}_{row}.{self.format}"

    def size(self, level: int) -> tuple[int, int]:
        scale = 2 ** (self.top - level)
        return ceil(self.width / scale), ceil(self.height / scale)

    async def level(self, level: int) -> Pixels:
        """Put the tiles of a level together: (height, width, 3)."""
        width, height = self.size(level)
        whole = np.full((height, width, 3), -1, np.int64)
        for row in range(ceil(height / self.tile)):
            for column in range(ceil(width / self.tile)):
                left = max(column * self.tile - self.overlap, 0)
                top = max(row * self.tile - self.overlap, 0)
                right = min((column + 1) * self.tile + self.overlap, width)
                bottom = min((row + 1) * self.tile + self.overlap, height)
                pixels = decoded((await self.http.get(self.tile_url(level, column, row))).content)
                assert pixels.shape == (bottom - top, right - left, 3)
                whole[top:bottom, left:right] = pixels
        return whole

    async def whole(self) -> Pixels:
        """Return the picture in full."""
        return await self.level(self.top)


def decoded(webp: bytes) -> Pixels:
    image = pyvips.Image.webpload_buffer(webp)
    pixels: Pixels = image.numpy().reshape(image.height, image.width, image.bands).astype(np.int64)
    return pixels


async def zoom(http: httpx.AsyncClient, url: str) -> Zoom:
    """Read a descriptor."""
    response = await http.get(url)
    assert response.status_code == 200, response.text
    image = ET.fromstring(response.content)
    assert image.tag == f"{_NAMESPACE}Image"
    size = image.find(f"{_NAMESPACE}Size")
    assert size is not None
    return Zoom(
        http=http,
        url=url,
        width=int(size.attrib["Width"]),
        height=int(size.attrib["Height"]),
        tile=int(image.attrib["TileSize"]),
        overlap=int(image.attrib["Overlap"]),
        format=image.attrib["Format"],
    )


async def deep_zoom_url(person: Person, image_id: str) -> str:
    found = await person.ask("query($id: ID!) { image(id: $id) { deepZoomUrl } }", id=image_id)
    url: str = found["image"]["deepZoomUrl"]
    return url


async def uploaded(person: Person, project_id: str, *files: tuple[str, bytes]) -> list[Any]:
    """Return the addresses of the pictures of files, as uploaded."""
    fields = "{ images { id width height deepZoomUrl } rejected { message } }"
    stored = await person.upload(project_id, *files, fields=fields)
    assert stored["rejected"] == []
    images: list[Any] = stored["images"]
    return images


async def zoomed(hub: Hub, person: Person, project_id: str, content: bytes) -> Zoom:
    """Upload an image, and look at it."""
    [image] = await uploaded(person, project_id, ("image", content))
    found = await zoom(hub.http, image["deepZoomUrl"])
    assert (found.width, found.height) == (image["width"], image["height"])
    return found
