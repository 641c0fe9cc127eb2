"""A thousand clients lose their hub at once, and are all back with the truth in time."""

from pathlib import Path

from tests.faults.conftest import Measured
from tests.faults.processes import hubs
from tests.faults.scene import a_scene
from tests.faults.servers import Postgres, Valkey
from tests.faults.test_killed_hubs import BROKEN

PEOPLE = 25
CLIENTS_OF_EACH = 40


async def test_a_thousand_clients_that_lose_their_hubs_at_once_resume_with_their_cursors(
    folder: Path, postgres: Postgres, valkey: Valkey, converged: Measured
) -> None:
    async with (
        hubs(folder, postgres.url, valkey.url, count=2) as pair,
        a_scene(
            pair,
            postgres.url,
            spectators=PEOPLE,
            clients_of_each=CLIENTS_OF_EACH,
            images_of_each=10,
        ) as scene,
    ):
        first, second = pair
        async with scene.changes():
            await first.kill()
            # Most clients of the first one will have to resume from before these.
            await scene.acknowledged(5)
        await second.kill()
        for hub in pair:
            hub.launch()
        await first.started(2)
        await second.started(2)
        back = max(hub.serving_since() for hub in pair)
        converged("all hubs were killed and restarted", await scene.settled(back))
        assert set(scene.interruptions()) <= BROKEN
