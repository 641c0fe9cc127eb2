"""A thousand clients lose their hub at once, and are all back with the truth in time."""

from collections.abc import Sequence

import pytest

from tests.faults.conftest import Measured
from tests.faults.processes import HubProcess
from tests.faults.scene import a_scene
from tests.faults.servers import Postgres
from tests.faults.test_killed_hubs import BROKEN

PEOPLE = 25
CLIENTS_OF_EACH = 40


@pytest.mark.timeout(240)
@pytest.mark.parametrize("broadcast_url", ["valkey"], indirect=True)
async def test_a_thousand_clients_that_lose_their_hubs_at_once_resume_with_their_cursors(
    pair: Sequence[HubProcess], postgres: Postgres, converged: Measured
) -> None:
    async with a_scene(
        pair,
        postgres.url,
        spectators=PEOPLE,
        clients_of_each=CLIENTS_OF_EACH,
        images_of_each=5,
    ) as scene:
        first, second = pair
        async with scene.changes():
            await first.kill()
            # Most clients of the first one will have to resume from before these.
            await scene.acknowledged(5)
        await second.kill()
        for hub in pair:
            hub.launch()
        await first.started()
        await second.started()
        back = max(hub.serving_since() for hub in pair)
        converged("all hubs were killed and restarted", await scene.settled(back))
        assert set(scene.interruptions()) <= BROKEN
