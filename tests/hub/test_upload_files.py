"""Which files ``cellhub upload`` takes, and how many in a call."""

import os
from pathlib import Path

import pytest

from hub.upload.batches import Batch, BatchLimits
from hub.upload.files import LocalFile, Unreadable, find
from hub.upload.hashing import HashedFile
from tests.hub.uploading import NO_FILE


def test_folders_are_walked_in_order_without_hidden_files_and_loops(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.png", "a.png", "c/d/e.png", ".git/x.png", "b/.hidden.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * len(name))
    (tmp_path / "c/up").symlink_to(tmp_path)
    (tmp_path / "c/self").symlink_to("self")
    (tmp_path / "c/b").symlink_to(tmp_path / "b")
    (tmp_path / "linked.png").symlink_to("a.png")
    (tmp_path / "lost.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    found = list(find([tmp_path]))
    assert found == [
        LocalFile(tmp_path / "a.png", 5),
        LocalFile(tmp_path / "linked.png", 5),
        Unreadable(tmp_path / "lost.png", NO_FILE),
        LocalFile(tmp_path / "b/1.png", 7),
        LocalFile(tmp_path / "b/2.png", 7),
        LocalFile(tmp_path / "c/d/e.png", 9),
    ]


def test_a_file_that_is_named_is_meant_even_if_it_is_hidden(tmp_path: Path) -> None:
    hidden = tmp_path / ".hidden.png"
    hidden.write_bytes(b"x")
    assert list(find([hidden])) == [LocalFile(hidden, 1)]
    with pytest.raises(FileNotFoundError):
        list(find([tmp_path / "nowhere"]))


def test_a_batch_is_bounded_in_files_and_bytes_but_takes_any_file_alone() -> None:
    batch = Batch(BatchLimits(files=2, size=10))
    large, small = (HashedFile(LocalFile(Path("x"), size), "") for size in (100, 5))
    assert batch.has_room(large.file)
    batch.add(large)
    assert not batch.has_room(small.file)
    batch = Batch(BatchLimits(files=2, size=10))
    batch.add(small)
    assert batch.has_room(small.file)
    assert not batch.has_room(large.file)
    batch.add(small)
    assert not batch.has_room(LocalFile(Path("empty"), 0))
