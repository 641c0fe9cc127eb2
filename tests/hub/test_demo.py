"""The demo: it prints what arrives, adds up, notices what does not, and leaves but pictures."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from hub.demo.failure import DemoFailed
from hub.demo.serving import running_hub
from hub.demo.working import running_worker

DEMO = [sys.executable, "-m", "hub.demo"]
# A demo whose model of the images misses the news of one.
FORGETFUL = """
import sys
from msgspec.structs import replace
from hub.demo.__main__ import main
from hub.demo.models import Images

take = Images.take
Images.take = lambda images, event: take(
    images, replace(event, status="QUEUED") if event.status == "FAILED" else event
)
sys.exit(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a demo runs: in the folder's ``here``, with temporary files in its ``tmp``."""
    for name in ("here", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    """Return variables for a demo that makes its files in the folder, whatever else is set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CELLHUB_")}
    return kept | {"TMPDIR": str(folder / "tmp"), "CELLHUB_PUBLIC_URL": "http://nowhere.example"}


def perform(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder / "here",
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )


def left_behind(folder: Path) -> list[str]:
    """Return the files in the folder, and the command lines of processes that run or use it."""
    using = [
        " ".join(process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline", "cwd"])
        if str(folder) in " ".join([process.info["cwd"] or "", *(process.info["cmdline"] or [])])
    ]
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    return [*using, *sorted(str(path.relative_to(folder)) for path in files)]


# The whole


def test_it_prints_what_arrives_and_ends_with_0(folder: Path) -> None:
    done = perform([*DEMO, "--picture", "story.svg"], folder)
    assert (done.returncode, done.stderr) == (0, "")
    out = done.stdout

    def shown(pattern: str) -> bool:
        return re.search(pattern, out, re.MULTILINE) is not None

    for who in ("Ada", "Ben"):
        assert shown(rf"{who}  projectUpdated \(all\) +[A-Z]+ +0 images, 0 bytes$")
        assert shown(rf"{who}  projectUpdated +SNAPSHOT +0 images, 0 bytes$")
        queued = "7 images, 1.5 MB: 1 UPLOADED, 6 QUEUED"
        assert shown(rf" \d+\.\d +\d+  {who}  projectUpdated +UPDATED +{queued}$")
        assert shown(rf"{who}  projectUpdated +UPDATED +7 images, .* \d QUEUED, 1 PROCESSING")
        assert shown(rf"{who}  dashboardUpdated +1 project, 7 images: ")
        assert shown(rf"{who}  uploadProgressed +DONE +\d of \d files stored, \d rejected")
        assert shown(rf"{who}  segmentationUpdated +[A-Z]+ +nuclei-fluorescence.tif: UPLOADED$")
        assert shown(rf"{who}  queueStatsUpdated +0 QUEUED, 0 PROCESSING$")
        assert shown(rf"{who}  queueStatsUpdated +\d QUEUED, 1 PROCESSING, \d+\.\d s to go$")
        assert shown(rf"    \d+  {who}  segmentationUpdated +UPDATED +\S+: PROCESSING, \d+%$")
        for told in (
            "cell.png: QUEUED",
            "cell.png: PROCESSING",
            r"nuclei-fluorescence.tif: SEGMENTED, \d+ cells in \d+\.\d\d s",
            r"retina.jpg: FAILED \(OUT_OF_MEMORY\)",
            "ihc.png is gone",
        ):
            assert shown(rf" \d+\.\d +\d+  {who}  segmentationUpdated +[A-Z]+ +{told}$")
    assert shown(r"Ben's worker is ready, with \d+ models?: .*watershed \S+\.$")
    assert shown(r"6 jobs wait, 5 ahead of \S+\.$")
    assert shown(r"Not stored: half-cell.png, TRUNCATED: ")
    assert shown(r"Not stored: notes.tif, NOT_AN_IMAGE: ")
    assert shown(r"The hub refuses that, CONFLICT: Image 'nuclei-fluorescence.tif' is SEGMENTED")
    assert shown(r"Ben  projectUpdated \(all\) +REVOKED +no access any more$")
    for what in ("projectUpdated", "segmentationUpdated", "queueStatsUpdated"):
        assert shown(rf"Ben  {what} +ended +FORBIDDEN$")
    assert shown(r"Ada  segmentationUpdated +UPDATED +nuclei-fluorescence.tif: QUEUED$")
    assert shown(r"Ben's key asks for jobs, as his worker does, and gets none\.$")
    assert shown(r"^ *all +\d+ +\d+\.\d +\d+\.\d +\d+\.\d +\d+\.\d *$")
    assert shown(r"^It adds up: \d+ events told Ada and Ben what the database holds, in ")
    drawn = dict(re.findall(r"^Look: (\S+), (\d+) cells? outlined$", out, re.MULTILINE))
    pictures = {f"here/{path}" for path in drawn}
    assert {*left_behind(folder)} == {*pictures, "here/story.svg"}
    assert 90 <= int(drawn[".cellhub/demo/nuclei-fluorescence.png"]) <= 160
    assert yellow(folder / "here/.cellhub/demo/nuclei-fluorescence.png") > 5000
    told = (folder / "here/story.svg").read_text().replace("&#160;", " ")
    assert "nuclei-fluorescence.tif: SEGMENTED, " in told
    assert "It adds up: " in told
    assert "@font-face" not in told


def yellow(path: Path) -> int:
    """Return how many pixels are as yellow as nothing is in a grey picture."""
    with Image.open(path) as image:
        red, green, blue = np.moveaxis(np.asarray(image).astype(int), -1, 0)
    return int(((red > 200) & (green > 150) & (blue < 100)).sum())


def test_what_does_not_add_up_is_told_and_ends_with_1(folder: Path) -> None:
    done = perform([sys.executable, "-c", FORGETFUL], folder)
    assert done.returncode == 1
    assert "It does not add up:" in done.stdout
    for who in ("Ada", "Ben"):
        assert re.search(
            rf"^{who}'s events, image img_\w+: status is QUEUED, and should be FAILED\.$",
            done.stdout,
            re.MULTILINE,
        )
    assert "It adds up" not in done.stdout


class Starter:
    """Starts a demo, and returns it when it has told something."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.demo: subprocess.Popen[str] | None = None

    def until(self, told: str) -> "subprocess.Popen[str]":
        self.demo = demo = subprocess.Popen(
            DEMO,
            cwd=self._folder / "here",
            env=environment(self._folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert demo.stdout
        while told not in (line := demo.stdout.readline()):
            assert line
        return demo


@pytest.fixture
def start(folder: Path) -> Iterator[Starter]:
    starter = Starter(folder)
    yield starter
    if starter.demo is not None:
        with starter.demo as demo:
            demo.kill()


@pytest.mark.parametrize(
    ("way", "moment"), [(signal.SIGINT, ": PROCESSING"), (signal.SIGTERM, "starts a worker")]
)
def test_interrupted_it_stops_its_hub_and_its_worker_and_leaves_nothing_behind(
    folder: Path, start: Starter, way: signal.Signals, moment: str
) -> None:
    demo = start.until(moment)
    demo.send_signal(way)
    out, err = demo.communicate()
    assert demo.returncode == 130
    assert out.endswith("Interrupted. The demo's hub and worker are stopped.\n")
    assert err == ""
    assert left_behind(folder) == []


def test_where_its_hub_dies_it_says_so_and_stops_the_database_and_the_worker(
    folder: Path, start: Starter
) -> None:
    demo = start.until(": PROCESSING")
    [hub] = [each for each in psutil.Process(demo.pid).children() if "serve" in each.cmdline()]
    hub.kill()
    out, _ = demo.communicate()
    assert demo.returncode == 1
    assert "It does not add up:" in out
    assert left_behind(folder) == []


async def test_a_worker_that_does_not_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match="'nowhere' is no address of a hub"):
        async with running_worker("nowhere", "a key", tmp_path) as worker:
            await worker.models()


async def test_a_worker_that_ends_by_itself_is_told(tmp_path: Path) -> None:
    async def lose_one() -> None:
        url = "http://127.0.0.1:9"
        async with running_worker(url, "a key", tmp_path):
            [worker] = [each for each in psutil.Process().children() if url in each.cmdline()]
            worker.kill()

    with pytest.raises(DemoFailed, match="Ben's worker ended with -9"):
        await lose_one()


async def test_a_hub_that_does_not_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(DemoFailed, match="CELLHUB_DATA_DIR"):
        async with running_hub(tmp_path):
            raise AssertionError("it started")
