"""Workers that are stopped, killed or paused: each image is done in the end, and once."""

import asyncio
import signal

import pytest

from tests.hubs import Hub
from tests.worker.plates import Plate
from tests.worker.processes import WorkerProcess, Workers

LEASE = ("--model", "gated", "--lease", 10)
LEASE_SECONDS = 10.0
PROMISED_SECONDS = 5.0
ONE_TAKING = ["UPLOADED", "QUEUED", "PROCESSING"]


async def taken(plate: Plate, workers: Workers, url: str) -> tuple[WorkerProcess, str, str]:
    """Have a worker begin with an image; return it, the image and the job."""
    worker = workers.start(url, plate.key, *LEASE)
    [image] = await plate.add()
    [job] = await plate.request(image)
    await plate.progress(job, 0.5)
    return worker, image, job


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_is_told_to_stop_finishes_what_it_is_at_and_takes_no_more(
    hub: Hub, plate: Plate, workers: Workers, way: signal.Signals
) -> None:
    worker, image, _ = await taken(plate, workers, hub.url)
    worker.send(way)
    await worker.tells("Stopping: what is under way has 30 s to end")
    other = await plate.requested()
    workers.gate.touch()
    assert await worker.ended() == 0
    assert plate.statuses(image) == [*ONE_TAKING, "SEGMENTED"]
    assert plate.statuses(other) == ["UPLOADED", "QUEUED"]
    assert "Traceback" not in worker.told()


async def test_what_is_not_done_in_time_is_handed_back_and_costs_no_attempt(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    worker = workers.start(hub.url, plate.key, "--model", "gated", "--grace", 0)
    [image] = await plate.add()
    [job] = await plate.request(image)
    await plate.progress(job, 0.5)
    assert await worker.stop() == 0
    await worker.tells("cell.png: handed back job='job_")
    await plate.until(image, "QUEUED", times=2)
    assert await plate.attempts(job) == 0
    workers.gate.touch()
    workers.start(hub.url, plate.key, "--model", "gated")
    await plate.done(image)
    assert plate.statuses(image) == [*ONE_TAKING, "QUEUED", "PROCESSING", "SEGMENTED"]
    assert await plate.attempts(job) == 1


async def test_a_second_signal_has_it_hand_back_at_once(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    worker, image, _ = await taken(plate, workers, hub.url)
    worker.send(signal.SIGTERM)
    await worker.tells("Stopping: what is under way has 30 s to end")
    assert await worker.stop() == 0
    await plate.until(image, "QUEUED", times=2)
    await worker.tells("cell.png: handed back")


async def test_the_image_of_a_worker_that_is_killed_is_done_by_another_in_time_and_once(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    victim, image, job = await taken(plate, workers, hub.url)
    other = workers.start(hub.url, plate.key, *LEASE)
    await other.tells("^Worker worker 1")
    workers.gate.touch()
    loop = asyncio.get_running_loop()
    await victim.kill()
    begun = loop.time()
    await plate.done(image)
    assert loop.time() - begun <= LEASE_SECONDS + PROMISED_SECONDS
    assert plate.statuses(image) == [*ONE_TAKING, "QUEUED", "PROCESSING", "SEGMENTED"]
    assert await plate.attempts(job) == 2


async def test_a_worker_that_slept_beyond_its_lease_is_refused_and_the_others_result_stands(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    sleeper, image, _ = await taken(plate, workers, hub.url)
    sleeper.suspend()
    workers.gate.touch()
    other = workers.start(hub.url, plate.key, *LEASE)
    result = (await plate.done(image))["segmentation"]["id"]
    await other.tells("cell.png: 1 cell by gated")
    sleeper.resume()
    await sleeper.tells("cell.png: dropped, since it is no longer this worker's")
    assert (await plate.see(image))["segmentation"]["id"] == result
    assert plate.statuses(image) == [*ONE_TAKING, "QUEUED", "PROCESSING", "SEGMENTED"]
    # And it goes on.
    assert await other.stop() == 0
    await plate.done(await plate.requested())
    await sleeper.tells("cell.png: 1 cell by gated")


async def test_the_end_of_a_worker_that_is_killed_is_the_end_of_its_processes(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    worker, _, _ = await taken(plate, workers, hub.url)
    [process] = worker.children()
    worker.send(signal.SIGKILL)
    await worker.ended()
    await asyncio.to_thread(process.wait, 10)
