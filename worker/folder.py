"""Where a worker keeps the files of its jobs, and nothing of it for longer than it lives."""

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "cellhub-worker-"
_LOCK = "lock"
# Until it has locked its own, a folder looks as if its worker were gone.
_SECONDS_TO_BEGIN = 60.0


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder for the block; remove those of workers that were killed in theirs."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        with (folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _sweep(folder.parent)
            yield folder


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        # Another worker may sweep, too; and some folders are other users'.
        with suppress(OSError):
            if time.time() - (folder / _LOCK).stat().st_mtime > _SECONDS_TO_BEGIN:
                with (folder / _LOCK).open("r+") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
