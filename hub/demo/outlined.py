"""What the worker found, drawn on the image that it found it in."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from client.connection import HubClient
from client.files import Downloads
from hub.demo.failure import DemoFailed
from worker import overlay, pictures

FOLDER = Path(".cellhub", "demo")
"""In the current folder: what the demo leaves there outlives it."""

_OUTLINES = """
query Outlines($id: ID!) {
  image(id: $id) {
    name url sizeBytes checksum
    segmentation { cellCount polygons }
  }
}
"""


class _Segmentation(Struct, frozen=True, rename="camel"):
    cell_count: int
    polygons: dict[str, Any]


class _Image(Struct, frozen=True, rename="camel"):
    name: str
    url: str
    size_bytes: int
    checksum: str
    segmentation: _Segmentation | None


class Outlined(Struct, frozen=True):
    """A picture that was drawn: how many cells the hub says there are, how many were outlined."""

    path: Path
    cells: int
    outlines: int


async def outline(hub: HubClient, image_id: str) -> Outlined:
    """Draw an image with its cells into FOLDER; both come from the hub.

    Raises ClientError, and DemoFailed where there is nothing to draw or it can't be written.
    """
    image = await hub.find(_OUTLINES, _Image, {"id": image_id})
    if image is None or image.segmentation is None:
        raise DemoFailed("What the worker found is not there.")
    found = image.segmentation
    target = FOLDER / f"{Path(image.name).stem}.png"
    with TemporaryDirectory(prefix="cellhub-demo-") as folder:
        source = Path(folder, "image")
        async with Downloads() as downloads:
            await downloads.download(
                image.url, source, size_bytes=image.size_bytes, checksum=image.checksum
            )
        try:
            await asyncio.to_thread(_draw, source, found.polygons, target)
        except OSError as error:
            raise DemoFailed(f"{target} can't be written: {error}") from None
    return Outlined(target, found.cell_count, len(found.polygons["features"]))


def _draw(source: Path, polygons: dict[str, Any], target: Path) -> None:
    drawn = overlay.draw(pictures.read(source), polygons)
    target.parent.mkdir(parents=True, exist_ok=True)
    drawn.save(target)
