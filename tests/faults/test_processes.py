"""The harness itself: hubs end as they are told, and come back under the same address."""

from pathlib import Path

from tests.faults.processes import hubs
from tests.faults.servers import Postgres, Valkey


async def test_a_hub_that_was_killed_comes_back_under_its_address(
    folder: Path, postgres: Postgres
) -> None:
    async with hubs(folder, postgres.url, "memory://") as [hub]:
        await hub.kill()
        await hub.start()
        assert await hub.stop() == 0


async def test_readiness_tells_when_the_broker_has_gone_and_come_back(
    folder: Path, postgres: Postgres, valkey: Valkey
) -> None:
    async with hubs(folder, postgres.url, valkey.url) as [hub]:
        await valkey.kill()
        await hub.ready(want=False)
        await valkey.start()
        await hub.ready()


async def test_readiness_tells_when_the_database_has_gone_and_come_back(
    folder: Path, postgres: Postgres
) -> None:
    async with hubs(folder, postgres.url, postgres.broker_url) as [hub]:
        await postgres.kill()
        await hub.ready(want=False)
        await postgres.start()
        await hub.ready()
