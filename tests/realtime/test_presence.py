"""Presence: who watches, each once, over tabs and processes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import msgspec
import pytest
from redis.asyncio import Redis

from realtime.bus import Bus, Pace
from realtime.mailbox import Mailbox
from realtime.presence import Presence
from realtime.room import Attendance, Page
from realtime.watch import Signal
from tests.realtime.conftest import FragileValkey
from tests.realtime.hearing import QUICK, Ear, everything_heard, rebuilding, until_unhealthy

TOPIC = UUID(int=1)
ANN, BOB, CY = UUID(int=10), UUID(int=11), UUID(int=12)
STRANGER = UUID(int=20)


@asynccontextmanager
async def a_process(
    url: str, *, heartbeat_seconds: float = 3_600, expire_seconds: float = 3_600
) -> AsyncIterator[Presence]:
    async with (
        Bus(url, pace=QUICK) as bus,
        Presence(
            bus, heartbeat_seconds=heartbeat_seconds, expire_seconds=expire_seconds
        ) as presence,
    ):
        yield presence


Watch = Mailbox[Attendance | Signal]


@asynccontextmanager
async def watching(presence: Presence, topic: UUID = TOPIC) -> AsyncIterator[Watch]:
    """Yield a mailbox with who is shown at the topic, which begins with who is there."""
    room = presence.enter(topic)
    watch = Watch(limit=1)
    room.watches[watch] = None
    try:
        await room.ready()
        watch.put(room.attendance)
        yield watch
    finally:
        del room.watches[watch]
        presence.leave(room)


async def shown(watch: Watch) -> frozenset[UUID]:
    """Return who is shown next."""
    attendance = await anext(watch)
    assert isinstance(attendance, Attendance)
    return attendance.users


async def until(watch: Watch, *users: UUID) -> None:
    """Wait until exactly these are shown."""
    async with asyncio.timeout(10):
        while await shown(watch) != set(users):
            pass


def say(bus: Bus, *, users: list[UUID], turn: int = 1, process: UUID = STRANGER) -> None:
    """Say what a process says of which nothing more will be heard."""
    page = Page(process, turn, 0, 1, users)
    bus.publish(f"presence:{TOPIC}", msgspec.json.encode(page).decode())


async def test_a_watch_shows_who_is_there_at_once_and_every_change() -> None:
    async with (
        a_process("memory://") as presence,
        presence.here(TOPIC, ANN),
        watching(presence) as watch,
    ):
        assert await shown(watch) == {ANN}
        async with presence.here(TOPIC, BOB):
            assert await shown(watch) == {ANN, BOB}
        assert await shown(watch) == {ANN}


async def test_a_user_with_several_tabs_is_there_once_until_the_last_is_closed() -> None:
    async with a_process("memory://") as presence, watching(presence) as watch:
        assert await shown(watch) == set()
        async with presence.here(TOPIC, ANN):
            assert await shown(watch) == {ANN}
            async with presence.here(TOPIC, ANN), presence.here(TOPIC, BOB):
                assert await shown(watch) == {ANN, BOB}
            assert await shown(watch) == {ANN}
        assert await shown(watch) == set()


async def test_topics_are_apart() -> None:
    async with (
        a_process("memory://") as presence,
        watching(presence) as watch,
        presence.here(UUID(int=2), ANN),
        presence.here(TOPIC, BOB),
    ):
        await until(watch, BOB)


async def test_processes_show_each_others_users_each_once(shared_broker_url: str) -> None:
    async with (
        a_process(shared_broker_url) as here,
        a_process(shared_broker_url) as there,
        watching(here) as watch_here,
        watching(there) as watch_there,
        here.here(TOPIC, ANN),
    ):
        await until(watch_here, ANN)
        await until(watch_there, ANN)
        async with there.here(TOPIC, ANN), there.here(TOPIC, BOB):
            await until(watch_here, ANN, BOB)
            await until(watch_there, ANN, BOB)
        await until(watch_here, ANN)
        await until(watch_there, ANN)


async def test_a_newcomer_is_told_at_once(shared_broker_url: str) -> None:
    async with (
        a_process(shared_broker_url) as here,
        here.here(TOPIC, ANN),
        a_process(shared_broker_url) as there,
        watching(there) as watch,
    ):
        await until(watch, ANN)


async def test_whoever_only_watches_is_not_there(valkey_url: str) -> None:
    ear = Ear()
    async with (
        Bus(valkey_url) as bus,
        bus.listen(f"presence:{TOPIC}", ear),
        a_process(valkey_url) as here,
        watching(here),
        a_process(valkey_url) as there,
        watching(there) as watch,
    ):
        here.beat()
        assert '"who"' in await ear.next()
        assert '"who"' in await ear.next()
        await everything_heard(bus)
        assert ear.quiet
        assert await shown(watch) == set()


async def test_watches_end_with_presence() -> None:
    async with Bus("memory://") as bus:
        async with Presence(bus) as presence:
            context = watching(presence)
            watch = await context.__aenter__()
        assert [attendance async for attendance in watch] == [Attendance()]
        await context.__aexit__(None, None, None)


async def test_users_of_a_process_that_ends_are_gone_at_once(shared_broker_url: str) -> None:
    async with a_process(shared_broker_url) as here, watching(here) as watch:
        async with a_process(shared_broker_url) as there:
            presence = there.here(TOPIC, ANN)
            await presence.__aenter__()
            await until(watch, ANN)
        await until(watch)
        await presence.__aexit__(None, None, None)


async def test_users_of_a_process_that_is_killed_are_gone_when_it_was_silent_for_long_enough(
    valkey_url: str,
) -> None:
    async with (
        a_process(valkey_url, heartbeat_seconds=0.01, expire_seconds=0.5) as here,
        here.here(TOPIC, BOB),
        here.here(UUID(int=2), BOB),
        watching(here) as watch,
    ):
        async with Bus(valkey_url) as bus:
            say(bus, users=[ANN])
        await until(watch, ANN, BOB)
        await until(watch, BOB)


async def test_who_is_there_is_repeated_lest_a_lost_message_matter_for_long() -> None:
    ear = Ear()
    async with (
        Bus("memory://") as bus,
        Presence(bus, heartbeat_seconds=3_600) as presence,
        presence.here(TOPIC, ANN),
    ):
        await everything_heard(bus)
        async with bus.listen(f"presence:{TOPIC}", ear):
            for _ in range(20):
                presence.beat()
            await everything_heard(bus)
            said = [msgspec.json.decode(message, type=Page) for message in await ear.several(2)]
            assert [page.users for page in said] == [[ANN], [ANN]]
            assert said[0].turn < said[1].turn
            assert ear.quiet


async def test_users_stay_as_long_as_their_process_beats(valkey_url: str) -> None:
    async with (
        a_process(valkey_url, heartbeat_seconds=0.01, expire_seconds=0.2) as here,
        a_process(valkey_url, heartbeat_seconds=0.01, expire_seconds=0.2) as there,
        there.here(TOPIC, ANN),
        watching(here) as watch,
    ):
        await until(watch, ANN)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(watch)


async def test_a_crowd_that_needs_several_messages_comes_and_goes_whole(
    empty_database_url: str,
) -> None:
    crowd = [UUID(int=100 + number) for number in range(400)]
    async with (
        a_process(empty_database_url) as here,
        a_process(empty_database_url) as there,
        watching(here) as watch,
    ):
        contexts = [there.here(TOPIC, user) for user in crowd]
        await asyncio.gather(*(context.__aenter__() for context in contexts))
        await until(watch, *crowd)
        for context in contexts[10:]:
            await context.__aexit__(None, None, None)
        await until(watch, *crowd[:10])
        for context in contexts[:10]:
            await context.__aexit__(None, None, None)
        await until(watch)


async def test_what_a_process_said_earlier_but_arrives_later_is_not_believed() -> None:
    async with (
        Bus("memory://") as bus,
        Presence(bus) as presence,
        watching(presence) as watch,
    ):
        say(bus, turn=2, users=[ANN])
        say(bus, turn=1, users=[BOB])
        say(bus, process=UUID(int=21), users=[CY])
        await until(watch, ANN, CY)


async def test_no_more_than_a_bounded_number_of_processes_is_remembered() -> None:
    users = [UUID(int=1_000 + number) for number in range(300)]
    async with (
        Bus("memory://") as bus,
        Presence(bus) as presence,
        watching(presence) as watch,
    ):
        for user in users:
            say(bus, process=UUID(int=user.int + 1_000), users=[user])
        await until(watch, *users[:256])


async def test_who_came_while_this_process_was_cut_off_is_asked_for_afterwards(
    valkey_url: str,
) -> None:
    async with (
        Bus(valkey_url, pace=Pace(first_pause=0.2)) as bus,
        Presence(bus) as here,
        watching(here) as watch,
        Bus(valkey_url) as other_bus,
        other_bus.listen("has one channel more", Ear()),
        Presence(other_bus, heartbeat_seconds=3_600) as there,
        there.here(TOPIC, ANN),
    ):
        await until(watch, ANN)
        async with Redis.from_url(valkey_url) as client:
            clients = await client.client_list("pubsub")
            fewest = min(clients, key=lambda each: int(each["sub"]))
            await client.client_kill_filter(_id=fewest["id"])
        await until_unhealthy(bus)
        async with there.here(TOPIC, BOB):
            await until(watch, ANN, BOB)


async def test_users_stay_while_the_broker_is_away_and_are_true_again_when_it_is_back(
    fragile_valkey: FragileValkey,
) -> None:
    url = fragile_valkey.url
    async with (
        Bus(url, pace=QUICK) as bus,
        Presence(bus, heartbeat_seconds=3_600, expire_seconds=0.0) as here,
        a_process(url) as there,
        watching(here) as watch,
    ):
        leaving = there.here(TOPIC, BOB)
        await leaving.__aenter__()
        async with there.here(TOPIC, ANN):
            await until(watch, ANN, BOB)
            async with rebuilding(bus):
                fragile_valkey.kill()
                await until_unhealthy(bus)
                here.beat()
                assert watch.take() is None
                await leaving.__aexit__(None, None, None)
                await asyncio.to_thread(fragile_valkey.start)
            await until(watch, ANN)
        await until(watch)


async def test_whoever_comes_back_is_seen_again(shared_broker_url: str) -> None:
    async with (
        a_process(shared_broker_url) as here,
        a_process(shared_broker_url) as there,
        watching(here) as watch,
    ):
        for _ in range(3):
            async with there.here(TOPIC, ANN):
                await until(watch, ANN)
            await until(watch)


async def test_a_process_that_was_held_up_forgets_nobody_and_is_not_forgotten(
    valkey_url: str,
) -> None:
    async with (
        a_process(valkey_url, heartbeat_seconds=0.02, expire_seconds=0.1) as here,
        a_process(valkey_url, heartbeat_seconds=0.02, expire_seconds=0.1) as there,
        here.here(TOPIC, BOB),
        there.here(TOPIC, ANN),
        watching(here) as watch_here,
        watching(there) as watch_there,
    ):
        for watch in (watch_here, watch_there):
            await until(watch, ANN, BOB)
        time.sleep(0.3)  # noqa: ASYNC251 - the whole process does nothing else
        for watch in (watch_here, watch_there):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await anext(watch)


async def test_a_crowd_is_shown_in_few_lists() -> None:
    async with a_process("memory://") as presence, watching(presence) as watch:
        crowd = [UUID(int=100 + number) for number in range(1_000)]
        async with AsyncExitStack() as stack:
            for user in crowd:
                await stack.enter_async_context(presence.here(TOPIC, user))
            await until(watch, *crowd)
            assert presence.attendance(TOPIC).revision < 20


async def test_a_change_of_the_audience_is_shown_at_once_to_all_processes(
    shared_broker_url: str,
) -> None:
    async with (
        a_process(shared_broker_url) as here,
        a_process(shared_broker_url) as there,
        watching(here) as watch,
        there.here(TOPIC, ANN, 3),
    ):
        await until(watch, ANN)
        assert here.attendance(TOPIC).audience_revision == 3
        room = here.enter(TOPIC)
        for revision in (2, 4, 5):
            room.audience_changed(revision)
        assert [here.attendance(TOPIC)] == [await anext(watch)]
        assert here.attendance(TOPIC).audience_revision == 5
        here.leave(room)
