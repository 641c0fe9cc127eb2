"""Chromium from an npm package, on any Linux: it brings the libraries and fonts that it needs."""

import os
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from tests.node import NODE, packages

FOLDER = Path(__file__).parent
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""


class Chromium(Struct, frozen=True):
    """A browser that can be launched."""

    path: Path
    environment: dict[str, str | float | bool]


def chromium() -> Chromium:
    """Return the browser, installed and unpacked if need be; several processes may ask at once."""
    with packages(FOLDER) as modules:
        folder = modules / "unpacked"
        if not folder.exists():
            _unpack(folder)
    path = folder / "chromium"
    environment: dict[str, str | float | bool] = {
        **os.environ,
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
    }
    linked = subprocess.run(["ldd", path], capture_output=True, check=True, text=True).stdout
    if "not found" in linked:
        environment["LD_LIBRARY_PATH"] = str(folder / "al2023" / "lib")
    return Chromium(path, environment)


def axe() -> str:
    """Return axe-core, a script that finds what keeps people from using a page."""
    with packages(FOLDER) as modules:
        return (modules / "axe-core" / "axe.min.js").read_text()


def _unpack(folder: Path) -> None:
    # Under another name until it is whole, lest half of it be taken for it.
    unfinished = folder.with_name("unpacking")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    subprocess.run(
        [NODE, "unpack.mjs"], cwd=FOLDER, env=os.environ | {"TMPDIR": str(unfinished)}, check=True
    )
    (unfinished / "fonts.conf").write_text(_FONTS.format(folder=folder))
    unfinished.rename(folder)
