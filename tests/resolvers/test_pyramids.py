"""A pyramid is made once, when it is asked for; one that can not be costs nobody anything else."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips  # type: ignore[import-untyped]
from PIL import Image

from persistence.blobs import BlobStore, original_key, pyramid_key
from persistence.ids import new_id
from persistence.pyramid import Place
from persistence.records import ImageRecord
from resolvers import pyramids as module
from resolvers.errors import NotFound, RateLimited
from resolvers.pyramids import Pyramid, Pyramids, TilesFailed
from tests.lab import HEIGHT, WIDTH, Lab
from tests.resolvers.hostile_pyramid_worker import WAITS

_MEASURED = [f"{name}={value}" for name, value in os.environ.items() if "COVERAGE" in name]
_TOP = Place(6, 0, 0)
_GONE = "The image was deleted."


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

    async def look(self, image: ImageRecord, place: Place = _TOP) -> bytes:
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


in_both_stores = pytest.mark.parametrize("setting", ["memory", "disk"], indirect=True)


@pytest.fixture
async def setting(
    request: pytest.FixtureRequest, lab: Lab, tmp_path: Path
) -> AsyncIterator[Setting]:
    kind = getattr(request, "param", "disk")
    url = "memory://" if kind == "memory" else (tmp_path / "blobs").as_uri()
    async with AsyncExitStack() as stack:
        yield Setting(lab, BlobStore.open(url), tmp_path, stack)


@in_both_stores
async def test_many_who_ask_at_once_have_it_made_once(setting: Setting) -> None:
    hub, image = await setting.hub(), await setting.image(png())
    tiles = await asyncio.gather(*(hub.look(image) for _ in range(30)))
    assert len(set(tiles)) == len(hub.asked()) == 1
    pixels = pyvips.Image.webpload_buffer(tiles[0]).numpy()
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(BytesIO(png()))))
    found = await hub.find(image.project_id, image.id)
    assert (found.index.shape.width, found.index.shape.height) == (WIDTH, HEIGHT)
    assert len(hub.asked()) == 1


@in_both_stores
async def test_what_is_stored_no_other_hub_makes(setting: Setting) -> None:
    image = await setting.image(png())
    first = await (await setting.hub()).look(image)
    other = await setting.hub()
    assert await other.look(image) == first
    assert other.asked() == []


@in_both_stores
async def test_two_hubs_may_make_it_at_once(setting: Setting) -> None:
    image = await setting.image(WAITS + png())
    one, other = await setting.hub(), await setting.hub()
    first, second = (asyncio.create_task(hub.look(image)) for hub in (one, other))
    async with other.gate():
        async with one.gate():
            pass
        tile = await first
    assert await second == tile
    assert [await hub.look(image) for hub in (one, other)] == [tile, tile]
    assert len(one.asked()) == len(other.asked()) == 1


@in_both_stores
async def test_a_pyramid_that_was_made_anew_is_read_anew(setting: Setting) -> None:
    hub, image = await setting.hub(), await setting.image(png())
    await hub.look(image)
    before = await hub.find(image.project_id, image.id)
    stored = await setting.blobs.read(key_of(image))
    for again in (hub.look, hub.find_of):
        await setting.blobs.delete([key_of(image)])
        await setting.blobs.put_bytes(key_of(image), stored, "")
        await again(image)
    after = await hub.find(image.project_id, image.id)
    assert after.info.etag != before.info.etag
    assert len(hub.asked()) == 1


@pytest.mark.parametrize("content", [b"x", b"of another version" * 100])
async def test_what_is_no_pyramid_is_made_anew(setting: Setting, content: bytes) -> None:
    hub, image = await setting.hub(), await setting.image(png())
    await setting.blobs.put_bytes(key_of(image), content, "")
    await hub.look(image)
    assert len(hub.asked()) == 1


@in_both_stores
async def test_a_pyramid_that_is_lost_is_made_anew(setting: Setting) -> None:
    hub, image = await setting.hub(), await setting.image(png())
    for again in (hub.look, hub.find_of, hub.look):
        await again(image)
        await setting.blobs.delete([key_of(image)])
    assert len(hub.asked()) == 3


async def test_a_long_index_is_read_whole(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_BYTES", 20)
    hub, image = await setting.hub(), await setting.image(png())
    assert await hub.look(image)


async def test_more_are_looked_at_than_are_remembered(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KNOWN", 2)
    hub, images = await setting.hub(), await setting.images(*[png()] * 4)
    for image in (*images, *images):
        await hub.look(image)
    assert len(hub._known) == 2
    assert len(hub.asked()) == 4


@pytest.mark.parametrize("place", [Place(7, 0, 0), Place(6, 1, 0), Place(6, 0, 1), Place(0, 0, 1)])
async def test_there_are_no_other_tiles(setting: Setting, place: Place) -> None:
    hub, image = await setting.hub(), await setting.image(png())
    with pytest.raises(NotFound, match="has no tile"):
        await hub.look(image, place)


@in_both_stores
async def test_a_deleted_image_is_not_shown_any_more(setting: Setting) -> None:
    image, unseen = await setting.images(png(), png())
    one, other = await setting.hub(), await setting.hub()
    for hub in (one, other):
        await hub.look(image)
    await setting.delete(image)
    await setting.delete(unseen)
    for hub in (one, other):
        for again in (hub.look(image), hub.find_of(image), hub.look(unseen)):
            with pytest.raises(NotFound, match=_GONE):
                await again
    assert not await setting.is_stored(image)


@in_both_stores
async def test_of_an_image_deleted_meanwhile_nothing_is_left(setting: Setting) -> None:
    hub, image = await setting.hub(), await setting.image(WAITS + png())
    looking = asyncio.create_task(hub.look(image))
    async with hub.gate():
        await setting.delete(image)
    with pytest.raises(NotFound, match=_GONE):
        await looking
    assert not await setting.is_stored(image)


async def test_an_image_deleted_before_its_turn_is_not_found(setting: Setting) -> None:
    hub = await setting.hub()
    first, image = await setting.images(WAITS + png(), png())
    looking = asyncio.create_task(hub.look(first))
    async with hub.gate():
        waiting = asyncio.create_task(hub.look(image))
        await hub.has_waiting(2)
        await setting.delete(image)
    assert await looking
    with pytest.raises(NotFound, match=_GONE):
        await waiting
    assert len(hub.asked()) == 1


async def test_what_fails_since_the_image_was_deleted_is_not_found(setting: Setting) -> None:
    hub, image = await setting.hub(), await setting.image(WAITS + b"no image")
    looking = asyncio.create_task(hub.look(image))
    async with hub.gate():
        await setting.delete(image)
    with pytest.raises(NotFound, match=_GONE):
        await looking


async def test_it_goes_on_being_made_when_all_have_left(setting: Setting) -> None:
    hub, image = await setting.hub(), await setting.image(WAITS + png())
    looking = asyncio.create_task(hub.look(image))
    async with hub.gate():
        looking.cancel()
        await asyncio.wait({looking})
    assert await hub.look(image)
    assert len(hub.asked()) == 1


async def test_what_nobody_waits_for_any_more_is_not_begun(setting: Setting) -> None:
    hub = await setting.hub()
    first, left, wanted = await setting.images(WAITS + png(), png(), png())
    looking = asyncio.create_task(hub.look(first))
    async with hub.gate():
        waiting = [asyncio.create_task(hub.look(image)) for image in (left, left, wanted, wanted)]
        await hub.has_waiting(3)
        for task in waiting[:3]:
            task.cancel()
        await asyncio.wait(waiting[:3])
    assert await looking
    assert await waiting[3]
    assert len(hub.asked()) == 2
    assert await hub.look(left)


async def test_whoever_comes_when_others_give_up_waits_on(setting: Setting) -> None:
    hub = await setting.hub()
    first, image = await setting.images(WAITS + png(), png())
    looking = asyncio.create_task(hub.look(first))
    async with hub.gate():
        leaving = asyncio.create_task(hub.look(image))
        await hub.has_waiting(2)
        leaving.cancel()
        staying = asyncio.create_task(hub.look(image))
        await asyncio.wait({leaving})
    assert await looking
    assert await staying
    assert len(hub.asked()) == 2


async def test_a_hub_that_ends_leaves_it(setting: Setting) -> None:
    image = await setting.image(WAITS + png())
    hub = await setting.hub()
    looking = asyncio.create_task(hub.look(image))
    async with hub.gate():
        await hub.__aexit__(None, None, None)
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert not await setting.is_stored(image)
    assert {path.name for path in hub.folder.iterdir()} == {"gate", "asked"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"crash", "too much time or memory"),
        (b"hangs", "too much time or memory"),
        (b"no image", "[.]$"),
        (b"", "[.]$"),
    ],
)
async def test_an_image_that_breaks_its_process_costs_itself_only(
    setting: Setting, content: bytes, words: str
) -> None:
    hub = await setting.hub(seconds=2.0, processes=1)
    broken, good = await setting.images(content, png())
    with pytest.raises(TilesFailed, match=words):
        await hub.look(broken)
    # Whatever else this machine does, the process that takes the broken one's place has time.
    hub._processes._seconds = 60
    assert await hub.look(good)


async def test_what_failed_is_not_tried_again_for_a_while(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, image = await setting.hub(), await setting.image(b"crash")
    for _ in range(3):
        with pytest.raises(TilesFailed):
            await hub.look(image)
    assert len(hub.asked()) == 1
    monkeypatch.setattr(module, "_FAILURE_SECONDS", 0)
    hub = await setting.hub()
    for _ in range(2):
        with pytest.raises(TilesFailed):
            await hub.look(image)
    assert len(hub.asked()) == 2


async def test_so_many_failures_are_remembered(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FAILURES", 1)
    hub = await setting.hub()
    one, other = await setting.images(b"crash", b"crash")
    for image in (one, other, other, one):
        with pytest.raises(TilesFailed):
            await hub.look(image)
    assert len(hub.asked()) == 3


async def test_one_persons_images_take_one_process(setting: Setting) -> None:
    """Whatever waits of Ada's, Ben's is made beside it."""
    hub = await setting.hub(processes=2)
    hers = await setting.images(WAITS + png(), png(), png(), png())
    his = await setting.image(png())
    looks = [asyncio.create_task(hub.look(hers[0]))]
    async with hub.gate():
        looks += [asyncio.create_task(hub.look(image)) for image in hers[1:]]
        await hub.has_waiting(4)
        assert await hub.look(his)
        assert len(hub.asked()) == 2
    await asyncio.gather(*looks)
    assert len(hub.asked()) == 5


async def test_too_many_that_wait_are_refused(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_OF_ONE", 2)
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    hub = await setting.hub(processes=1)
    hers = await setting.images(WAITS + png(), png(), png())
    his = await setting.images(png(), png())
    looks = [asyncio.create_task(hub.look(hers[0]))]
    async with hub.gate():
        looks.append(asyncio.create_task(hub.look(hers[1])))
        await hub.has_waiting(2)
        with pytest.raises(RateLimited):
            await hub.look(hers[2])
        looks.append(asyncio.create_task(hub.look(his[0])))
        await hub.has_waiting(3)
        with pytest.raises(RateLimited):
            await hub.look(his[1])
    await asyncio.gather(*looks)
    for image in (hers[2], his[1]):
        assert await hub.look(image)
    assert not hub._waiting
