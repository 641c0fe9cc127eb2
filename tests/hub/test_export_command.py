"""``cellhub export``: an archive that is whole, or none."""

import asyncio
import os
import zipfile
from pathlib import Path

import pytest

from tests.hub.laboratory import project_of, segmented
from tests.hub.uploading import CELLHUB, Done, ended
from tests.hubs import Hub, Person
from tests.live.pictures import png
from tests.resolvers.exports.cells import box, geometry


@pytest.fixture
async def ada(hub: Hub) -> Person:
    return await hub.person("Ada")


async def export(hub: Hub, person: Person, project_id: str, output: Path, *more: str) -> Done:
    key = await person.do("createApiKey", "{ secret }", name="exports")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CELLHUB")}
    process = await asyncio.create_subprocess_exec(
        CELLHUB,
        "export",
        *("--project", project_id, "--output", str(output), *more),
        env=kept | {"CELLHUB_URL": hub.url, "CELLHUB_API_KEY": key["secret"]},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    return await ended(process)


async def test_an_archive_is_written_with_what_was_asked_for(
    hub: Hub, ada: Person, tmp_path: Path
) -> None:
    cells = geometry([[box(1, 1, 9, 9)]])
    project_id = await segmented(ada, [("a.png", png(1, side=16))], cells)
    output = tmp_path / "out.zip"
    done = await export(hub, ada, project_id, output, "--format", "csv", "--format", "masks")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{output}: {output.stat().st_size} bytes\n"
    with zipfile.ZipFile(output) as file:
        assert file.namelist() == ["masks/a.tif", "measurements.csv", "images.csv"]
    assert (await export(hub, ada, project_id, output)).code == 0
    with zipfile.ZipFile(output) as file:
        assert len(file.namelist()) == 5


async def test_what_cannot_be_done_is_one_line_and_leaves_no_file(
    hub: Hub, ada: Person, tmp_path: Path
) -> None:
    mine, another = await project_of(ada), await project_of(await hub.person("Ben"))
    for project_id, output, told in (
        (another, tmp_path / "a.zip", "There is no such project."),
        (mine, tmp_path / "nowhere" / "a.zip", "No such file or directory"),
    ):
        done = await export(hub, ada, project_id, output)
        assert (done.code, done.out) == (2, "")
        assert told in done.err
        assert len(done.err.splitlines()) == 1
    assert not any("zip" in name for name in os.listdir(tmp_path))  # noqa: PTH208
