"""PostgreSQL is restarted under load: nothing that was acknowledged is lost, and all go on."""

from pathlib import Path

import pytest

from tests.faults.client import PASSING_ERRORS
from tests.faults.conftest import Measured
from tests.faults.processes import hubs
from tests.faults.scene import a_scene, now
from tests.faults.servers import Postgres


@pytest.mark.parametrize("way", ["stop", "kill"])
async def test_a_database_that_is_restarted_loses_nothing_and_everybody_goes_on(
    folder: Path, postgres: Postgres, broadcast_url: str, converged: Measured, way: str
) -> None:
    async with (
        hubs(folder, postgres.url, broadcast_url, count=2) as pair,
        a_scene(pair, postgres.url) as scene,
    ):
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
        assert set(scene.ledger.failures) <= {"SERVICE_UNAVAILABLE", "OUTCOME_UNKNOWN"}
        assert set(scene.interruptions()) <= PASSING_ERRORS | {"1013"}
