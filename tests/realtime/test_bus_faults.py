"""The bus while its broker is away, hangs, or loses connections."""

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from functools import partial
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from realtime.backends.base import Message
from realtime.backends.memory import MemoryBackend
from realtime.bus import Bus, Pace
from tests.realtime.conftest import FragileValkey
from tests.realtime.hearing import (
    QUICK,
    Ear,
    Wiretap,
    everything_heard,
    rebuilding,
    until_unhealthy,
)

BUS_CONNECTIONS = """pg_stat_activity
    WHERE application_name = 'cellhub bus' AND datname = current_database() AND query LIKE $1"""


@pytest.fixture
def nobody_url() -> str:
    """An address where nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"redis://127.0.0.1:{probe.getsockname()[1]}"


async def test_a_bus_starts_and_takes_listeners_while_the_broker_is_away(nobody_url: str) -> None:
    async with Bus(nobody_url, pace=QUICK) as bus, bus.listen("a", Ear()):
        assert not bus.healthy
        assert bus.rebuilds == 0


async def test_publishing_while_the_broker_is_away_drops_the_oldest_and_says_so(
    nobody_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Bus(nobody_url, outbox_limit=10, pace=QUICK) as bus:
        for number in range(1_010):
            bus.publish("a", str(number))
        assert bus.dropped == 1_000
    assert "The broker is away" in caplog.text
    assert caplog.text.count("The outbox is full") == 1


async def test_a_broker_that_accepts_and_stays_silent_delays_the_start_no_longer_than_agreed() -> (
    None
):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        async with asyncio.timeout(10), Bus(url, pace=Pace(connect=0.05)) as bus:
            assert not bus.healthy


async def test_a_broker_that_is_killed_and_comes_back_is_heard_again(
    fragile_valkey: FragileValkey,
) -> None:
    before, during = Ear(), Ear()
    async with Bus(fragile_valkey.url, pace=QUICK) as bus, bus.listen("a", before):
        async with rebuilding(bus):
            fragile_valkey.kill()
            await until_unhealthy(bus)
            listener = bus.join("b", during)
            await listener.ready()
            bus.publish("a", "published while it was away")
            await asyncio.to_thread(fragile_valkey.start)
        assert bus.healthy
        assert bus.rebuilds >= 2
        bus.publish("b", "published after")
        assert await before.next() == "published while it was away"
        assert await during.next() == "published after"
        listener.close()


async def test_a_broker_that_hangs_is_noticed_and_heard_again_when_it_goes_on(
    fragile_valkey: FragileValkey, caplog: pytest.LogCaptureFixture
) -> None:
    ear = Ear()
    async with Bus(fragile_valkey.url, pace=QUICK) as bus, bus.listen("a", ear):
        async with rebuilding(bus):
            fragile_valkey.freeze()
            await until_unhealthy(bus)
            fragile_valkey.thaw()
        bus.publish("a", "after")
        assert await ear.next() == "after"
    assert "The broker is away: TimeoutError()" in caplog.text


async def test_stopping_while_the_broker_hangs_is_quick(fragile_valkey: FragileValkey) -> None:
    async with Bus(fragile_valkey.url, pace=Pace(flush=0.01)) as bus, bus.listen("a", Ear()):
        fragile_valkey.freeze()
        bus.publish("a", "never sent")
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < Pace().patience
    fragile_valkey.thaw()


async def test_a_subscription_connection_closed_by_the_server_is_replaced(valkey_url: str) -> None:
    ear = Ear()
    async with Bus(valkey_url, pace=QUICK) as bus, bus.listen("a", ear):
        async with rebuilding(bus):
            await kill_clients(valkey_url, "pubsub")
        bus.publish("a", "after")
        assert await ear.next() == "after"


async def test_a_publishing_connection_closed_by_the_server_loses_what_was_under_way_at_most(
    valkey_url: str,
) -> None:
    ear = Ear()
    # No check comes in between: it is the message that finds the closed connection.
    async with Bus(valkey_url, pace=Pace(check=3_600.0)) as bus, bus.listen("a", ear):
        await everything_heard(bus)
        await kill_clients(valkey_url, "normal")
        await bus.publish_and_wait("a", "may be lost")
        bus.publish("a", "after")
        while await ear.next() != "after":
            pass
        assert bus.dropped <= 1
        assert bus.rebuilds == 1


async def kill_clients(valkey_url: str, kind: str) -> None:
    """Have the server close all connections of the kind but the one that asks."""
    async with Redis.from_url(valkey_url) as client:
        await client.client_kill_filter(_type=kind, skipme=True)


@pytest.mark.parametrize("statement", ["%LISTEN %", "SELECT pg_notify%"])
async def test_a_postgres_connection_that_is_terminated_is_replaced(
    empty_database_url: str, statement: str
) -> None:
    ear = Ear()
    async with Bus(empty_database_url, pace=QUICK) as bus, bus.listen("a", ear):
        await everything_heard(bus)
        async with rebuilding(bus):
            await terminate(empty_database_url, statement)
        assert bus.rebuilds >= 2
        bus.publish("a", "after")
        assert await ear.next() == "after"


@pytest.mark.parametrize("statement", ["%LISTEN %", "SELECT pg_notify%"])
async def test_a_postgres_connection_that_hangs_is_replaced(
    empty_database_url: str, statement: str
) -> None:
    ear = Ear()
    async with Bus(empty_database_url, pace=QUICK) as bus, bus.listen("a", ear):
        await everything_heard(bus)
        (pid,) = await administer(
            empty_database_url, f"SELECT pid FROM {BUS_CONNECTIONS}", statement
        )
        os.kill(pid, signal.SIGSTOP)
        try:
            async with rebuilding(bus), bus.listen("b", Ear()):
                await until_unhealthy(bus)
        finally:
            os.kill(pid, signal.SIGCONT)
        bus.publish("a", "after")
        assert await ear.next() == "after"


async def terminate(database_url: str, statement: str) -> None:
    """Terminate the one connection of the bus whose last statement is this."""
    (terminated,) = await administer(
        database_url, f"SELECT pg_terminate_backend(pid) FROM {BUS_CONNECTIONS}", statement
    )
    assert terminated


async def test_a_bus_that_gets_one_of_its_connections_only_leaves_none_open(
    empty_database_url: str,
) -> None:
    await administer(empty_database_url, "CREATE ROLE halfway LOGIN CONNECTION LIMIT 1")
    try:
        url = empty_database_url.replace("//cellhub@", "//halfway@")
        async with Bus(url, pace=QUICK) as bus:
            assert not bus.healthy
    finally:
        await administer(empty_database_url, "DROP ROLE halfway")


async def test_a_bus_is_healthy_again_when_the_broker_knows_each_of_a_thousand_channels(
    shared_broker_url: str,
) -> None:
    notes: list[str] = []
    ears = {f"channel-{number}": Ear() for number in range(1_200)}
    backend = partial(Wiretap, notes=notes)
    async with Bus(shared_broker_url, pace=QUICK, backend=backend) as bus:
        for listener in [bus.join(name, ear) for name, ear in ears.items()]:
            await listener.ready()
        notes.clear()
        async with rebuilding(bus):
            if shared_broker_url.startswith("redis"):
                await kill_clients(shared_broker_url, "pubsub")
            else:
                await terminate(shared_broker_url, "LISTEN %")
        assert [len(note.split()) for note in notes] == [500, 500, 200]
        for name in ears:
            bus.publish(name, f"for {name}")
        assert [await ear.next() for ear in ears.values()] == [f"for {name}" for name in ears]


async def administer(database_url: str, statement: str, *values: str) -> list[Any]:
    """Execute a statement and return the first value of each row."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        return [row[0] for row in await connection.fetch(statement, *values)]
    finally:
        await connection.close()


class Deaf(MemoryBackend):
    """A backend that takes messages and hands none on, as over a connection that is half open."""

    async def publish(self, messages: Sequence[Message]) -> list[Exception]:
        return []


async def test_a_connection_that_takes_messages_and_brings_none_is_given_up() -> None:
    made, fifth = [], asyncio.Event()

    def backend(url: str) -> Deaf:
        made.append(url)
        if len(made) == 5:
            fifth.set()
        return Deaf(url)

    pace = Pace(connect=0.01, first_pause=0.001)
    async with Bus("memory://", pace=pace, backend=backend) as bus, asyncio.timeout(10):
        await fifth.wait()
        assert bus.rebuilds == 0


class Broken(MemoryBackend):
    """A backend to which nobody can subscribe."""

    async def subscribe(self, channels: Sequence[str]) -> None:
        raise PermissionError(channels)


async def test_a_bus_that_can_not_even_hear_itself_starts_unhealthy() -> None:
    async with Bus("memory://", pace=QUICK, backend=Broken) as bus, bus.listen("a", Ear()):
        assert not bus.healthy


class Refusing(MemoryBackend):
    """A backend that refuses the first subscriptions of a channel."""

    def __init__(self, url: str, refusals: list[str]) -> None:
        super().__init__(url)
        self._refusals = refusals

    async def subscribe(self, channels: Sequence[str]) -> None:
        for channel in channels:
            if channel in self._refusals:
                self._refusals.remove(channel)
                raise PermissionError(channel)
        await super().subscribe(channels)


async def test_a_subscription_that_fails_is_tried_again_and_its_reason_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ear = Ear()
    backend = partial(Refusing, refusals=["a", "a"])
    async with Bus("memory://", pace=QUICK, backend=backend) as bus:
        async with rebuilding(bus), bus.listen("a", ear):
            pass
        async with bus.listen("a", ear):
            bus.publish("a", "at last")
            assert await ear.next() == "at last"
    assert "PermissionError('a')" in caplog.text
