"""The demo: it prints what arrives, adds up, notices what does not, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from hub.demo.audit import contradictions, differences
from hub.demo.events import (
    Dashboard,
    ImagePart,
    ImageState,
    ProjectUpdate,
    SegmentationUpdate,
    Stats,
    UploadProgress,
)
from hub.demo.facts import Facts
from hub.demo.failure import DemoFailed
from hub.demo.models import Contradiction, Images, Progress, Projects
from hub.demo.process import running_hub

DEMO = [sys.executable, "-m", "hub.demo"]
# A demo whose model of the images misses the news of one.
FORGETFUL = """
import sys
from msgspec.structs import replace
from hub.demo.__main__ import main
from hub.demo.models import Images

take = Images.take
Images.take = lambda images, event: take(
    images, replace(event, status="QUEUED") if event.status == "NO_SEGMENTATION" else event
)
sys.exit(main())
"""
NOW = datetime.now(UTC)


def environment(folder: Path) -> dict[str, str]:
    """Return variables for a demo that makes its files in the folder, whatever else is set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CELLHUB_")}
    return kept | {"TMPDIR": str(folder), "CELLHUB_PUBLIC_URL": "http://nowhere.example"}


def perform(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment(folder), capture_output=True, text=True, check=False
    )


def left_behind(folder: Path) -> list[str]:
    """Return the files in the folder and the processes that use it."""
    using = [
        " ".join(process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline"])
        if str(folder) in " ".join(process.info["cmdline"] or [])
    ]
    return [*using, *(path.name for path in folder.iterdir())]


# The whole


def test_it_prints_what_arrives_and_ends_with_0(tmp_path: Path) -> None:
    done = perform(DEMO, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    out = done.stdout

    def shown(pattern: str) -> bool:
        return re.search(pattern, out, re.MULTILINE) is not None

    for who in ("Ada", "Ben"):
        assert shown(rf"{who}  projectUpdated \(all\) +[A-Z]+ +0 images, 0 bytes$")
        assert shown(rf"{who}  projectUpdated +SNAPSHOT +0 images, 0 bytes$")
        assert shown(rf" \d+\.\d +\d+  {who}  projectUpdated +UPDATED +7 images, 1.5 MB: 7 QUEUED$")
        assert shown(rf"{who}  dashboardUpdated +1 project, 7 images: ")
        assert shown(rf"{who}  uploadProgressed +DONE +\d of \d files stored, \d rejected")
        assert shown(rf"{who}  segmentationUpdated +[A-Z]+ +nuclei-fluorescence.tif: UPLOADED$")
        for told in (
            "cell.png: QUEUED",
            "cell.png: PROCESSING",
            "cell.png: SEGMENTED",
            r"nuclei-fluorescence.tif: FAILED \(OUT_OF_MEMORY\)",
            "tissue-he.jpg: NO_SEGMENTATION",
            "ihc.png is gone",
        ):
            assert shown(rf" \d+\.\d +\d+  {who}  segmentationUpdated +[A-Z]+ +{told}$")
    assert shown(r"Not stored: half-cell.png, TRUNCATED: ")
    assert shown(r"Not stored: notes.tif, NOT_AN_IMAGE: ")
    assert shown(r"The hub refuses that, CONFLICT: Image 'cell.png' is SEGMENTED")
    assert shown(r"Ben  projectUpdated \(all\) +REVOKED +no access any more$")
    for what in ("projectUpdated", "segmentationUpdated"):
        assert shown(rf"Ben  {what} +ended +FORBIDDEN$")
    assert shown(r"Ada  segmentationUpdated +UPDATED +nuclei-fluorescence.tif: QUEUED$")
    assert shown(r"^ *all +\d+ +\d+\.\d +\d+\.\d +\d+\.\d +\d+\.\d *$")
    assert shown(r"^It adds up: \d+ events told Ada and Ben what the database holds, in ")
    assert left_behind(tmp_path) == []


def test_what_does_not_add_up_is_told_and_ends_with_1(tmp_path: Path) -> None:
    done = perform([sys.executable, "-c", FORGETFUL], tmp_path)
    assert done.returncode == 1
    assert "It does not add up:" in done.stdout
    for who in ("Ada", "Ben"):
        assert re.search(
            rf"^{who}'s events, image img_\w+: status is QUEUED, and should be NO_SEGMENTATION\.$",
            done.stdout,
            re.MULTILINE,
        )
    assert "It adds up" not in done.stdout


@pytest.fixture
def started(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A demo whose hub is up."""
    demo = subprocess.Popen(
        DEMO,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout
    with demo:
        while "The hub is ready" not in (line := demo.stdout.readline()):
            assert line
        yield demo
        if demo.poll() is None:
            demo.kill()


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_stops_its_hub_and_leaves_nothing_behind(
    tmp_path: Path, started: "subprocess.Popen[str]", way: signal.Signals
) -> None:
    started.send_signal(way)
    out, err = started.communicate()
    assert started.returncode == 130
    assert out.endswith("Interrupted. The demo's hub is stopped.\n")
    assert err == ""
    assert left_behind(tmp_path) == []


def test_where_its_hub_dies_it_says_so_and_stops_the_database(
    tmp_path: Path, started: "subprocess.Popen[str]"
) -> None:
    (hub,) = psutil.Process(started.pid).children()
    hub.kill()
    out, _ = started.communicate()
    assert started.returncode == 1
    assert "It does not add up:" in out
    assert left_behind(tmp_path) == []


async def test_a_hub_that_does_not_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(DemoFailed, match="CELLHUB_DATA_DIR"):
        async with running_hub(tmp_path):
            raise AssertionError("it started")


# What a model takes


def stats(**values: int) -> Stats:
    return Stats(**dict.fromkeys(Stats.__struct_fields__, 0) | values)


def project_update(operation: str, revision: int, **values: Any) -> ProjectUpdate:
    numbers = None if operation in ("DELETED", "REVOKED") else stats(revision=revision)
    update = ProjectUpdate("prj_1", None, operation, NOW, revision, numbers)
    return replace(update, **values)


def image_update(operation: str, revision: int, status: str | None = "UPLOADED") -> Any:
    image = None if status is None else ImagePart("a.png", 5)
    return SegmentationUpdate("img_1", operation, status, None, NOW, revision, image)


def progress(received: int, *, done: bool = False) -> UploadProgress:
    return UploadProgress("u", 1, 0, 0, received, done)


@pytest.mark.parametrize(
    "updates",
    [
        [project_update("UPDATED", 1)],
        [project_update("SNAPSHOT", 1), project_update("SNAPSHOT", 2)],
        [project_update("SNAPSHOT", 1), project_update("UPDATED", 1)],
        [project_update("SNAPSHOT", 2), project_update("UPDATED", 1)],
        [project_update("CREATED", 1), project_update("REVOKED", 2), project_update("UPDATED", 3)],
        [project_update("SNAPSHOT", 1, updates=stats(revision=2))],
    ],
)
def test_updates_of_a_project_must_follow_each_other(updates: list[ProjectUpdate]) -> None:
    model = Projects()
    for update in updates[:-1]:
        model.take(update)
    with pytest.raises(Contradiction):
        model.take(updates[-1])


@pytest.mark.parametrize(
    "updates",
    [
        [image_update("UPDATED", 1)],
        [image_update("CREATED", 1), image_update("CREATED", 2)],
        [image_update("CREATED", 1), image_update("UPDATED", 1)],
        [image_update("CREATED", 2), image_update("UPDATED", 1)],
        [image_update("CREATED", 1), image_update("UPDATED", 2, None)],
        [
            image_update("CREATED", 1),
            image_update("DELETED", 2, None),
            image_update("UPDATED", 3),
        ],
    ],
)
def test_updates_of_an_image_must_follow_each_other(updates: list[SegmentationUpdate]) -> None:
    model = Images()
    for update in updates[:-1]:
        model.take(update)
    with pytest.raises(Contradiction):
        model.take(updates[-1])


def test_an_upload_must_not_go_backwards() -> None:
    for before, after in ((progress(5), progress(4)), (progress(5, done=True), progress(5))):
        model = Progress()
        model.take(before)
        with pytest.raises(Contradiction):
            model.take(after)


# What an audit finds


IMAGE = ImageState("img_1", "SEGMENTED", 5, 3)
DASHBOARD = Dashboard(1, 1, 1, 0, 0, 5)
TRUTH = Facts(
    stats=stats(image_count=1, segmented_count=1, storage_bytes=5, revision=3),
    images={IMAGE.id: IMAGE},
    image_total=1,
    dashboard=DASHBOARD,
)


def test_what_is_told_right_has_no_difference() -> None:
    assert differences("Ada", replace(TRUTH), TRUTH) == []
    assert contradictions(TRUTH) == []
    assert contradictions(replace(TRUTH, stats=None)) == []


@pytest.mark.parametrize(
    ("told", "difference"),
    [
        (
            replace(
                TRUTH, stats=stats(image_count=2, segmented_count=1, storage_bytes=5, revision=3)
            ),
            "Ada, stats: image_count is 2, and should be 1.",
        ),
        (
            replace(TRUTH, images={"img_1": replace(IMAGE, status="FAILED")}),
            "Ada, image img_1: status is FAILED, and should be SEGMENTED.",
        ),
        (replace(TRUTH, images={}), "Ada: the image img_1 is missing."),
        (
            replace(TRUTH, images={"img_1": IMAGE, "img_2": IMAGE}),
            "Ada: the image img_2 is gone.",
        ),
        (replace(TRUTH, image_total=4), "Ada: 4 images, and should be 1."),
        (
            replace(TRUTH, dashboard=replace(DASHBOARD, queued_count=7)),
            "Ada, dashboard: queued_count is 7, and should be 0.",
        ),
    ],
)
def test_each_difference_is_told(told: Facts, difference: str) -> None:
    assert differences("Ada", told, TRUTH) == [difference]


def test_counters_that_differ_from_what_they_count_are_told() -> None:
    wrong = stats(image_count=2, queued_count=2, storage_bytes=6, revision=3)
    assert contradictions(replace(TRUTH, stats=wrong)) == [
        "The project's row says 2 images, its images' rows 1.",
        "The project's row says 6 bytes, its images' rows 5.",
        "The project's row says 2 QUEUED, its images' rows 0.",
        "The project's row says 0 SEGMENTED, its images' rows 1.",
    ]
