"""PostgreSQL ends connections, or itself, under load: nothing is lost, and all go on."""

from collections.abc import Sequence

import pytest

from tests.faults.client import PASSING_ERRORS
from tests.faults.conftest import Measured
from tests.faults.processes import HubProcess
from tests.faults.scene import Scene, a_scene, now
from tests.faults.servers import Postgres


@pytest.mark.parametrize("way", ["stop", "kill"])
async def test_a_database_that_is_restarted_loses_nothing_and_everybody_goes_on(
    pair: Sequence[HubProcess], postgres: Postgres, converged: Measured, way: str
) -> None:
    async with a_scene(pair, postgres.url) as scene:
        async with scene.changes():
            await scene.acknowledged(30)
            await (postgres.stop() if way == "stop" else postgres.kill())
            await scene.failed(5)
        await postgres.start()
        converged("PostgreSQL is back, and nothing happens", await scene.settled(now()))
        async with scene.changes():
            await scene.acknowledged(30)
        converged("PostgreSQL is back, and all go on", await scene.settled())
        for hub in pair:
            await hub.ready()
        assert_all_was_clear(scene)


async def test_a_database_that_cuts_off_all_connections_loses_nothing(
    pair: Sequence[HubProcess], postgres: Postgres, converged: Measured
) -> None:
    async with a_scene(pair, postgres.url) as scene:
        async with scene.changes():
            for _ in range(5):
                await scene.acknowledged(10)
                assert await postgres.cut_off()
            cut = now()
        converged("PostgreSQL has cut off all connections", await scene.settled(cut))
        for hub in pair:
            await hub.ready()
        assert_all_was_clear(scene)


def assert_all_was_clear(scene: Scene) -> None:
    """Check that whoever was not answered as usual was told what that means."""
    assert set(scene.ledger.failures) <= {"SERVICE_UNAVAILABLE", "OUTCOME_UNKNOWN"}
    assert set(scene.interruptions()) <= PASSING_ERRORS | {"1013"}
