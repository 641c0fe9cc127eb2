"""The worker beside a hub: it is there as long as the hub is, and ends before it."""

import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from hub.local_worker import LocalWorker
from tests.hub.test_cli import Hub as Serving
from tests.hub.test_cli import get, serving
from tests.hubs import PASSWORD, SESSION, Hub, Person
from tests.worker.plates import Plate, plate_on, sample
from tests.worker.processes import PLUGINS


@pytest.fixture
def open_gate(gate: Path) -> None:
    """Have 'gated' wait for nothing."""
    gate.touch()


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the segmenter 'gated' waits for, which local workers find from now on."""
    path = tmp_path / "gate"
    monkeypatch.setenv("PYTHONPATH", str(PLUGINS))
    monkeypatch.setenv("TRYING_GATE", str(path))
    return path


@asynccontextmanager
async def plate_of(hub: Serving) -> AsyncIterator[Plate]:
    get(f"{hub.address}/readyz")
    async with (
        httpx.AsyncClient(base_url=hub.address, timeout=30) as http,
        plate_on(Hub(hub.address, http)) as plate,
    ):
        yield plate


def local_worker(hub: Serving) -> psutil.Process:
    """Return the worker beside the hub."""
    children = psutil.Process(hub.process.pid).children()
    [worker] = [child for child in children if "--until-stdin-ends" in child.cmdline()]
    return worker


async def test_what_is_requested_is_segmented_without_any_key_or_sharing(tmp_path: Path) -> None:
    with serving(tmp_path, "--local-worker") as hub:
        async with plate_of(hub) as plate:
            [image] = await plate.add(sample("nuclei-fluorescence.tif"))
            await plate.request(image, model="watershed")
            assert (await plate.done(image, seconds=60))["segmentation"]["cellCount"] > 50
        worker = local_worker(hub)
        assert worker.nice() > psutil.Process(hub.process.pid).nice()
        # Neither other people's credentials nor the hub's are where everybody can see them.
        assert "key" not in " ".join(worker.cmdline())
        assert not {"CELLHUB_SECRET_KEY", "CELLHUB_DATABASE_URL"} & worker.environ().keys()
        code, log = hub.end()
    assert code == 0
    assert "Traceback" not in log
    assert not worker.is_running()


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("told", ["by a signal", "by a terminal"])
async def test_it_hands_back_before_the_hub_ends(
    tmp_path: Path, gate: Path, processes: str, told: str
) -> None:
    with serving(tmp_path, "--local-worker", "--workers", processes) as hub:
        async with plate_of(hub) as plate:
            [image] = await plate.add()
            [job] = await plate.request(image)
            await plate.progress(job, 0.5)
            worker = local_worker(hub)
            if told == "by a terminal":
                # Which tells all processes at once.
                os.killpg(hub.process.pid, signal.SIGINT)
            else:
                hub.process.terminate()
            await plate.until(image, "QUEUED", times=2)
            owner = plate.owner
        _, log = hub.process.communicate()
    assert hub.process.returncode == 0
    assert "cell.png: handed back" in log
    assert "Traceback" not in log
    assert not worker.is_running()
    with serving(tmp_path, "--no-local-worker") as hub:
        get(f"{hub.address}/readyz")
        async with httpx.AsyncClient(base_url=hub.address, timeout=30) as http:
            again = Person(hub.address, http)
            again.take(await signed_in(again, owner))
            found = await again.ask(
                "query($id: ID!) { node(id: $id) { ...on SegmentationJob"
                " { attempt image { status } } } }",
                id=job,
            )
    assert found["node"] == {"attempt": 0, "image": {"status": "QUEUED"}}


async def signed_in(anew: Person, owner: Person) -> dict[str, object]:
    return await anew.do("signIn", SESSION, email=owner.email, password=PASSWORD)


async def test_one_that_dies_is_started_again(tmp_path: Path, open_gate: None) -> None:
    with serving(tmp_path, "--local-worker") as hub:
        async with plate_of(hub) as plate:
            await plate.done(await plate.requested(), seconds=60)
            local_worker(hub).kill()
            await plate.done(await plate.requested(), seconds=60)
        _, log = hub.end()
    assert "The local worker ended with exit code -9. Trying again in 1 s." in log


async def test_it_does_not_outlive_a_hub_that_is_killed(tmp_path: Path, gate: Path) -> None:
    with serving(tmp_path, "--local-worker") as hub:
        async with plate_of(hub) as plate:
            [image] = await plate.add()
            [job] = await plate.request(image)
            await plate.progress(job, 0.5)
            worker = local_worker(hub)
            processes = worker.children()
            hub.process.kill()
        psutil.wait_procs([worker, *processes], timeout=30)
    assert not any(process.is_running() for process in (worker, *processes))


def test_a_key_that_can_not_be_had_yet_is_asked_for_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalWorker, "first_wait_seconds", 0.01)
    asked = threading.Semaphore(0)

    def refuse() -> str:
        asked.release()
        raise OSError("the database is away")

    with LocalWorker("http://127.0.0.1:1", refuse) as worker:
        worker.start()
        for _ in range(3):
            assert asked.acquire(timeout=10)
    assert "could not be started: OSError('the database is away')" in caplog.text


def test_a_key_that_is_refused_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalWorker, "first_wait_seconds", 0.01)
    asked = threading.Semaphore(0)

    def withdrawn() -> str:
        asked.release()
        return "chk_withdrawn"

    with serving(tmp_path, "--no-local-worker") as hub:
        get(f"{hub.address}/readyz")
        with LocalWorker(hub.address, withdrawn) as worker:
            worker.start()
            for _ in range(2):
                assert asked.acquire(timeout=60)
