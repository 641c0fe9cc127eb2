"""A worker: images go in, outlines come out, and people see it happen."""

import asyncio
from collections import Counter

from tests.hubs import Hub
from tests.live.pictures import png
from tests.worker.plates import Plate, sample
from tests.worker.processes import Workers


async def test_a_requested_image_is_segmented_and_its_outlines_are_there(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    [image] = await plate.add(sample("nuclei-fluorescence.tif"))
    await plate.request(image, model="watershed", threshold=0.9)
    worker = workers.start(hub.url, plate.key, "--model", "watershed")
    seen = await plate.done(image)
    found = seen["segmentation"]
    assert seen["status"] == "SEGMENTED"
    assert (found["model"], found["modelVersion"]) == ("watershed", "1")
    assert found["threshold"] == found["parameters"]["threshold"] == 0.9
    assert found["cellCount"] == len(found["polygons"]["features"]) > 50
    assert 0 < found["processingSeconds"] < 30
    assert plate.statuses(image) == ["UPLOADED", "QUEUED", "PROCESSING", "SEGMENTED"]
    await worker.tells(r"nuclei-fluorescence.tif: \d+ cells by watershed in \d+\.\d\d s job='job_")
    assert await worker.stop() == 0


async def test_an_image_without_cells_is_a_result_too(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    workers.start(hub.url, plate.key, "--model", "watershed")
    image = await plate.requested(model="watershed")
    assert (await plate.done(image))["status"] == "NO_SEGMENTATION"


async def test_a_worker_that_waits_hears_of_a_request_at_once(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    workers.gate.touch()
    worker = workers.start(hub.url, plate.key, "--model", "gated")
    await plate.done(await plate.requested())
    await asyncio.sleep(1)  # until it has claimed in vain, and waits
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await plate.done(await plate.requested())
    # Well below the seconds after which it would ask by itself.
    assert loop.time() - begun < 5
    await worker.tells("1 cell by gated", times=2)


async def test_progress_is_told_while_it_works(hub: Hub, plate: Plate, workers: Workers) -> None:
    workers.start(hub.url, plate.key, "--model", "gated")
    image = await plate.requested()
    await plate.updates.until(lambda _: any(told["progress"] == 0.5 for told in plate.told(image)))
    workers.gate.touch()
    assert (await plate.done(image))["status"] == "SEGMENTED"


async def test_several_processes_work_at_the_same_time_and_each_image_is_done_once(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    worker = workers.start(hub.url, plate.key, "--model", "gated", "--processes", 3)
    images = await plate.add(*((f"{shade}.png", png(shade, side=8)) for shade in range(7)))
    await plate.request(*images)
    await plate.updates.until(
        lambda _: Counter(plate.statuses(image)[-1] for image in images)["PROCESSING"] == 3
    )
    assert len(worker.children()) == 3
    workers.gate.touch()
    for image in images:
        await plate.done(image)
        assert plate.statuses(image) == ["UPLOADED", "QUEUED", "PROCESSING", "SEGMENTED"]


async def test_only_jobs_of_its_models_are_taken(hub: Hub, plate: Plate, workers: Workers) -> None:
    other = await plate.requested(model="somebody else's")
    ours = await plate.requested(model="watershed")
    workers.start(hub.url, plate.key, "--model", "watershed")
    await plate.done(ours)
    assert plate.statuses(other) == ["UPLOADED", "QUEUED"]


async def test_a_job_that_is_cancelled_is_left_and_the_next_one_begun(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    worker = workers.start(hub.url, plate.key, "--model", "gated", "--model", "watershed")
    image = await plate.requested()
    await plate.until(image, "PROCESSING")
    [process] = await worker.segmenting()
    await plate.owner.do(
        "cancelSegmentation", "{ cancelledCount }", projectId=plate.project, imageIds=[image]
    )
    await plate.until(image, "UPLOADED", times=2)
    next_one = await plate.requested(model="watershed")
    await plate.done(next_one)
    await worker.tells("cell.png: dropped, since it was cancelled")
    # It was asked to stop, and kept what it had loaded.
    assert worker.children() == [process]


async def test_an_image_that_is_deleted_meanwhile_is_dropped(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    worker = workers.start(hub.url, plate.key, "--model", "gated", "--lease", 10)
    image = await plate.requested()
    await plate.until(image, "PROCESSING")
    await plate.owner.do("deleteImage", "{ deletedIds }", imageId=image)
    await worker.tells("cell.png: dropped, since")
