"""Leases: a job stays a worker's for as long as it works at it, and few calls see to that."""

import asyncio

from tests.hub.faulty import network_to
from tests.hubs import Hub
from tests.worker.plates import Plate
from tests.worker.processes import Workers

EXTENDING = b"extendSegmentationLease"
SECONDS_BETWEEN_REPORTS = 2.0


async def test_a_job_that_takes_longer_than_its_lease_stays_the_workers(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    workers.start(hub.url, plate.key, "--model", "gated", "--lease", 10)
    [image] = await plate.add()
    [job] = await plate.request(image)
    await plate.until(image, "PROCESSING")
    await asyncio.sleep(14)  # and the hub has looked for leases that are over
    workers.gate.touch()
    await plate.done(image)
    assert plate.statuses(image) == ["UPLOADED", "QUEUED", "PROCESSING", "SEGMENTED"]
    assert await plate.attempts(job) == 1


async def test_progress_is_told_at_once_and_then_every_two_seconds(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    loop = asyncio.get_running_loop()
    async with network_to(hub.url, EXTENDING) as (url, network):
        workers.start(url, plate.key, "--model", "chatty")
        image = await plate.requested(model="chatty")

        def told() -> set[float]:
            return {event["progress"] for event in plate.told(image) if event["progress"]}

        await plate.updates.until(lambda _: told())
        begun = loop.time()
        await plate.updates.until(lambda _: len(told()) == 4)
        assert loop.time() - begun > 2.5 * SECONDS_BETWEEN_REPORTS
        assert network.uploads == 4
        workers.gate.touch()
        await plate.done(image)
