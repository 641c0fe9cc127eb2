"""Hubs are restarted by SIGTERM, one after the other and under load, and nobody loses anything."""

from pathlib import Path

from hub.guarded_websocket import GuardedWebSocket
from schema.shutdown import FINISHING_SECONDS
from tests.faults.api import RESTART
from tests.faults.conftest import Measured
from tests.faults.processes import HubProcess, hubs
from tests.faults.scene import Scene, a_scene, now
from tests.faults.servers import Postgres, Valkey

ROUNDS = 2
DRAIN_SECONDS = FINISHING_SECONDS + GuardedWebSocket.closing_seconds


async def test_hubs_that_are_restarted_in_turn_under_load_lose_nothing(
    folder: Path, postgres: Postgres, valkey: Valkey, broadcast_url: str, converged: Measured
) -> None:
    async with (
        hubs(folder, postgres.url, broadcast_url, count=2) as pair,
        a_scene(pair, postgres.url, by_socket=True) as scene,
    ):
        await scene.join(*(scene.spectator(hub) for hub in pair))
        async with scene.changes():
            for hub in [*pair] * ROUNDS:
                await scene.acknowledged(20)
                await restart(hub, postgres, scene)
                back = now()
            await scene.acknowledged(20)
        converged("all hubs were restarted twice", await scene.settled(back))
        assert all(client.interruptions[RESTART] >= ROUNDS for client in scene.clients)
        assert set(scene.interruptions()) <= {RESTART, "ConnectionRefusedError"}
        # These were never begun, which the ledger has checked.
        assert set(scene.ledger.failures) <= {RESTART, "ConnectError"}
        for hub in pair:
            assert_in_order(hub)


async def restart(hub: HubProcess, postgres: Postgres, scene: Scene) -> None:
    """Tell the hub to end while every writer waits for an answer, and start it anew."""
    async with postgres.holding_up(len(scene.writers)):
        told = now()
        hub.terminate()
        await hub.accepting(want=False)
    assert await hub.ended() == 0
    assert now() - told < DRAIN_SECONDS
    assert scene.ledger.broken_off(told) == []
    # Those that know no other hub have to wait; the others go on.
    await scene.acknowledged(10)
    await hub.start()


def assert_in_order(hub: HubProcess) -> None:
    """Check that the hub has told of nothing that went wrong."""
    lines = hub.log.read_text().splitlines()
    assert [line for line in lines if line.startswith("Traceback") or " ERROR " in line] == []
