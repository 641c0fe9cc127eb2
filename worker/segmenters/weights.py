"""Where the weights of learned segmenters lie. Operators put them there: nothing is downloaded.

The environment variable CELLHUB_MODELS names a folder with one folder for each segmenter.
"""

import os
from pathlib import Path

from worker.segmenters.base import SegmenterUnavailable

VARIABLE = "CELLHUB_MODELS"


def folder_of(segmenter: str, what: str) -> Path:
    """Return the segmenter's folder in CELLHUB_MODELS. Raise SegmenterUnavailable without one.

    ``what`` says in the message what the folder must hold.
    """
    models = os.environ.get(VARIABLE)
    if not models:
        raise SegmenterUnavailable(
            f"{VARIABLE} is not set. It must name a folder that has a folder {segmenter!r} "
            f"with {what}."
        )
    folder = Path(models).expanduser() / segmenter
    if not folder.is_dir():
        raise SegmenterUnavailable(f"There is no folder {folder}. It must hold {what}.")
    return folder


def only_one(entries: list[Path], folder: Path, what: str) -> Path:
    """Return the only one of the entries. Raise SegmenterUnavailable for none or several."""
    if len(entries) != 1:
        found = ", ".join(sorted(entry.name for entry in entries)) or "nothing of the kind"
        raise SegmenterUnavailable(f"{folder} must hold {what}; there is {found}.")
    return entries[0]
