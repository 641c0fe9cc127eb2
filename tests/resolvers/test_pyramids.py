"""A pyramid is made once, when it is asked for, and stored with its image."""

import asyncio
from io import BytesIO

import numpy as np
import pytest
import pyvips  # type: ignore[import-untyped]
from PIL import Image

from persistence.pyramid import Place
from resolvers import pyramids as module
from resolvers.errors import NotFound
from tests.lab import HEIGHT, WIDTH
from tests.resolvers.hostile_pyramid_worker import WAITS
from tests.resolvers.pyramiding import GONE, Setting, key_of, png

in_both_stores = pytest.mark.parametrize("setting", ["memory", "disk"], indirect=True)


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
            with pytest.raises(NotFound, match=GONE):
                await again
    assert not await setting.is_stored(image)


@in_both_stores
async def test_of_an_image_deleted_meanwhile_nothing_is_left(setting: Setting) -> None:
    hub, image = await setting.hub(), await setting.image(WAITS + png())
    looking = asyncio.create_task(hub.look(image))
    async with hub.gate():
        await setting.delete(image)
    with pytest.raises(NotFound, match=GONE):
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
    with pytest.raises(NotFound, match=GONE):
        await waiting
    assert len(hub.asked()) == 1


async def test_what_fails_since_the_image_was_deleted_is_not_found(setting: Setting) -> None:
    hub, image = await setting.hub(), await setting.image(WAITS + b"no image")
    looking = asyncio.create_task(hub.look(image))
    async with hub.gate():
        await setting.delete(image)
    with pytest.raises(NotFound, match=GONE):
        await looking
