"""A segmenting process: what it answers, and how it is ended."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from tests.live.pictures import png
from tests.worker.processes import PLUGINS
from worker.failures import Failed
from worker.messages import Available, Order, Unavailable
from worker.process import SegmentingProcess, environment


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[SegmentingProcess]:
    made = SegmentingProcess(surroundings(tmp_path), seconds=30)
    yield made
    await made.close()


def surroundings(folder: Path) -> dict[str, str]:
    known = environment(1)
    path = os.pathsep.join((str(PLUGINS), known["PYTHONPATH"]))
    return known | {"PYTHONPATH": path, "TRYING_GATE": str(folder / "gate")}


def order(folder: Path, model: str, content: bytes | None = None) -> Order:
    picture = folder / "picture"
    picture.write_bytes(png(7, side=8) if content is None else content)
    outlines = str(folder / "outlines.json")
    return Order(model=model, threshold=None, picture=str(picture), outlines=outlines)


async def begun(
    process: SegmentingProcess, folder: Path, model: str
) -> tuple["asyncio.Task[object]", psutil.Process]:
    """Have an order begun; return its task, and the process once it works at it."""
    reported = asyncio.Event()
    task = asyncio.create_task(process.segment(order(folder, model), lambda _: reported.set()))
    await reported.wait()
    return task, psutil.Process((await process.start()).pid)


async def test_a_file_that_is_no_picture_is_a_bad_image(
    process: SegmentingProcess, tmp_path: Path
) -> None:
    for content in (b"", b"garbage", png(7, side=8)[:45]):
        with pytest.raises(Failed) as failed:
            await process.segment(order(tmp_path, "watershed", content), lambda _: None)
        assert failed.value.failure.code == "BAD_IMAGE"
        assert not failed.value.failure.retryable


async def test_an_order_that_is_cancelled_is_left_off_and_the_process_stays(
    process: SegmentingProcess, tmp_path: Path
) -> None:
    task, segmenting = await begun(process, tmp_path, "gated")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert segmenting.is_running()
    # Neither the word to stop nor the answer to it is left for the next order.
    (tmp_path / "gate").touch()
    assert (await process.segment(order(tmp_path, "gated"), lambda _: None)).cells == 1


async def test_a_segmenter_that_takes_every_error_for_its_own_is_stopped_all_the_same(
    process: SegmentingProcess, tmp_path: Path
) -> None:
    task, segmenting = await begun(process, tmp_path, "stubborn")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert segmenting.is_running()


async def test_a_segmenter_that_does_not_leave_off_is_killed_and_replaced(
    process: SegmentingProcess, tmp_path: Path
) -> None:
    task, segmenting = await begun(process, tmp_path, "endless")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not segmenting.is_running()
    (tmp_path / "gate").touch()
    assert (await process.segment(order(tmp_path, "gated"), lambda _: None)).cells == 1


async def test_whoever_does_not_wait_for_the_end_of_an_order_has_it_killed(
    process: SegmentingProcess, tmp_path: Path
) -> None:
    task, segmenting = await begun(process, tmp_path, "endless")
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not segmenting.is_running()


async def test_signals_to_a_whole_group_are_for_the_worker_alone(
    process: SegmentingProcess, tmp_path: Path
) -> None:
    task, segmenting = await begun(process, tmp_path, "gated")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        segmenting.send_signal(number)
    (tmp_path / "gate").touch()
    await task
    assert segmenting.is_running()


async def test_it_does_not_outlive_its_worker_though_it_is_at_work(
    process: SegmentingProcess, tmp_path: Path
) -> None:
    task, segmenting = await begun(process, tmp_path, "endless")
    # As its end closes the worker's side of the pipe.
    stdin = (await process.start()).stdin
    assert stdin is not None
    stdin.close()
    with pytest.raises(Failed):
        await task
    assert not segmenting.is_running()


async def test_one_that_is_told_to_leave_off_before_it_has_begun_serves_the_next(
    process: SegmentingProcess, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    started = await process.start()
    task = asyncio.create_task(process.segment(order(tmp_path, "gated"), lambda _: None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await process.segment(order(tmp_path, "gated"), lambda _: None)).cells == 1
    assert (await process.start()) is started


async def test_an_order_that_takes_too_long_is_ended_and_the_next_one_done(
    tmp_path: Path,
) -> None:
    process = SegmentingProcess(surroundings(tmp_path), seconds=0.5)
    (tmp_path / "gate").touch()
    try:
        with pytest.raises(Failed, match=r"not done after 0\.5 s") as failed:
            await process.segment(order(tmp_path, "endless"), lambda _: None)
        assert failed.value.failure.code == "TIMEOUT"
        # The time that a process takes to begin is not counted.
        assert (await process.segment(order(tmp_path, "gated"), lambda _: None)).cells == 1
    finally:
        await process.close()


async def test_credentials_are_not_handed_on_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLHUB_API_KEY", "a secret")
    process = SegmentingProcess(environment(1), seconds=30)
    try:
        started = await process.start()
        assert "CELLHUB_API_KEY" not in psutil.Process(started.pid).environ()
    finally:
        await process.close()


async def test_what_can_not_be_loaded_is_told_with_its_reason(
    process: SegmentingProcess,
) -> None:
    assert "toxic" in await process.models()
    assert await process.check("gated") == Available("1.0")
    assert await process.check("lacking") == Unavailable("It needs the package 'nowhere'.")
    toxic = await process.check("toxic")
    assert isinstance(toxic, Unavailable)
    assert toxic.reason.endswith("ended by signal 11.")
    assert await process.check("gated") == Available("1.0")


def test_processes_share_the_cores_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    shared = environment(3)
    assert shared["OMP_NUM_THREADS"] == "2"
    assert shared["MKL_NUM_THREADS"] == "7"
