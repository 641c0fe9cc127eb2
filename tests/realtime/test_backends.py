"""The backends: what each keeps to, without a bus."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from realtime.backends import make_backend
from realtime.backends.base import Backend
from realtime.backends.memory import MemoryBackend

Heard = asyncio.Queue[tuple[str, str]]


@pytest.fixture
async def heard() -> Heard:
    return Heard()


@pytest.fixture
async def backend(broker_url: str, heard: Heard) -> AsyncIterator[Backend]:
    """A backend of each kind that is connected and listens."""
    backend = make_backend(broker_url)
    await backend.connect(lambda channel, message: heard.put_nowait((channel, message)))
    listening = asyncio.create_task(backend.listen())
    yield backend
    listening.cancel()
    await backend.disconnect()
    await asyncio.wait([listening])


async def test_only_subscribed_channels_are_delivered(backend: Backend, heard: Heard) -> None:
    await backend.subscribe(["a", "b", "c"])
    await backend.unsubscribe(["a", "b"])
    assert await backend.publish([("a", "1"), ("b", "2"), ("d", "3"), ("c", "4")]) == []
    assert await heard.get() == ("c", "4")
    assert heard.empty()


async def test_subscribing_and_leaving_twice_is_harmless(backend: Backend, heard: Heard) -> None:
    for _ in range(2):
        await backend.subscribe(["a", "b"])
        await backend.unsubscribe(["b", "c"])
    await backend.publish([("a", "once")])
    await backend.publish([("a", "the end")])
    assert [await heard.get(), await heard.get()] == [("a", "once"), ("a", "the end")]


async def test_disconnecting_twice_or_unconnected_is_harmless(broker_url: str) -> None:
    backend = make_backend(broker_url)
    await backend.disconnect()
    await backend.connect(lambda _channel, _message: None)
    await backend.disconnect()
    await backend.disconnect()


async def test_whoever_answers_in_memory_each_message_with_another_lets_others_run() -> None:
    backend = MemoryBackend("memory://")
    answers = Heard()
    await backend.connect(lambda channel, message: answers.put_nowait((channel, message)))
    await backend.subscribe(["a"])

    async def answer() -> None:
        await backend.publish([("a", "endless")])
        while True:
            await backend.publish([await answers.get()])

    answering = asyncio.create_task(answer())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not answering.done()
    answering.cancel()
    await asyncio.wait([answering])
