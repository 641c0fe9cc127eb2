"""Pyramids are made in turn; one that can not be costs nobody anything else."""

import asyncio

import pytest

from resolvers import pyramids as module
from resolvers.errors import RateLimited
from resolvers.pyramids import TilesFailed
from tests.resolvers.hostile_pyramid_worker import WAITS
from tests.resolvers.pyramiding import Setting, png


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
