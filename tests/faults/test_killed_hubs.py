"""Hubs are killed or paused: clients go on with others, and whatever was committed is told."""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pytest

from tests.faults.api import UNDONE, UNKNOWN
from tests.faults.conftest import Measured
from tests.faults.processes import HubProcess, hubs
from tests.faults.scene import a_scene, now
from tests.faults.servers import Postgres

BROKEN = {
    "1006",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "InvalidMessage",
    "TimeoutError",
}
"""How clients that follow get to see that their hub is gone."""


async def test_what_was_committed_but_never_announced_is_told_all_the_same(
    folder: Path, postgres: Postgres, converged: Measured
) -> None:
    deadly = ["--die-before-publishing", "3"]
    async with (
        hubs(folder, postgres.url, postgres.broker_url, count=2, faults=[[], deadly]) as pair,
        a_scene(pair[:1], postgres.url) as scene,
    ):
        async with scene.changes_through(pair[1]):
            await pair[1].ended()
            died = now()
        truth = await scene.truth()
        assert truth.stats[scene.project].revision > scene.ledger.newest(scene.project)
        converged("died between commit and publishing", await scene.settled(died))
        assert scene.interruptions() == {}


@pytest.mark.parametrize("broadcast_url", ["valkey"], indirect=True)
async def test_clients_of_a_hub_that_is_killed_resume_at_another_one(
    pair: Sequence[HubProcess], postgres: Postgres, converged: Measured
) -> None:
    async with a_scene(pair, postgres.url) as scene:
        for hub in pair:
            async with scene.changes():
                await scene.acknowledged(20)
                await hub.kill()
                await scene.acknowledged(5)
            converged("all are with the other one", await scene.settled())
            async with scene.changes():
                await hub.start()
                await scene.acknowledged(10)
            converged("both are there again", await scene.settled())
        assert set(scene.interruptions()) <= BROKEN
        assert set(scene.ledger.failures) <= UNDONE | UNKNOWN


async def test_clients_of_a_worker_that_is_killed_resume_at_another_one(
    folder: Path, postgres: Postgres, converged: Measured
) -> None:
    async with (
        hubs(folder, postgres.url, postgres.broker_url, workers=2) as [hub],
        a_scene([hub], postgres.url) as scene,
    ):
        victim, _ = hub.workers()
        async with scene.changes():
            await scene.acknowledged(20)
            victim.kill()
            await scene.acknowledged(20)
        converged("all are with the other worker", await scene.settled())
        await hub.started(3)
        assert victim not in hub.workers()
        assert set(scene.interruptions()) <= BROKEN
        assert set(scene.ledger.failures) <= UNDONE | UNKNOWN


async def test_a_hub_that_was_paused_tells_its_clients_what_they_missed(
    pair: Sequence[HubProcess], postgres: Postgres, converged: Measured
) -> None:
    async with a_scene(pair, postgres.url) as scene:
        for paused, other in permutations(pair):
            paused.suspend()
            async with scene.changes_through(other):
                await scene.acknowledged(50)
            paused.resume()
            converged("the hub goes on", await scene.settled(now()))
        for hub in pair:
            await hub.ready()
        assert scene.interruptions() == {}
        assert not scene.ledger.failures
