"""Hubs that show images in tiles, whose processes do as a test says."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from persistence.blobs import BlobStore, original_key, pyramid_key
from persistence.ids import new_id
from persistence.pyramid import Place
from persistence.records import ImageRecord
from resolvers.pyramids import Pyramid, Pyramids
from tests.lab import HEIGHT, WIDTH, Lab

TOP = Place(6, 0, 0)
GONE = "The image was deleted."
_MEASURED = [f"{name}={value}" for name, value in os.environ.items() if "COVERAGE" in name]


def png() -> bytes:
    target = BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


class Hub(Pyramids):
    """One process of the hub. Its own processes are asked one after the other to make pyramids."""

    def __init__(self, setting: "Setting", folder: Path, **options: Any) -> None:
        command = (
            "env",
            *_MEASURED,
            sys.executable,
            "-m",
            "tests.resolvers.hostile_pyramid_worker",
        )
        values: dict[str, Any] = {"max_pixels": 10**6, "seconds": 30.0} | options
        database, blobs, command = setting.lab.database, setting.blobs, (*command, str(folder))
        super().__init__(database, blobs, folder, command=command, **values)
        self.folder = folder
        os.mkfifo(folder / "gate")

    def asked(self) -> list[str]:
        """Return of what its processes were asked to make pyramids."""
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []

    @asynccontextmanager
    async def gate(self) -> AsyncIterator[None]:
        """Begin when a process is at an image that waits, and let it go on at the end."""
        opened = await asyncio.to_thread((self.folder / "gate").open, "wb")
        try:
            yield
        finally:
            opened.close()

    async def has_waiting(self, count: int) -> None:
        """Wait until so many images are to be made, or are made."""
        while self._waiting.total() < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def look(self, image: ImageRecord, place: Place = TOP) -> bytes:
        return (await self.tile(image.project_id, image.id, place))[1]

    async def find_of(self, image: ImageRecord) -> Pyramid:
        return await self.find(image.project_id, image.id)


class Setting:
    """Images in a store, and hubs that show them."""

    def __init__(self, lab: Lab, blobs: BlobStore, folder: Path, stack: AsyncExitStack) -> None:
        self.lab = lab
        self.blobs = blobs
        self._folder = folder
        self._stack = stack

    async def hub(self, **options: Any) -> Hub:
        folder = self._folder / str(new_id())
        folder.mkdir()
        return await self._stack.enter_async_context(Hub(self, folder, **options))

    async def images(self, *contents: bytes) -> Sequence[ImageRecord]:
        """Return images of a person who has no others."""
        owner = await self.lab.user()
        project = await self.lab.project(owner)
        images = await self.lab.images(project, owner, len(contents))
        for image, content in zip(images, contents, strict=True):
            await self.blobs.put_bytes(original_key(project, image.id), content, "")
        return images

    async def image(self, content: bytes) -> ImageRecord:
        [image] = await self.images(content)
        return image

    async def delete(self, image: ImageRecord) -> None:
        assert image.uploaded_by is not None
        await self.lab.delete_images([image], image.uploaded_by)
        await self.blobs.delete([original_key(image.project_id, image.id), key_of(image)])

    async def is_stored(self, image: ImageRecord) -> bool:
        return key_of(image) in [found.key async for found in self.blobs.list()]


def key_of(image: ImageRecord) -> str:
    return pyramid_key(image.project_id, image.id)
