"""Whatever one viewer asks of the database, others get their turn, and so does the hub itself."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest

from persistence import pool
from persistence.database import Database
from persistence.sql import Statement
from persistence.trouble import Unavailable

ADA, BEN, CLEO = (UUID(int=number) for number in range(1, 4))
POOL = 4
MANY = 40
_LOCKED = Statement("SELECT pg_advisory_xact_lock_shared(7)")
_FREE = Statement("SELECT 1")

Ask = Callable[[Database], Awaitable[None]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url, on_commit=lambda _: None, pool_size=POOL)
    yield made
    await made.close()


class Obstacle:
    """A lock that slow queries wait for, and how many of them do."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._tasks: list[asyncio.Task[None]] = []

    def ask(self, database: Database, times: int = MANY) -> list["asyncio.Task[None]"]:
        """Have so many queries wait behind the lock, or for their turn to."""
        asked = [asyncio.create_task(slow(database)) for _ in range(times)]
        self._tasks += asked
        return asked

    async def until_waiting(self, count: int) -> None:
        """Wait until so many queries wait for the lock."""
        while await self.waiting() < count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async def waiting(self) -> int:
        return int(
            await self._connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
        )

    async def clear(self) -> None:
        """Let all queries through, and wait for them."""
        await self._connection.execute("SELECT pg_advisory_unlock_all()")
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def obstacle(database_url: str) -> AsyncIterator[Obstacle]:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    await connection.execute("SELECT pg_advisory_lock(7)")
    made = Obstacle(connection)
    yield made
    await made.clear()
    await connection.close()


async def slow(database: Database) -> None:
    async with database.reading() as connection:
        await connection.execute(_LOCKED)


async def reading(database: Database) -> None:
    async with database.reading() as connection:
        await connection.execute(_FREE)


async def snapshot(database: Database) -> None:
    async with database.snapshot() as connection:
        await connection.execute(_FREE)


async def transaction(database: Database) -> None:
    async with database.transaction() as unit:
        await unit.connection.execute(_FREE)


async def single_statement(database: Database) -> None:
    async with database.single_statement() as unit:
        await unit.change(_FREE, {})


@pytest.mark.parametrize("ask", [reading, snapshot, transaction, single_statement])
async def test_others_are_answered_while_one_waits_for_forty_slow_queries(
    database: Database, obstacle: Obstacle, ask: Ask
) -> None:
    obstacle.ask(database.for_viewer(ADA))
    await obstacle.until_waiting(POOL // 2)
    for _ in range(MANY):
        await ask(database.for_viewer(BEN))
    await asyncio.gather(*(ask(database.for_viewer(BEN)) for _ in range(MANY)))
    assert await obstacle.waiting() == POOL // 2


async def test_the_hub_goes_on_while_any_number_of_viewers_wait(
    database: Database, obstacle: Obstacle
) -> None:
    for viewer in (ADA, BEN, CLEO):
        obstacle.ask(database.for_viewer(viewer))
    await obstacle.until_waiting(POOL - 1)
    for _ in range(MANY):
        await reading(database)
    assert await obstacle.waiting() == POOL - 1


async def test_the_hub_itself_may_use_all_connections(
    database: Database, obstacle: Obstacle
) -> None:
    obstacle.ask(database)
    await obstacle.until_waiting(POOL)


async def test_ones_own_queries_run_in_the_order_in_which_they_were_asked(
    database: Database, obstacle: Obstacle
) -> None:
    obstacle.ask(database.for_viewer(ADA), POOL // 2)
    await obstacle.until_waiting(POOL // 2)
    ran: list[int] = []

    async def note(number: int) -> None:
        async with database.for_viewer(ADA).reading():
            ran.append(number)

    asked = [asyncio.create_task(note(number)) for number in range(MANY)]
    await asyncio.sleep(0)
    await obstacle.clear()
    await asyncio.gather(*asked)
    assert ran == list(range(MANY))


async def test_who_stops_waiting_takes_nobodys_turn(database: Database, obstacle: Obstacle) -> None:
    asked = obstacle.ask(database.for_viewer(ADA))
    await obstacle.until_waiting(POOL // 2)
    for task in asked[::3]:
        task.cancel()
    await asyncio.wait(asked[::3])
    await obstacle.until_waiting(POOL // 2)
    await asyncio.gather(*(reading(database.for_viewer(BEN)) for _ in range(MANY)))
    assert await obstacle.waiting() == POOL // 2
    await obstacle.clear()
    assert [task.cancelled() for task in asked] == [number % 3 == 0 for number in range(len(asked))]
    await reading(database.for_viewer(ADA))


async def test_who_waits_for_too_long_is_told_to_come_back(
    database: Database, obstacle: Obstacle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_LONGEST_WAIT_SECONDS", 0.05)
    obstacle.ask(database.for_viewer(ADA), POOL // 2)
    await obstacle.until_waiting(POOL // 2)
    with pytest.raises(Unavailable, match="Too much is asked"):
        await reading(database.for_viewer(ADA))
    await reading(database.for_viewer(BEN))
    await obstacle.clear()
    await reading(database.for_viewer(ADA))


async def test_viewers_who_ask_for_nothing_any_more_are_forgotten(database: Database) -> None:
    await asyncio.gather(*(reading(database.for_viewer(UUID(int=n))) for n in range(MANY)))
    gc.collect()
    assert len(database._pool._shares) == 0


async def test_a_pool_of_one_serves_everybody_in_turn(database_url: str) -> None:
    single = Database(database_url, on_commit=lambda _: None, pool_size=1)
    try:
        await asyncio.gather(
            *(reading(single.for_viewer(viewer)) for viewer in (ADA, BEN) for _ in range(MANY)),
            *(reading(single) for _ in range(MANY)),
        )
    finally:
        await single.close()
