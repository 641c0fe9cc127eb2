"""Exports of single images: what a browser, a notebook and a careful attacker get."""

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
import tifffile
from pycocotools import mask as cocomask

from resolvers import addresses
from tests.hub.laboratory import export, images_of, project_of, segment, segmented
from tests.hubs import Hub, Person
from tests.persistence.pictures import turned_jpeg
from tests.resolvers.exports.cells import box, geometry, labels_of, mask_of
from tests.resolvers.test_addresses import Clock

pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")

WIDTH, HEIGHT = 40, 30
SIZE = {"width": WIDTH, "height": HEIGHT}
CELLS = [
    [box(2, 2, 12, 12), box(5, 5, 8, 8)],
    [box(10, 10, 20.5, 20.5)],
    [box(-1, 25, 5, 31)],
]
FORMATS = ("GEOJSON", "COCO", "MASKS", "CSV")
URLS = "{ id name " + " ".join(f"{f}: exportUrl(format: {f})" for f in FORMATS) + " }"


def picture() -> tuple[np.ndarray[Any, Any], bytes]:
    """Return a stack of three two-channel planes, and it as an OME-TIFF."""
    pixels = np.random.default_rng(5).integers(0, 60_000, (3, 2, HEIGHT, WIDTH), np.uint16)
    target = io.BytesIO()
    tifffile.imwrite(target, pixels, ome=True, metadata={"axes": "ZCYX"})
    return pixels, target.getvalue()


@pytest.fixture
async def ada(hub: Hub) -> Person:
    return await hub.person("Ada")


@pytest.fixture
async def image(ada: Person) -> dict[str, Any]:
    """An image with three cells, and its addresses."""
    _, content = picture()
    project_id = await segmented(ada, [("=nuclei ☉.ome.tif", content)], geometry(CELLS))
    [found] = await images_of(ada, project_id, URLS)
    return found


async def test_geojson_is_what_the_api_says(hub: Hub, ada: Person, image: dict[str, Any]) -> None:
    response = await hub.http.get(image["GEOJSON"])
    assert response.headers["content-type"] == "application/geo+json"
    query = "query($id: ID!) { image(id: $id) { segmentation { polygons cellArea } } }"
    found = await ada.ask(query, id=image["id"])
    assert response.json() == found["image"]["segmentation"]["polygons"]


async def test_masks_have_the_numbers_of_the_geojson(hub: Hub, image: dict[str, Any]) -> None:
    response = await hub.http.get(image["MASKS"])
    assert response.headers["content-type"] == "image/tiff"
    labels = tifffile.imread(io.BytesIO(response.content))
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels, labels_of(CELLS, **SIZE))


async def test_coco_is_read_by_its_own_tools(hub: Hub, image: dict[str, Any]) -> None:
    response = await hub.http.get(image["COCO"])
    assert response.headers["content-type"] == "application/json"
    found = response.json()
    assert [category["name"] for category in found["categories"]] == ["cell"]
    assert found["images"] == [
        {
            "id": 1,
            "file_name": "_=nuclei ☉.ome.tif",
            "width": WIDTH,
            "height": HEIGHT,
            "name": "=nuclei ☉.ome.tif",
            "hub_id": image["id"],
        }
    ]
    for annotation, cell in zip(found["annotations"], CELLS, strict=True):
        assert annotation["image_id"] == 1
        decoded = cocomask.decode(annotation["segmentation"])
        np.testing.assert_array_equal(decoded, mask_of(cell, **SIZE))


async def test_the_table_measures_cells_on_the_projected_original(
    hub: Hub, ada: Person, image: dict[str, Any]
) -> None:
    response = await hub.http.get(image["CSV"])
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    assert [row["label"] for row in rows] == ["1", "2", "3"]
    assert {row["image"] for row in rows} == {"'=nuclei ☉.ome.tif"}
    assert {row["image_id"] for row in rows} == {image["id"]}
    projection = picture()[0].max(axis=0)
    for row, cell in zip(rows, CELLS, strict=True):
        mask = mask_of(cell, **SIZE)
        for channel in range(2):
            mean = projection[channel][mask].mean()
            assert float(row[f"mean_intensity_{channel}"]) == pytest.approx(mean)
        assert int(row["pixel_count"]) == mask.sum()
    found = await ada.ask(
        "query($id: ID!) { image(id: $id) { segmentation { cellArea } } }", id=image["id"]
    )
    total = sum(float(row["area_px2"]) for row in rows)
    assert total == pytest.approx(found["image"]["segmentation"]["cellArea"])


async def test_files_are_saved_under_the_images_name(hub: Hub, image: dict[str, Any]) -> None:
    for format_, suffix in (("GEOJSON", ".geojson"), ("CSV", ".csv"), ("MASKS", ".masks.tif")):
        headers = (await hub.http.get(image[format_])).headers
        assert headers["content-disposition"] == (
            f'attachment; filename="_=nuclei _{suffix}";'
            f" filename*=UTF-8''_%3Dnuclei%20%E2%98%89{suffix}"
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["access-control-allow-origin"] == "*"


async def test_head_tells_what_get_does_without_making_it(hub: Hub, image: dict[str, Any]) -> None:
    for format_ in FORMATS:
        head, get = await hub.http.head(image[format_]), await hub.http.get(image[format_])
        assert head.status_code == get.status_code == 200
        assert head.content == b""
        assert int(get.headers["content-length"]) == len(get.content)
        for name in ("content-type", "content-disposition", "etag"):
            assert head.headers[name] == get.headers[name]


async def test_a_copy_that_is_still_good_is_not_made_again(
    hub: Hub, ada: Person, image: dict[str, Any]
) -> None:
    etag = (await hub.http.get(image["CSV"])).headers["etag"]
    known = {"If-None-Match": etag}
    assert (await hub.http.get(image["CSV"], headers=known)).status_code == 304
    assert (await hub.http.get(image["MASKS"], headers=known)).status_code == 200


async def test_before_there_is_a_run_there_is_no_address(hub: Hub, ada: Person) -> None:
    project_id = await project_of(ada)
    await ada.upload(project_id, ("a.tif", picture()[1]))
    [found] = await images_of(ada, project_id, URLS)
    assert {found[format_] for format_ in FORMATS} == {None}
    await segment(ada, project_id, geometry([]))
    [found] = await images_of(ada, project_id, URLS)
    contents = [await hub.http.get(found[format_]) for format_ in FORMATS]
    assert {response.status_code for response in contents} == {200}
    assert json.loads(contents[1].content)["annotations"] == []


async def test_a_run_hands_out_the_same_addresses_as_its_image(
    ada: Person, image: dict[str, Any]
) -> None:
    query = "query($id: ID!) { image(id: $id) { segmentation { exportUrl(format: CSV) } } }"
    found = await ada.ask(query, id=image["id"])
    assert found["image"]["segmentation"]["exportUrl"] == image["CSV"]


async def test_an_address_stays_with_the_run_that_it_was_made_for(
    hub: Hub, ada: Person, image: dict[str, Any]
) -> None:
    before = (await hub.http.get(image["GEOJSON"])).json()
    query = "query($id: ID!) { image(id: $id) { project { id } } }"
    project_id = (await ada.ask(query, id=image["id"]))["image"]["project"]["id"]
    await ada.do("requestSegmentation", "{ jobCount }", projectId=project_id, force=True)
    await segment(ada, project_id, geometry([]))
    assert (await export(hub, ada, image["id"], "GEOJSON")).json()["features"] == []
    assert (await hub.http.get(image["GEOJSON"])).json() == before


async def test_an_address_that_was_not_signed_opens_nothing(
    hub: Hub, image: dict[str, Any]
) -> None:
    good = image["CSV"]
    for forged in (
        good[:-1],
        good.partition("?")[0],
        good.replace("format=CSV", "format=MASKS"),
        good.replace("/runs/", "/projects/"),
        good.replace("/runs/", "/elsewhere/"),
        f"{good}&format=MASKS",
        "/exports/a/b?c=d",
    ):
        response = await hub.http.get(forged)
        assert response.status_code == 403
        assert response.json()["code"] == "ADDRESS_INVALID"
        assert response.headers["cache-control"] == "no-store"


async def test_an_address_that_has_expired_opens_nothing(
    hub: Hub, image: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    clock.now = 4_000_000_000
    monkeypatch.setattr(addresses, "time", clock)
    response = await hub.http.get(image["CSV"])
    assert (response.status_code, response.json()["code"]) == (403, "ADDRESS_EXPIRED")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_exports_can_only_be_read(hub: Hub, image: dict[str, Any], method: str) -> None:
    response = await hub.http.request(method, image["CSV"])
    assert (response.status_code, response.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "GET, HEAD"


async def test_of_a_deleted_image_nothing_is_found(
    hub: Hub, ada: Person, image: dict[str, Any]
) -> None:
    await ada.do("deleteImage", "{ deletedIds }", imageId=image["id"])
    for format_ in FORMATS:
        for response in (await hub.http.get(image[format_]), await hub.http.head(image[format_])):
            assert response.status_code == 404
    assert (await hub.http.get(image["CSV"])).json()["code"] == "NOT_FOUND"


async def test_photos_are_measured_upright(hub: Hub, ada: Person) -> None:
    cells = geometry([[box(1, 1, 39, 20)], [box(1, 40, 39, 59)]])
    project_id = await segmented(ada, [("turned.jpg", turned_jpeg(6))], cells)
    [found] = await images_of(ada, project_id, URLS)
    text = (await hub.http.get(found["CSV"])).text
    dark, bright = csv.DictReader(io.StringIO(text, newline=""))
    assert float(dark["mean_intensity_0"]) < 20
    assert float(bright["mean_intensity_0"]) > 235
