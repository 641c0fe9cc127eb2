"""The folder of a worker: gone with it, or with the next one."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from worker.folder import own_folder

KILLED = """
import os, signal
from worker.folder import own_folder

with own_folder() as folder:
    (folder / "picture").write_text("somebody's")
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def age(folder: Path) -> None:
    os.utime(folder / "lock", (1, 1))


def test_what_a_killed_worker_left_goes_when_another_begins() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLED], capture_output=True, text=True, check=False
    )
    left = Path(ended.stdout.strip())
    assert (left / "picture").exists()
    with own_folder():
        assert left.exists(), "it may be one whose worker is just beginning"
    age(left)
    with own_folder():
        assert not left.exists()


def test_folders_of_workers_that_live_stay_and_those_of_others(folders: Path) -> None:
    other = folders / "cellhub-worker-of-somebody"
    other.mkdir()
    with own_folder() as first:
        age(first)
        with own_folder() as second:
            assert first.exists()
            assert first != second
    assert list(folders.iterdir()) == [other]
