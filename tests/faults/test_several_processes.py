"""Several processes, and nothing goes wrong: what one commits, the others tell at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.faults.processes import HubProcess, hubs
from tests.faults.scene import Scene, a_scene
from tests.faults.servers import Postgres

# Well below the seconds after which each process looks for itself what it has missed.
AT_ONCE_SECONDS = 2.0
CHANGES = 8


async def test_a_change_through_one_hub_is_told_by_the_other_at_once(
    pair: Sequence[HubProcess], postgres: Postgres
) -> None:
    async with a_scene(pair, postgres.url) as scene:
        for hub in pair:
            async with scene.changes_through(hub):
                await scene.acknowledged(1)
            await expect_at_once(scene)
        for _ in range(CHANGES):
            async with scene.changes():
                await scene.acknowledged(1)
            await expect_at_once(scene)


async def test_a_change_through_one_worker_is_told_by_the_other_at_once(
    folder: Path, postgres: Postgres, broadcast_url: str
) -> None:
    async with (
        hubs(folder, postgres.url, broadcast_url, workers=2) as [hub],
        a_scene([hub], postgres.url) as scene,
    ):
        workers = hub.workers()
        for worker in workers:
            with alone(worker, workers):
                await scene.join(scene.spectator())
        for _ in range(CHANGES):
            async with scene.changes():
                await scene.acknowledged(1)
            await expect_at_once(scene)


async def expect_at_once(scene: Scene) -> None:
    """Wait until everybody knows, and check that nobody learnt it by looking."""
    seconds = await scene.settled()
    assert seconds < AT_ONCE_SECONDS, f"a change was told after {seconds:.2f} s"
    assert scene.interruptions() == {}
    assert not scene.ledger.failures


@contextmanager
def alone(worker: psutil.Process, workers: Sequence[psutil.Process]) -> Iterator[None]:
    """Stop the other workers within the block, so that this one gets every connection."""
    others = [other for other in workers if other != worker]
    for other in others:
        other.suspend()
    try:
        yield
    finally:
        for other in others:
            other.resume()
