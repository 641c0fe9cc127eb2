"""The broker dies, hangs, comes back and loses connections: nobody notices for long."""

from collections.abc import Sequence

import pytest

from tests.faults.conftest import Measured
from tests.faults.processes import HubProcess
from tests.faults.scene import Scene, a_scene, now
from tests.faults.servers import Postgres, Valkey

pytestmark = pytest.mark.parametrize("broadcast_url", ["valkey"], indirect=True)


async def all_ready(pair: Sequence[HubProcess], *, want: bool = True) -> None:
    """Wait until both hubs say that all is well, or that it is not."""
    for hub in pair:
        await hub.ready(want=want)


def assert_nobody_noticed(scene: Scene) -> None:
    """Check that every mutation succeeded, and that no socket and no operation ended."""
    assert not scene.ledger.failures
    assert scene.interruptions() == {}


async def test_a_broker_that_is_killed_and_restarted_costs_nobody_anything(
    pair: Sequence[HubProcess], postgres: Postgres, valkey: Valkey, converged: Measured
) -> None:
    async with a_scene(pair, postgres.url) as scene:
        async with scene.changes():
            await scene.acknowledged(20)
            await valkey.kill()
            await all_ready(pair, want=False)
            await scene.acknowledged(50)
        converged("while Valkey is dead", await scene.settled())
        async with scene.changes():
            await scene.acknowledged(20)
            await valkey.start()
            back = now()
        converged("Valkey is back, with nothing of what it had", await scene.settled(back))
        assert_nobody_noticed(scene)


async def test_a_broker_that_hangs_and_goes_on_costs_nobody_anything(
    pair: Sequence[HubProcess], postgres: Postgres, valkey: Valkey, converged: Measured
) -> None:
    async with a_scene(pair, postgres.url) as scene:
        async with scene.changes():
            await scene.acknowledged(20)
            valkey.suspend()
            await scene.acknowledged(20)
        converged("Valkey hangs, and nobody knows yet", await scene.settled())
        async with scene.changes():
            await all_ready(pair, want=False)
            await scene.acknowledged(20)
            valkey.resume()
            awake = now()
        converged("Valkey goes on with what it had", await scene.settled(awake))
        await all_ready(pair)
        assert_nobody_noticed(scene)


async def test_a_broker_that_cuts_off_its_clients_costs_nobody_anything(
    pair: Sequence[HubProcess], postgres: Postgres, valkey: Valkey, converged: Measured
) -> None:
    async with a_scene(pair, postgres.url) as scene:
        async with scene.changes():
            for _ in range(5):
                await scene.acknowledged(10)
                await valkey.cut_off()
            cut = now()
        converged("Valkey has cut off its clients", await scene.settled(cut))
        assert_nobody_noticed(scene)
