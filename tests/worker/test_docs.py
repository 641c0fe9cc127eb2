"""What docs/workers.md tells is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hubs import Hub
from tests.worker.plates import Plate, sample
from tests.worker.processes import CELLHUB, Workers
from worker import failures

DOCS = (Path(__file__).parents[2] / "docs" / "workers.md").read_text()
_EXAMPLE = re.compile(r"^`(\S+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder into which the segmenter of the example is installed, as its readers would."""
    source, target = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    files = dict(_EXAMPLE.findall(DOCS))
    assert files.keys() == {"spots.py", "pyproject.toml"}
    for name, text in files.items():
        (source / name).write_text(text)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"),
            *("--no-build-isolation", "--disable-pip-version-check"),
            *("--target", str(target), str(source)),
        ],
        check=True,
    )
    return target


async def test_the_example_of_a_segmenter_segments(
    hub: Hub, plate: Plate, workers: Workers, installed: Path
) -> None:
    nuclei, tissue = await plate.add(sample("nuclei-fluorescence.tif"), sample("tissue-he.jpg"))
    await plate.request(nuclei, tissue, model="spots", threshold=0.8)
    worker = workers.start(hub.url, plate.key, "--model", "spots", plugins=installed)
    found = (await plate.done(nuclei))["segmentation"]
    assert found["cellCount"] > 20
    assert (found["modelVersion"], found["parameters"]) == ("1.0", {"factor": 0.8})
    refused = (await plate.done(tissue))["error"]
    assert (refused["code"], refused["message"]) == (
        "BAD_IMAGE",
        "Spots are looked for in pictures without colour.",
    )
    assert "Model spots, version 1.0." in worker.told()


def test_all_codes_and_options_are_told() -> None:
    codes = {value for name, value in vars(failures).items() if name.isupper()}
    assert set(re.findall(r"^\| `([A-Z_]+)`", DOCS, re.MULTILINE)) == codes | {"LEASE_LOST"}
    told = subprocess.run(
        [CELLHUB, "worker", "--help"], capture_output=True, text=True, check=True
    ).stdout
    options = set(re.findall(r"--[a-z-]+", told)) - {"--help"}
    assert options == set(re.findall(r"^\| `(--[a-z-]+)`", DOCS, re.MULTILINE))
