"""What goes wrong costs the one job, is told by its code, and leaves the worker working."""

from pathlib import Path

import pytest

from tests.hubs import Hub, running_hub
from tests.live.pictures import png
from tests.worker.plates import Plate, plate_on
from tests.worker.processes import Workers

FAULTS = {
    "picky": ("BAD_IMAGE", False, "There is nothing to be seen."),
    "raising": ("WORKER_ERROR", True, "The model 'raising' has failed (ValueError)"),
    "scattered": ("WORKER_ERROR", True, "The model 'scattered' has failed (ValueError)"),
    "greedy": ("OUT_OF_MEMORY", True, "The image takes more memory than the worker has"),
    "killed": ("OUT_OF_MEMORY", True, "The system ended the segmentation, most likely because"),
    "crashing": ("WORKER_ERROR", True, "the process of the worker ended by signal 11"),
    "endless": ("TIMEOUT", True, "The segmentation was not done after 5 s."),
}


async def test_a_segmenters_fault_fails_its_job_with_a_code_and_the_worker_goes_on(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    models = [argument for model in (*FAULTS, "watershed") for argument in ("--model", model)]
    worker = workers.start(hub.url, plate.key, *models, "--timeout", 5)
    images = {model: await plate.requested(model=model) for model in FAULTS}
    for model, (code, retryable, message) in FAULTS.items():
        seen = await plate.done(images[model], seconds=90)
        error = seen["error"]
        assert seen["status"] == "FAILED"
        assert (error["code"], error["retryable"]) == (code, retryable)
        assert message in error["message"]
        assert "secret" not in error["message"]
        # What may succeed the next time is tried three times.
        assert plate.statuses(images[model]).count("PROCESSING") == (3 if retryable else 1)
    assert (await plate.done(await plate.requested(model="watershed")))["error"] is None
    await worker.tells("ValueError: a secret of the worker's machine", times=3)
    await worker.tells("cell.png: failed with BAD_IMAGE: There is nothing to be seen.")
    await worker.tells("trying prints something")


async def test_a_file_that_was_changed_in_the_store_is_not_segmented(
    hub: Hub, plate: Plate, workers: Workers, tmp_path: Path
) -> None:
    [image] = await plate.add()
    [stored] = (tmp_path / "hub" / "blobs").rglob("original")
    stored.write_bytes(png(8, side=8))
    workers.start(hub.url, plate.key, "--model", "watershed")
    await plate.request(image, model="watershed")
    seen = await plate.done(image)
    assert seen["error"]["code"] == "WORKER_ERROR"
    assert "its checksum differs" in seen["error"]["message"]


async def test_a_file_that_is_lost_fails_its_job(
    hub: Hub, plate: Plate, workers: Workers, tmp_path: Path
) -> None:
    [image] = await plate.add()
    [stored] = (tmp_path / "hub" / "blobs").rglob("original")
    stored.unlink()
    workers.start(hub.url, plate.key, "--model", "watershed")
    await plate.request(image, model="watershed")
    seen = await plate.done(image)
    assert seen["error"]["code"] == "WORKER_ERROR"
    assert "answers with status 404" in seen["error"]["message"]


async def test_a_result_that_is_larger_than_the_hub_takes_fails_its_job(
    database_url: str, workers: Workers, tmp_path: Path
) -> None:
    async with (
        running_hub(database_url, tmp_path / "hub", max_request_bytes=2**16) as hub,
        plate_on(hub) as plate,
    ):
        [image] = await plate.add(("many.png", png(0, side=64)))
        [job] = await plate.request(image, model="many")
        workers.start(hub.url, plate.key, "--model", "many")
        seen = await plate.done(image)
        assert (seen["error"]["code"], seen["error"]["retryable"]) == ("RESULT_REFUSED", False)
        assert "65536" in seen["error"]["message"]
        assert await plate.attempts(job) == 1


@pytest.mark.parametrize(
    ("arguments", "ending"),
    [
        (["--model", "nothing"], (1, r"There is no model 'nothing' here; there are: .*watershed")),
        (["--model", "lacking"], (1, r"The model 'lacking' can't run\. It needs the package")),
        (["--api-key", ""], (2, r"An API key is needed: CELLHUB_API_KEY or --api-key\.")),
        (["--api-key", "nonsense", "--model", "watershed"], (1, "not a valid access token")),
        (["--url", "ftp://x", "--model", "watershed"], (2, "'ftp://x' is no address of a hub")),
        (["--processes", "0"], (2, "Invalid value for '--processes'")),
        (["--lease", "5"], (2, "Invalid value for '--lease'")),
    ],
)
async def test_what_can_not_be_done_is_told_in_a_line_and_an_exit_code(
    hub: Hub, plate: Plate, workers: Workers, arguments: list[str], ending: tuple[int, str]
) -> None:
    code, line = ending
    worker = workers.start(hub.url, plate.key, *arguments)
    assert await worker.ended() == code
    assert len(await worker.tells(line)) == 1
    assert "Traceback" not in worker.told()


async def test_a_key_that_is_revoked_ends_the_worker(
    hub: Hub, plate: Plate, workers: Workers
) -> None:
    worker = workers.start(hub.url, plate.key, "--model", "watershed")
    await plate.done(await plate.requested(model="watershed"))
    keys = (await plate.owner.ask("{ apiKeys { id } }"))["apiKeys"]
    await plate.owner.do("revokeApiKey", "{ apiKey { id } }", apiKeyId=keys[0]["id"])
    assert await worker.ended() == 1
    assert worker.told().splitlines()[-1].startswith("cellhub: ")


async def test_a_hub_that_is_not_there_yet_is_waited_for(workers: Workers) -> None:
    worker = workers.start("http://127.0.0.1:1", "key", "--model", "watershed")
    await worker.tells(r"WARNING .*http://127.0.0.1:1 can't be reached: .*\. Trying again\.")
    assert await worker.stop() == 0


async def test_models_that_are_there_and_those_that_are_not_are_told_at_the_start(
    workers: Workers,
) -> None:
    worker = workers.start("http://127.0.0.1:1", "key")
    await worker.tells("^Worker worker 0, 1 process, for http://127.0.0.1:1.$")
    lines = worker.told().splitlines()
    assert "Model watershed, version 1." in lines
    assert "Model gated, version 1.0." in lines
    assert "Without the model lacking. It needs the package 'nowhere'." in lines
    toxic = "Without the model toxic. When it was loaded, the process of the worker ended by"
    assert f"{toxic} signal 11." in lines
