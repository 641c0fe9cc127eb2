"""Pictures in tiles: what a viewer that zooms, and a careful attacker, get."""

import asyncio
import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from resolvers import addresses
from tests.hub.laboratory import project_of
from tests.hub.zooming import Zoom, decoded, uploaded, zoom, zoomed
from tests.hubs import Hub, Person, running_hub
from tests.persistence.pictures import turned_jpeg
from tests.resolvers.test_addresses import Clock

_SAMPLES = Path(__file__).parents[2] / "samples"
_NUCLEI = (_SAMPLES / "nuclei-fluorescence.tif").read_bytes()


def tiff_of(pixels: NDArray[Any], **options: Any) -> bytes:
    target = io.BytesIO()
    tifffile.imwrite(target, pixels, **options)
    return target.getvalue()


@pytest.fixture
async def ada(hub: Hub) -> Person:
    return await hub.person("Ada")


@pytest.fixture
async def project(ada: Person) -> str:
    return await project_of(ada)


@pytest.fixture
async def image(ada: Person, project: str) -> Any:
    [stored] = await uploaded(ada, project, ("nuclei.tif", _NUCLEI))
    return stored


@pytest.fixture
async def nuclei(hub: Hub, image: Any) -> Zoom:
    return await zoom(hub.http, image["deepZoomUrl"])


async def test_the_descriptor_is_as_viewers_know_it(hub: Hub, image: Any) -> None:
    response = await hub.http.get(image["deepZoomUrl"])
    assert response.headers["content-type"] == "application/xml"
    assert response.text.splitlines() == [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="webp" Overlap="1"'
        ' TileSize="510"><Size Width="512" Height="512"/></Image>',
    ]


async def test_an_address_has_no_query_so_that_tiles_lie_beside_it(hub: Hub, image: Any) -> None:
    url = httpx.URL(image["deepZoomUrl"])
    assert str(url).startswith(f"{hub.url}/deepzoom/")
    assert url.query == b""
    assert url.path.count("/") == 3
    assert url.path.endswith("/image.dzi")


async def test_the_highest_level_is_the_original_stretched(nuclei: Zoom) -> None:
    drawn = await nuclei.whole()
    original = tifffile.imread(io.BytesIO(_NUCLEI)).astype(np.float64)[..., np.newaxis]
    low, high = original[drawn[..., :1] == 0].max(), original[drawn[..., :1] == 255].min()
    assert low < high < 256, "it takes less than a hundredth of its range"
    expected = ((original - low) / (high - low)).clip(0, 1) * 255
    np.testing.assert_allclose(drawn, np.broadcast_to(expected, drawn.shape), atol=2)


async def test_colours_are_kept_on_each_level(hub: Hub, ada: Person, project: str) -> None:
    content = (_SAMPLES / "ihc.png").read_bytes()
    stained = await zoomed(hub, ada, project, content)
    means = [(await stained.level(level)).mean(axis=(0, 1)) for level in range(stained.top + 1)]
    np.testing.assert_allclose(means, np.broadcast_to(means[-1], np.shape(means)), atol=2)


async def test_a_stack_is_shown_as_workers_see_it(hub: Hub, ada: Person, project: str) -> None:
    stack = np.zeros((5, 700, 600), np.uint16)
    for page in range(5):
        stack[page, 100 * page : 100 * page + 50, 50 * page : 50 * page + 400] = 900 + page
    found = await zoomed(hub, ada, project, tiff_of(stack, photometric="minisblack"))
    drawn = await found.whole()
    np.testing.assert_array_equal(drawn[..., 0] > 200, stack.max(axis=0) > 0)


@pytest.mark.parametrize("orientation", [1, 6])
async def test_a_photo_is_upright(hub: Hub, ada: Person, project: str, orientation: int) -> None:
    found = await zoomed(hub, ada, project, turned_jpeg(orientation))
    drawn = await found.whole()
    first, last = (drawn[:25], drawn[35:]) if orientation == 6 else (drawn[:, :25], drawn[:, 35:])
    assert first.max() < 30
    assert last.min() > 220


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5000, 1), (1, 5000), (511, 1022)])
async def test_odd_sizes_are_shown_whole(
    hub: Hub, ada: Person, project: str, height: int, width: int
) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (height, width, 3), np.uint8)
    found = await zoomed(hub, ada, project, tiff_of(pixels, photometric="rgb"))
    np.testing.assert_array_equal(await found.whole(), pixels)
    assert (await found.level(0)).shape == (1, 1, 3)


async def test_tiles_may_be_drawn_on_any_canvas_and_do_nothing(hub: Hub, nuclei: Zoom) -> None:
    for url in (nuclei.url, nuclei.tile_url(9, 0, 0)):
        headers = (await hub.http.get(url, headers={"Origin": "https://elsewhere.test"})).headers
        assert headers["access-control-allow-origin"] == "*"
        assert headers["cross-origin-resource-policy"] == "cross-origin"
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert headers["x-content-type-options"] == "nosniff"
        words, age = headers["cache-control"].rsplit(", ", 1)
        assert words == "private, immutable"
        assert 900 <= int(age.removeprefix("max-age=")) <= 1800


async def test_head_tells_all_that_get_does_without_the_content(hub: Hub, nuclei: Zoom) -> None:
    for url in (nuclei.url, nuclei.tile_url(9, 1, 1)):
        head, get = await hub.http.head(url), await hub.http.get(url)
        assert head.status_code == get.status_code == 200
        assert head.content == b""
        assert int(get.headers["content-length"]) == len(get.content)
        for name in ("content-type", "content-length", "etag", "last-modified"):
            assert head.headers[name] == get.headers[name]


async def test_a_copy_that_is_still_good_is_not_sent_again(hub: Hub, nuclei: Zoom) -> None:
    urls = [nuclei.url, *(nuclei.tile_url(9, column, 0) for column in range(2))]
    etags = [(await hub.http.get(url)).headers["etag"] for url in urls]
    assert len(set(etags)) == 3
    for url, etag in zip(urls, etags, strict=True):
        again = await hub.http.get(url, headers={"If-None-Match": f'"other", W/{etag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert "max-age=" in again.headers["cache-control"]
        other = await hub.http.get(url, headers={"If-None-Match": '"other"'})
        assert other.status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_pictures_can_only_be_read(hub: Hub, nuclei: Zoom, method: str) -> None:
    response = await hub.http.request(method, nuclei.url)
    assert (response.status_code, response.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "GET, HEAD"


NOWHERE = [
    "image_files/9/2_0.webp",
    "image_files/9/0_2.webp",
    "image_files/10/0_0.webp",
    "image_files/0/1_0.webp",
    "image_files/-1/0_0.webp",
    "image_files/9/-1_0.webp",
    "image_files/9/0_-0.webp",
    "image_files/09/0_0.webp",
    "image_files/9/00_0.webp",
    "image_files/9/+0_0.webp",
    "image_files/9/0_0.webp/",
    "image_files/9/0_0.jpg",
    "image_files/9/0_0",
    "image_files/9/0.webp",
    "image_files/9/%D9%A0_0.webp",
    "image_files/999999999/999999999_999999999.webp",
    f"image_files/{'9' * 5000}/0_0.webp",
    f"image_files/9/{'9' * 5000}_0.webp",
    "image_files//9/0_0.webp",
    "image_files/",
    "image_files",
    "image_files/%2E%2E/image.dzi",
    "%2E%2E/%2E%2E/graphql",
    "..%2F..%2Fgraphql",
    "image.dzi/",
    "image.dzi%00",
    "image.xml",
    "",
    "a" * 8000,
]


async def test_there_is_nothing_else(hub: Hub, nuclei: Zoom) -> None:
    for what in NOWHERE:
        response = await hub.http.get(nuclei.url.replace("image.dzi", what))
        assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND"), what
        assert response.json()["message"].endswith(".")
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["access-control-allow-origin"] == "*"


async def test_an_address_that_was_not_signed_opens_nothing(hub: Hub, nuclei: Zoom) -> None:
    [*_, token, _] = nuclei.url.split("/")
    project, image, expires, signature = token.split("-")
    later = int(expires) + 1
    for forged in (
        "x",
        token[:-1],
        f"{token}0",
        token.upper(),
        token.replace("-", "/"),
        f"{image}-{project}-{expires}-{signature}",
        f"{project}-{image}-{later}-{signature}",
        f"{project}-{image}-0{expires}-{signature}",
        f"{project}-{image}-{expires}-{'0' * 64}",
        f"{project}-{image}-{'9' * 5000}-{signature}",
        f"{project}-{image}-{expires}",
        "%2E%2E",
        "%00",
    ):
        for what in ("image.dzi", "image_files/9/0_0.webp"):
            response = await hub.http.get(f"/deepzoom/{forged}/{what}")
            assert (response.status_code, response.json()["code"]) == (403, "ADDRESS_INVALID")
            assert response.headers["cache-control"] == "no-store"


async def test_an_address_of_something_else_opens_no_picture(
    hub: Hub, ada: Person, image: Any
) -> None:
    found = await ada.ask("query($id: ID!) { image(id: $id) { url } }", id=image["id"])
    signature = httpx.URL(found["image"]["url"]).params["signature"]
    token = image["deepZoomUrl"].split("/")[-2]
    forged = f"{token.rpartition('-')[0]}-{signature}"
    response = await hub.http.get(f"/deepzoom/{forged}/image.dzi")
    assert (response.status_code, response.json()["code"]) == (403, "ADDRESS_INVALID")


async def test_an_address_that_has_expired_opens_nothing(
    hub: Hub, nuclei: Zoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    clock.now = 4_000_000_000
    monkeypatch.setattr(addresses, "time", clock)
    for url in (nuclei.url, nuclei.tile_url(9, 0, 0)):
        response = await hub.http.get(url)
        assert (response.status_code, response.json()["code"]) == (403, "ADDRESS_EXPIRED")


async def test_of_a_deleted_image_nothing_is_shown(hub: Hub, ada: Person, image: Any) -> None:
    found = await zoom(hub.http, image["deepZoomUrl"])
    urls = (found.url, found.tile_url(9, 0, 0))
    etags = [(await hub.http.get(url)).headers["etag"] for url in urls]
    await ada.do("deleteImage", "{ deletedIds }", imageId=image["id"])
    for url, etag in zip(urls, etags, strict=True):
        for response in (
            await hub.http.get(url),
            await hub.http.get(url, headers={"If-None-Match": etag}),
        ):
            assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
        assert (await hub.http.head(url)).status_code == 404


async def test_of_a_deleted_project_nothing_is_shown(
    hub: Hub, ada: Person, project: str, nuclei: Zoom
) -> None:
    await ada.do("deleteProject", "{ projectId }", projectId=project)
    for url in (nuclei.url, nuclei.tile_url(9, 0, 0)):
        assert (await hub.http.get(url)).status_code == 404


async def test_a_picture_is_stored_beside_its_image_and_takes_none_of_its_owners_storage(
    hub: Hub, ada: Person, project: str, tmp_path: Path
) -> None:
    stats = "query($id: ID!) { project(id: $id) { stats { storageBytes revision } } }"
    [stored] = await uploaded(ada, project, ("nuclei.tif", _NUCLEI))
    before = await ada.ask(stats, id=project)
    await zoom(hub.http, stored["deepZoomUrl"])
    files = [path.name for path in (tmp_path / "hub" / "blobs").rglob("*") if path.is_file()]
    assert sorted(files) == ["original", "pyramid", "thumbnail.webp"]
    assert await ada.ask(stats, id=project) == before
    await ada.do("deleteImage", "{ deletedIds }", imageId=stored["id"])
    assert not [path for path in (tmp_path / "hub" / "blobs").rglob("*") if path.is_file()]
    assert not list((tmp_path / "hub" / "uploads").rglob("pyramid"))


async def test_a_picture_that_cannot_be_made_says_so(
    hub: Hub, ada: Person, project: str, tmp_path: Path
) -> None:
    [stored] = await uploaded(ada, project, ("nuclei.tif", _NUCLEI))
    [original] = (tmp_path / "hub" / "blobs").rglob("original")
    original.write_bytes(_NUCLEI[:5000])
    response = await hub.http.get(stored["deepZoomUrl"])
    assert (response.status_code, response.json()["code"]) == (422, "TILES_FAILED")
    assert "truncated or damaged" in response.json()["message"]
    assert response.headers["cache-control"] == "no-store"


async def test_a_hub_that_starts_anew_shows_what_was_made(
    database_url: str, tmp_path: Path
) -> None:
    async with running_hub(database_url, tmp_path / "hub") as hub:
        ada = await hub.person("Ada")
        found = await zoomed(hub, ada, await project_of(ada), _NUCLEI)
        first = await hub.http.get(found.tile_url(9, 1, 1))
    async with running_hub(database_url, tmp_path / "hub") as hub:
        path = httpx.URL(found.tile_url(9, 1, 1)).raw_path.decode()
        again = await hub.http.get(path)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])


async def test_many_viewers_at_once_get_all_tiles(hub: Hub, image: Any) -> None:
    url = image["deepZoomUrl"]
    zooms = await asyncio.gather(*(zoom(hub.http, url) for _ in range(10)))
    levels = await asyncio.gather(*(found.whole() for found in zooms))
    assert all((level == levels[0]).all() for level in levels)


async def test_a_blob_store_that_is_away_is_no_fault(hub: Hub, image: Any, tmp_path: Path) -> None:
    found = await zoom(hub.http, image["deepZoomUrl"])
    [pyramid] = (tmp_path / "hub" / "blobs").rglob("pyramid")
    content = pyramid.read_bytes()
    pyramid.write_bytes(content[:40])
    response = await hub.http.get(found.tile_url(9, 1, 1))
    assert (response.status_code, response.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(response.headers["retry-after"]) > 0
    pyramid.write_bytes(content)
    assert decoded((await hub.http.get(found.tile_url(9, 1, 1))).content).shape == (3, 3, 3)
