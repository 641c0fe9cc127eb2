"""The backends, where they promise more than the bus needs."""

import asyncio

import pytest
from broadcaster import Event

from realtime.backends.memory import MemoryBackend
from realtime.backends.postgres import PostgresBackend


async def test_whoever_publishes_in_memory_waits_while_too_much_is_unread() -> None:
    backend = MemoryBackend("memory://", limit=1)
    await backend.connect()
    await backend.subscribe("a")
    await backend.publish("a", "1")
    second = asyncio.create_task(backend.publish("a", "2"))
    await asyncio.sleep(0)
    assert not second.done()
    assert await backend.next_published() == Event("a", "1")
    await second
    assert await backend.next_published() == Event("a", "2")
    await backend.disconnect()


async def test_in_memory_a_channel_without_subscriber_is_not_kept() -> None:
    backend = MemoryBackend("memory://")
    await backend.subscribe("a")
    await backend.unsubscribe("a")
    await backend.publish("a", "nobody hears this")
    await backend.subscribe("b")
    await backend.publish("b", "heard")
    assert await backend.next_published() == Event("b", "heard")


async def test_a_postgres_backend_that_is_not_read_fails_rather_than_grow(
    empty_database_url: str,
) -> None:
    backend = PostgresBackend(empty_database_url, limit=2)
    await backend.connect()
    try:
        await backend.subscribe("a")
        for number in range(5):
            await backend.publish("a", str(number))
        # What was notified before arrives before the answer on the same connection.
        await backend.subscribe("b")
        assert await backend.next_published() == Event("a", "0")
        assert await backend.next_published() == Event("a", "1")
        with pytest.raises(ConnectionError):
            await backend.next_published()
    finally:
        await backend.disconnect()
