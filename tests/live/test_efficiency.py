"""How well processing goes is live: with each job that ends, and with time that passes."""

import pytest

from resolvers.live import dashboard
from tests.live.scenes import Scene
from tests.live.working import claim, complete, request, worker

DASHBOARD = """subscription { dashboardUpdated { segmentedCount efficiency {
    successRate meanWaitSeconds meanRunSeconds imagesPerHour } } }"""
NOTHING = {
    "successRate": None,
    "meanWaitSeconds": None,
    "meanRunSeconds": None,
    "imagesPerHour": 0,
}


async def test_efficiency_is_told_when_a_job_ends_and_when_it_is_long_ago(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "SECONDS_BETWEEN_LOOKS", 0.2)
    ada, bench = await scene.hub.person("Ada"), await worker(scene)
    project = await scene.project(ada)
    await scene.images(project, ada, 2)
    async with ada.connected() as socket:
        live = socket.watch(DASHBOARD)
        await live.until(lambda events: events and events[-1]["efficiency"] == NOTHING)
        await request(ada, project, model="efficient")
        good, bad = await claim(bench, 2, models=["efficient"])
        await complete(bench, good)
        await live.until(lambda events: events[-1]["efficiency"]["successRate"] == 1)
        error = {"code": "BAD_IMAGE", "message": "Torn.", "retryable": False}
        await bench.do("failSegmentation", "{ image { id } }", error=error, **bad["proof"])
        [*_, told] = await live.until(lambda e: e[-1]["efficiency"]["successRate"] == 0.5)
        assert told["efficiency"]["imagesPerHour"] == pytest.approx(1 / 24)
        assert told["efficiency"]["meanRunSeconds"] > 0
        # A day passes, in which nothing happens.
        await scene.lab.rows("""
            UPDATE segmentation_jobs SET finished_at = finished_at - INTERVAL '25 hours'
            WHERE model = 'efficient' RETURNING id
        """)
        await live.until(lambda events: events[-1]["efficiency"] == NOTHING)
        assert live.events[-1]["segmentedCount"] == 1
