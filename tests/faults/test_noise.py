"""Messages are dropped, doubled, delayed and reordered: clients see none of it."""

from pathlib import Path

from tests.faults.conftest import Measured
from tests.faults.processes import hubs
from tests.faults.scene import a_scene
from tests.faults.servers import Postgres, Valkey

ROUNDS = 3


async def test_messages_that_are_lost_doubled_late_and_out_of_order_mislead_nobody(
    folder: Path, postgres: Postgres, broadcast_url: str, converged: Measured
) -> None:
    noise = [["--garble-messages", str(seed)] for seed in (1, 2)]
    async with (
        hubs(folder, postgres.url, broadcast_url, count=2, faults=noise) as pair,
        a_scene(pair, postgres.url) as scene,
    ):
        for number in range(ROUNDS):
            async with scene.changes():
                await scene.acknowledged(40)
            converged(f"round {number}", await scene.settled())
        assert not scene.ledger.failures
        assert scene.interruptions() == {}


async def test_without_any_messages_everybody_still_learns_the_truth_in_time(
    folder: Path, postgres: Postgres, valkey: Valkey, converged: Measured
) -> None:
    async with (
        hubs(folder, postgres.url, valkey.url, faults=[["--drop-messages"]]) as pair,
        a_scene(pair, postgres.url) as scene,
    ):
        for number in range(ROUNDS):
            async with scene.changes():
                await scene.acknowledged(20)
            # Who comes now is ahead of the others, who have been told of nothing yet.
            await scene.join(scene.spectator())
            async with scene.changes():
                await scene.acknowledged(20)
            converged(f"round {number}", await scene.settled())
        assert not scene.ledger.failures
        assert scene.interruptions() == {}
