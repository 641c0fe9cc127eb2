"""Archives of projects: what is in them, who may have them, and what a client's leaving ends."""

import asyncio
import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
import tifffile
from pycocotools.coco import COCO

from resolvers import addresses
from resolvers import export as exporting
from tests.hub.laboratory import archive_url, images_of, project_of, segmented
from tests.hubs import Hub, Person
from tests.live.deeds import revoke, share
from tests.live.pictures import png
from tests.resolvers.exports.cells import box, geometry, labels_of
from tests.resolvers.test_addresses import Clock

pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")

SIDE = 32
SIZE = {"width": SIDE, "height": SIDE}
CELLS = [[box(2, 2, 12, 12), box(5, 5, 8, 8)], [box(10, 10, 20.5, 20.5)]]
NAMES = [
    "a.png",
    "a.png",
    "A.PNG",
    "a.tif",
    "../../etc/passwd.png",
    "CON.png",
    "=cmd|'calc'!A1.png",
    "ünï ☃.png",
    "x" * 251 + ".png",
]


@pytest.fixture
async def people(hub: Hub) -> Sequence[Person]:
    return [await hub.person("Ada"), await hub.person("Ben")]


@pytest.fixture
async def ada(people: Sequence[Person]) -> Person:
    return people[0]


@pytest.fixture
async def project_id(ada: Person) -> str:
    """Images with all kinds of names and two cells each, and one more without a result."""
    files = [(name, png(shade, side=SIDE)) for shade, name in enumerate(NAMES)]
    made = await segmented(ada, files, geometry(CELLS))
    await ada.upload(made, ("no result.png", png(99, side=SIDE)))
    return made


async def archive(hub: Hub, person: Person, project_id: str, *formats: str) -> zipfile.ZipFile:
    response = await hub.http.get(await archive_url(person, project_id, *formats))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/zip"
    file = zipfile.ZipFile(io.BytesIO(response.content))
    assert file.testzip() is None
    return file


def table(file: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read(name).decode(), newline="")))


async def test_an_archive_holds_all_that_was_found(
    hub: Hub, ada: Person, project_id: str, tmp_path: Path
) -> None:
    file = await archive(hub, ada, project_id)
    index = table(file, "images.csv")
    stems = [row["file"] for row in index]
    images = await images_of(ada, project_id, "{ id }")
    assert [row["image_id"] for row in index] == [image["id"] for image in images[-2::-1]]
    assert {row["problem"] for row in index} == {""}
    assert sorted(file.namelist()) == sorted(
        [
            *(f"geojson/{stem}.geojson" for stem in stems),
            *(f"masks/{stem}.tif" for stem in stems),
            "coco.json",
            "measurements.csv",
            "images.csv",
        ]
    )
    for stem in stems:
        mask = tifffile.imread(io.BytesIO(file.read(f"masks/{stem}.tif")))
        np.testing.assert_array_equal(mask, labels_of(CELLS, **SIZE))
        assert len(json.loads(file.read(f"geojson/{stem}.geojson"))["features"]) == 2
    rows = table(file, "measurements.csv")
    assert [(row["image_id"], row["label"]) for row in rows] == [
        (row["image_id"], label) for row in index for label in ("1", "2")
    ]
    shade = {image["id"]: number for number, image in enumerate(images)}
    assert all(float(row["mean_intensity_0"]) == shade[row["image_id"]] for row in rows)
    check_coco(file, tmp_path, {row["file"]: row["image_id"] for row in index})


def check_coco(file: zipfile.ZipFile, folder: Path, ids: dict[str, str]) -> None:
    """Have COCO's own reader read the annotations, and compare their pixels with the masks'."""
    read = COCO(file.extract("coco.json", folder))
    assert len(read.imgs) == len(ids)
    assert sorted(read.anns) == list(range(1, 2 * len(ids) + 1))
    for number, image in read.imgs.items():
        stem = image["file_name"].rpartition(".")[0]
        assert image["hub_id"] == ids[stem]
        labels = np.zeros((SIDE, SIDE), np.int64)
        for annotation in reversed(read.loadAnns(read.getAnnIds(imgIds=[number]))):
            assert annotation["area"] == pytest.approx({1: 91, 2: 110.25}[annotation["label"]])
            labels[read.annToMask(annotation) > 0] = annotation["label"]
        mask = tifffile.imread(io.BytesIO(file.read(f"masks/{stem}.tif")))
        np.testing.assert_array_equal(labels, mask)


async def test_names_in_an_archive_are_safe_and_different(
    hub: Hub, ada: Person, project_id: str
) -> None:
    file = await archive(hub, ada, project_id, "GEOJSON")
    stems = {row["image"]: row["file"] for row in table(file, "images.csv")}
    assert "'=cmd|'calc'!A1.png" in stems
    names = [name for name in file.namelist() if name.startswith("geojson/")]
    assert len({name.casefold() for name in names}) == len(NAMES)
    for name in names:
        folder, _, rest = name.partition("/")
        assert folder == "geojson"
        assert not set('<>:"/\\|?*') & set(rest)
        assert len(rest.encode()) < 255
        assert not rest.startswith((".", "CON."))
    assert {"geojson/_CON.geojson", "geojson/ünï ☃.geojson"} <= {*names}


@pytest.mark.parametrize("formats", [["CSV"], ["COCO"], ["CSV", "COCO", "CSV"]])
async def test_an_archive_holds_only_what_was_asked_for(
    hub: Hub, ada: Person, project_id: str, formats: list[str], tmp_path: Path
) -> None:
    file = await archive(hub, ada, project_id, *formats)
    names = {"CSV": "measurements.csv", "COCO": "coco.json"}
    assert {*file.namelist()} == {"images.csv", *(names[format_] for format_ in formats)}
    if "CSV" in formats:
        assert len(table(file, "measurements.csv")) == 2 * len(NAMES)
    if "COCO" in formats:
        assert len(COCO(file.extract("coco.json", tmp_path)).anns) == 2 * len(NAMES)


async def test_a_project_without_results_is_an_archive_of_headers(
    hub: Hub, ada: Person, tmp_path: Path
) -> None:
    project_id = await project_of(ada, "Ümpty / dumpty")
    response = await hub.http.get(await archive_url(ada, project_id))
    assert response.headers["content-disposition"] == (
        "attachment; filename=\"_mpty _ dumpty.zip\"; filename*=UTF-8''%C3%9Cmpty%20_%20dumpty.zip"
    )
    file = zipfile.ZipFile(io.BytesIO(response.content))
    assert table(file, "images.csv") == table(file, "measurements.csv") == []
    assert json.loads(file.read("coco.json"))["images"] == []
    head = await hub.http.head(await archive_url(ada, project_id))
    assert head.headers["content-disposition"] == response.headers["content-disposition"]


async def test_an_image_whose_result_is_gone_is_left_out(
    hub: Hub, ada: Person, project_id: str, tmp_path: Path
) -> None:
    for path in list((tmp_path / "hub" / "blobs").rglob("*.geojson.gz"))[:2]:
        path.unlink()
    file = await archive(hub, ada, project_id)
    assert len(table(file, "images.csv")) == len(NAMES) - 2


async def test_to_ask_for_no_format_is_an_error(ada: Person, project_id: str) -> None:
    query = "query($id: ID!) { project(id: $id) { exportUrl(formats: []) } }"
    answer = await ada.post(query, id=project_id)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_an_address_is_good_only_while_its_person_is_a_member(
    hub: Hub, people: Sequence[Person], project_id: str
) -> None:
    ada, ben = people
    await share(ada, project_id, ben)
    url = await archive_url(ben, project_id)
    assert (await hub.http.head(url)).status_code == 200
    await revoke(ada, project_id, ben)
    response = await hub.http.get(url)
    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
    url = await archive_url(ada, project_id)
    await ada.do("deleteProject", "{ projectId }", projectId=project_id)
    assert (await hub.http.get(url)).status_code == 404


async def test_an_address_that_was_not_signed_or_has_expired_opens_nothing(
    hub: Hub, people: Sequence[Person], project_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben = people
    url, another = await archive_url(ada, project_id), await project_of(ben)
    for old, new in (
        (project_id.removeprefix("prj_"), another.removeprefix("prj_")),
        (ada.id.removeprefix("usr_"), ben.id.removeprefix("usr_")),
        ("formats=GEOJSON", "formats=CSV"),
    ):
        assert old in url
        response = await hub.http.get(url.replace(old, new))
        assert (response.status_code, response.json()["code"]) == (403, "ADDRESS_INVALID")
    clock = Clock()
    clock.now = 4_000_000_000
    monkeypatch.setattr(addresses, "time", clock)
    assert (await hub.http.get(url)).json()["code"] == "ADDRESS_EXPIRED"


class _Held:
    """Exports that wait behind each image until they are told to go on."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> _Held:
    held = _Held()
    found = exporting._found

    async def waiting(*arguments: Any) -> AsyncIterator[Any]:
        async for image in found(*arguments):
            yield image
            held.reached.set()
            await held.go_on.wait()

    monkeypatch.setattr(exporting, "_found", waiting)
    monkeypatch.setattr(exporting, "_PAGE", 1)
    return held


@asynccontextmanager
async def downloading(hub: Hub, url: str) -> AsyncIterator[httpx.Response]:
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("GET", url) as response,
    ):
        yield response


def traces(folder: Path) -> list[Path]:
    """Return what exports keep on disk."""
    return list((folder / "hub" / "uploads").rglob("tmp*"))


def workers() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "resolvers.exports.worker" in child.cmdline()]


async def test_who_is_shut_out_meanwhile_gets_no_more(
    hub: Hub, people: Sequence[Person], project_id: str, held: _Held, tmp_path: Path
) -> None:
    ada, ben = people
    await share(ada, project_id, ben)
    async with downloading(hub, await archive_url(ben, project_id)) as response:
        assert response.status_code == 200
        await held.reached.wait()
        await revoke(ada, project_id, ben)
        held.go_on.set()
        with pytest.raises(httpx.RemoteProtocolError):
            await response.aread()
    assert traces(tmp_path) == []


async def test_a_client_that_goes_away_ends_the_work(
    hub: Hub, ada: Person, project_id: str, held: _Held, tmp_path: Path
) -> None:
    async with downloading(hub, await archive_url(ada, project_id)):
        await held.reached.wait()
        assert traces(tmp_path)
    async with asyncio.timeout(10):
        while traces(tmp_path):  # noqa: ASYNC110  (nothing tells when a file goes)
            await asyncio.sleep(0.01)
    held.go_on.set()
    await archive(hub, ada, project_id)


async def test_a_client_that_goes_away_while_its_image_is_made_ends_the_process(
    hub: Hub, ada: Person, tmp_path: Path
) -> None:
    side = 3_000
    cells = [[box(x, y, x + 20, side - y)] for x in range(side - 20) for y in (1, 2)]
    project_id = await segmented(ada, [("a.png", png(1, side=side))], geometry(cells))
    url = await archive_url(ada, project_id, "MASKS")
    async with downloading(hub, url) as response:
        assert response.status_code == 200
        async with asyncio.timeout(20):
            while not workers():  # noqa: ASYNC110  (nothing tells when a process comes)
                await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        while workers() or traces(tmp_path):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_so_many_at_a_time_and_no_more(
    hub: Hub, people: Sequence[Person], project_id: str, held: _Held
) -> None:
    ada, ben = people
    await share(ada, project_id, ben)
    url, bens = await archive_url(ada, project_id), await archive_url(ben, project_id)
    async with downloading(hub, url) as first, downloading(hub, url) as second:
        refused = await hub.http.get(url)
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert int(refused.headers["retry-after"]) > 0
        async with downloading(hub, bens) as other:
            assert other.status_code == 200
            held.go_on.set()
            for response in (first, second, other):
                assert zipfile.ZipFile(io.BytesIO(await response.aread())).testzip() is None
    await archive(hub, ada, project_id)
