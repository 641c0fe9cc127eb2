"""What one file does to its decoder happens to no other file, and to the hub least of all."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from persistence.image_files import ImageInspector, ImageLimits, InspectedImage, RejectedImage
from tests.persistence.pictures import SAMPLES

# Workers see no more of the environment than they need; coverage needs some more.
_MEASURED = [f"{name}={value}" for name, value in os.environ.items() if "COVERAGE" in name]
_HOSTILE = ("env", *_MEASURED, sys.executable, "-m", "tests.persistence.hostile_worker")


@pytest_asyncio.fixture
async def inspector() -> AsyncIterator[ImageInspector]:
    limits = ImageLimits(seconds=2, memory_bytes=2**30)
    async with ImageInspector(limits, processes=2, command=_HOSTILE) as inspector:
        yield inspector


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good"
    SAMPLES["tiff uint16"].write(path)
    return path


def _is_worker(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return any(part.endswith(("image_worker", "hostile_worker")) for part in process.cmdline())
    return False


def _workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if _is_worker(child)]


@pytest.mark.parametrize("trouble", ["exits", "crashes", "hangs", "hogs", "stumbles"])
async def test_a_file_that_breaks_its_decoder_is_rejected_and_its_neighbours_are_not(
    inspector: ImageInspector, good: Path, trouble: str
) -> None:
    files = [good, good, good.with_name(trouble), good, good, good]
    verdicts = await asyncio.gather(*map(inspector.inspect, files), return_exceptions=True)
    rejected = verdicts.pop(2)
    assert isinstance(rejected, RejectedImage)
    assert rejected.code == "INSPECTION_FAILED"
    assert rejected.message.endswith(".")
    assert all(isinstance(verdict, InspectedImage) for verdict in verdicts)


async def test_a_crash_that_does_not_repeat_costs_its_file_nothing(
    inspector: ImageInspector, good: Path
) -> None:
    """The cause may lie outside the file (memory that ran out), so it gets a second worker."""
    found = await inspector.inspect(good.with_name("crashes-once"))
    assert good.with_name("crashed").exists()
    assert found == await inspector.inspect(good)


async def test_workers_killed_while_idle_are_replaced(
    inspector: ImageInspector, good: Path
) -> None:
    await asyncio.gather(*(inspector.inspect(good) for _ in range(4)))
    workers = _workers()
    assert len(workers) == 2
    for worker in workers:
        worker.kill()
    found = await asyncio.gather(*(inspector.inspect(good) for _ in range(4)))
    assert len(found) == 4


async def test_an_inspection_given_up_ends_its_worker_and_frees_its_turn(
    inspector: ImageInspector, good: Path
) -> None:
    pipe = good.with_name("hangs-when-told")
    os.mkfifo(pipe)
    hanging = asyncio.create_task(inspector.inspect(pipe))
    await asyncio.to_thread(pipe.read_bytes)
    workers = _workers()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert len(workers) == 1
    assert not workers[0].is_running()
    await asyncio.gather(inspector.inspect(good), inspector.inspect(good))


async def test_a_worker_killed_twice_over_a_file_rejects_that_file(
    inspector: ImageInspector, good: Path
) -> None:
    pipe = good.with_name("hangs-when-told")
    os.mkfifo(pipe)
    inspection = asyncio.create_task(inspector.inspect(pipe))
    for _ in range(2):
        await asyncio.to_thread(pipe.read_bytes)
        (worker,) = _workers()
        worker.kill()
    with pytest.raises(RejectedImage) as rejected:
        await inspection
    assert rejected.value.code == "INSPECTION_FAILED"
    await inspector.inspect(good)


async def test_what_a_decoder_prints_is_no_verdict(inspector: ImageInspector, good: Path) -> None:
    assert await inspector.inspect(good.with_name("prints")) == await inspector.inspect(good)


async def test_decoders_know_nothing_of_the_hubs_secrets(
    inspector: ImageInspector, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLHUB_SECRET_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    told = good.with_name("tells")
    await inspector.inspect(told)
    assert "PATH" in told.read_text().split()
    assert "SECRET" not in told.read_text()


async def test_processes_start_when_needed_and_none_is_left_behind(good: Path) -> None:
    async with ImageInspector(processes=2) as inspector:
        assert _workers() == []
        await inspector.inspect(good)
        assert len(_workers()) == 1
        await asyncio.gather(*(inspector.inspect(good) for _ in range(6)))
        workers = _workers()
        assert len(workers) == 2
    assert not any(worker.is_running() for worker in workers)


async def test_workers_do_not_outlive_a_hub_that_was_killed(tmp_path: Path, good: Path) -> None:
    program = tmp_path / "hub.py"
    program.write_text(
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from persistence.image_files import ImageInspector\n"
        "async def main():\n"
        "    async with ImageInspector() as inspector:\n"
        "        await inspector.inspect(Path(sys.argv[1]))\n"
        "        print('ready', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    hub = await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        str(good),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert hub.stdout is not None
    assert await hub.stdout.readline() == b"ready\n"
    workers = psutil.Process(hub.pid).children()
    assert len(workers) == 1
    hub.kill()
    await hub.communicate()
    _, left = psutil.wait_procs(workers, timeout=10)
    assert left == []
