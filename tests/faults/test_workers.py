"""Workers whose hub, or whose network, fails: what they found is not lost, nor done twice."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.processes import HubProcess, hubs
from tests.faults.servers import Postgres
from tests.hub.faulty import network_to
from tests.hubs import GraphQLFailed, Hub
from tests.live.pictures import png
from tests.worker.plates import Plate, plate_on
from tests.worker.processes import Workers


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[Workers]:
    made = Workers(tmp_path)
    yield made
    await made.clean_up()


@pytest.fixture
async def process(folder: Path, postgres: Postgres) -> AsyncIterator[HubProcess]:
    async with hubs(folder, postgres.url, postgres.broker_url) as [running]:
        yield running


@pytest.fixture
async def plate(process: HubProcess) -> AsyncIterator[Plate]:
    async with (
        httpx.AsyncClient(base_url=process.url, timeout=30) as http,
        plate_on(Hub(process.url, http)) as made,
    ):
        yield made


async def begun(plate: Plate) -> tuple[str, str]:
    """Return an image that a worker works at, and its job."""
    [image] = await plate.add()
    [job] = await plate.request(image)
    await plate.progress(job, 0.5)
    return image, job


async def done(plate: Plate, image: str) -> Any:
    """Wait until an image is done, whether the hub is there meanwhile or not; return it."""
    async with asyncio.timeout(60):
        while True:
            with suppress(httpx.TransportError, GraphQLFailed):
                seen = await plate.see(image)
                if seen["status"] not in ("QUEUED", "PROCESSING"):
                    return seen
            await asyncio.sleep(0.05)


async def test_a_job_that_outlasts_its_hub_is_handed_in_at_the_next_one(
    process: HubProcess, plate: Plate, workers: Workers
) -> None:
    worker = workers.start(process.url, plate.key, "--model", "gated")
    image, job = await begun(plate)
    await process.kill()
    workers.gate.touch()
    await worker.tells(r"can't be reached: .*Trying again\.")
    await process.start()
    assert (await done(plate, image))["status"] == "SEGMENTED"
    assert await plate.attempts(job) == 1
    # It heard of what came next, too.
    image, job = await begun(plate)
    assert (await done(plate, image))["status"] == "SEGMENTED"
    await worker.tells(r"The hub answers\.")
    assert await worker.stop() == 0


async def test_workers_lose_nothing_while_the_processes_of_their_hub_are_replaced(
    folder: Path, postgres: Postgres, workers: Workers
) -> None:
    async with (
        hubs(folder, postgres.url, postgres.broker_url, workers=2) as [process],
        httpx.AsyncClient(base_url=process.url, timeout=30) as http,
        plate_on(Hub(process.url, http)) as plate,
    ):
        worker = workers.start(process.url, plate.key, "--model", "gated", "--processes", 2)
        images = await plate.add(*((f"{shade}.png", png(shade, side=8)) for shade in range(30)))
        jobs = await plate.request(*images)
        await plate.progress(jobs[0], 0.5)
        os.kill(process.pid, signal.SIGHUP)
        workers.gate.touch()
        await process.started(4)
        for image in images:
            assert (await done(plate, image))["status"] == "SEGMENTED"
        assert [await plate.attempts(job) for job in jobs] == [1] * len(jobs)
        assert await worker.stop() == 0
        assert "ERROR" not in worker.told()


async def test_a_result_whose_answer_is_lost_is_not_handed_in_twice(
    process: HubProcess, plate: Plate, workers: Workers
) -> None:
    async with network_to(process.url, b"completeSegmentation") as (url, network):
        network.losing = 1
        worker = workers.start(url, plate.key, "--model", "gated")
        image, job = await begun(plate)
        workers.gate.touch()
        assert (await plate.done(image))["status"] == "SEGMENTED"
        await worker.tells("cell.png: 1 cell by gated in .* most likely: the hub's answer was lost")
        assert network.uploads == 1
        assert plate.statuses(image) == ["UPLOADED", "QUEUED", "PROCESSING", "SEGMENTED"]
        assert await plate.attempts(job) == 1
        assert await worker.stop() == 0


async def test_a_worker_stops_in_time_though_its_hub_is_away(
    process: HubProcess, plate: Plate, workers: Workers
) -> None:
    worker = workers.start(process.url, plate.key, "--model", "gated", "--grace", 0)
    await begun(plate)
    await process.kill()
    assert await worker.stop() == 0
