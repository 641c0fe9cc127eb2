"""A folder for files that are being uploaded, of which nothing outlives its process for long."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

_PREFIX = "process-"


@contextmanager
def open_spool(parent: Path) -> Iterator[Path]:
    """Make a folder in ``parent`` for this process within the block.

    Removes folders there whose processes were killed: a process holds a lock on its own, which the
    system releases however the process ends.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        # Nobody may take a folder that is not locked yet for an abandoned one.
        with _locked(parent):
            for folder in parent.glob(f"{_PREFIX}*"):
                _remove_if_abandoned(folder)
            spool = Path(stack.enter_context(TemporaryDirectory(dir=parent, prefix=_PREFIX)))
            stack.enter_context(_locked(spool))
        yield spool


def _remove_if_abandoned(folder: Path) -> None:
    with suppress(BlockingIOError, FileNotFoundError), _locked(folder, fcntl.LOCK_NB):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, options: int = 0) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | options)
        yield
    finally:
        os.close(descriptor)
