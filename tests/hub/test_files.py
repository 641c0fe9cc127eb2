"""Files behind signed addresses: what a browser, a canvas and a careful attacker get."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from hub.conditional import http_date
from hub.files import FileEndpoint
from persistence.blobs import BlobStore
from resolvers import addresses
from resolvers.addresses import AddressSigner

_KEY = "projects/1/images/2/original"
_CONTENT = bytes(range(256)) * 16
_SIZE = len(_CONTENT)
_SIGNER = AddressSigner(b"secret", 600)
_ADDRESS = _SIGNER.path(_KEY, "nuclei.tif", "image/tiff")


@pytest_asyncio.fixture
async def blobs() -> BlobStore:
    blobs = BlobStore.open("memory://")
    await blobs.put_bytes(_KEY, _CONTENT, "text/html")
    return blobs


def _application(blobs: BlobStore) -> Starlette:
    return Starlette(routes=[Route("/files/{key:path}", FileEndpoint(blobs, _SIGNER))])


@pytest_asyncio.fixture
async def client(blobs: BlobStore) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(_application(blobs))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        yield client


async def test_a_file_is_served_whole(client: httpx.AsyncClient) -> None:
    response = await client.get(_ADDRESS)
    assert response.status_code == 200
    assert response.content == _CONTENT
    assert response.headers["content-length"] == str(_SIZE)
    assert response.headers["accept-ranges"] == "bytes"


async def test_the_type_is_the_one_that_was_signed(client: httpx.AsyncClient) -> None:
    response = await client.get(_ADDRESS, headers={"Accept": "text/html"})
    assert response.headers["content-type"] == "image/tiff"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_files_run_no_scripts_and_may_be_drawn_on_any_canvas(
    client: httpx.AsyncClient,
) -> None:
    headers = (await client.get(_ADDRESS, headers={"Origin": "https://elsewhere.test"})).headers
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["access-control-allow-origin"] == "*"


async def test_a_copy_may_be_kept_while_the_address_is_good(client: httpx.AsyncClient) -> None:
    control = (await client.get(_ADDRESS)).headers["cache-control"]
    *words, age = control.split(", ")
    assert words == ["private", "immutable"]
    assert 600 <= int(age.removeprefix("max-age=")) <= 1200


async def test_head_tells_all_that_get_does_without_the_content(
    client: httpx.AsyncClient,
) -> None:
    head, get = await client.head(_ADDRESS), await client.get(_ADDRESS)
    assert head.status_code == 200
    assert head.content == b""
    assert dict(head.headers) == dict(get.headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_files_can_only_be_read(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, _ADDRESS)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.json()["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    "address",
    [
        "/files/",
        f"/files/{_KEY}",
        _ADDRESS[:-1],
        _ADDRESS.replace("image%2Ftiff", "text%2Fhtml"),
        _ADDRESS.replace("nuclei", "other"),
        _ADDRESS.replace("images/2", "images/3"),
        f"{_ADDRESS}&name=other.tif",
    ],
)
async def test_an_address_that_was_not_signed_opens_nothing(
    client: httpx.AsyncClient, address: str
) -> None:
    response = await client.get(address)
    assert response.status_code == 403
    assert response.json()["code"] == "ADDRESS_INVALID"
    assert response.json()["message"].endswith(".")
    assert response.headers["cache-control"] == "no-store"


class _NextWeek:
    @staticmethod
    def time() -> float:
        return time.time() + 7 * 86400


async def test_an_expired_address_opens_nothing(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await client.get(_ADDRESS)).status_code == 200
    monkeypatch.setattr(addresses, "time", _NextWeek)
    response = await client.get(_ADDRESS)
    assert response.status_code == 403
    assert response.json()["code"] == "ADDRESS_EXPIRED"


async def test_a_deleted_file_is_not_found(client: httpx.AsyncClient, blobs: BlobStore) -> None:
    await blobs.delete([_KEY])
    for response in (await client.get(_ADDRESS), await client.head(_ADDRESS)):
        assert response.status_code == 404
    assert (await client.get(_ADDRESS)).json()["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, _SIZE),
        ("bytes=-100", _SIZE - 100, _SIZE),
        ("bytes=-999999", 0, _SIZE),
        (f"bytes={_SIZE - 1}-", _SIZE - 1, _SIZE),
        ("bytes=10-999999999999", 10, _SIZE),
        ("Bytes= 10-19 ", 10, 20),
    ],
)
async def test_a_range_is_answered_with_that_part(
    client: httpx.AsyncClient, wanted: str, start: int, end: int
) -> None:
    response = await client.get(_ADDRESS, headers={"Range": wanted})
    assert response.status_code == 206
    assert response.content == _CONTENT[start:end]
    assert response.headers["content-range"] == f"bytes {start}-{end - 1}/{_SIZE}"
    assert response.headers["content-length"] == str(end - start)
    assert response.headers["content-type"] == "image/tiff"


@pytest.mark.parametrize("wanted", [f"bytes={_SIZE}-", f"bytes={_SIZE}-{_SIZE + 9}", "bytes=-0"])
async def test_a_range_behind_the_end_is_refused(client: httpx.AsyncClient, wanted: str) -> None:
    response = await client.get(_ADDRESS, headers={"Range": wanted})
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{_SIZE}"
    assert response.json()["code"] == "RANGE_NOT_SATISFIABLE"


@pytest.mark.parametrize(
    "wanted",
    ["bytes=", "bytes=-", "bytes=9-2", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5", "bytes=1" * 30],
)
async def test_a_range_that_makes_no_sense_is_ignored(
    client: httpx.AsyncClient, wanted: str
) -> None:
    response = await client.get(_ADDRESS, headers={"Range": wanted})
    assert response.status_code == 200
    assert response.content == _CONTENT


async def test_head_ignores_ranges(client: httpx.AsyncClient) -> None:
    response = await client.head(_ADDRESS, headers={"Range": "bytes=0-9"})
    assert response.status_code == 200
    assert response.headers["content-length"] == str(_SIZE)


async def test_a_range_of_another_version_is_answered_with_the_whole_file(
    client: httpx.AsyncClient,
) -> None:
    known = (await client.get(_ADDRESS)).headers
    etag, modified = known["etag"], known["last-modified"]
    for condition, status in (
        (etag, 206),
        (modified, 206),
        (f"W/{etag}", 200),
        ('"other"', 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("nonsense", 200),
    ):
        headers = {"Range": "bytes=0-9", "If-Range": condition}
        assert (await client.get(_ADDRESS, headers=headers)).status_code == status, condition


async def test_a_copy_that_is_still_good_is_not_sent_again(client: httpx.AsyncClient) -> None:
    etag = (await client.get(_ADDRESS)).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        response = await client.get(_ADDRESS, headers={"If-None-Match": known})
        assert response.status_code == 304
        assert response.content == b""
        assert response.headers["etag"] == etag
        assert "max-age=" in response.headers["cache-control"]
    for other in ('"other"', "", "nonsense"):
        response = await client.get(_ADDRESS, headers={"If-None-Match": other})
        assert response.status_code == 200


async def test_a_copy_may_be_known_by_its_date(client: httpx.AsyncClient, blobs: BlobStore) -> None:
    modified = (await blobs.stat(_KEY)).modified
    for since, status in (
        (http_date(modified), 304),
        (http_date(modified + timedelta(days=1)), 304),
        (http_date(modified - timedelta(seconds=2)), 200),
        ("yesterday", 200),
        ("Thu, 01 Jan 2099 00:00:00 -0000", 200),
    ):
        response = await client.get(_ADDRESS, headers={"If-Modified-Since": since})
        assert response.status_code == status, since
    headers = {"If-None-Match": '"other"', "If-Modified-Since": http_date(modified)}
    assert (await client.get(_ADDRESS, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("name", "mime_type", "expected"),
    [
        ("a b.tif", "image/tiff", "inline; filename=\"a b.tif\"; filename*=UTF-8''a%20b.tif"),
        (
            "Zellkörper 50%.tif",
            "image/tiff",
            "inline; filename=\"Zellk_rper 50_.tif\"; filename*=UTF-8''Zellk%C3%B6rper%2050%25.tif",
        ),
        (
            'x"\r\nSet-Cookie: a=b\\',
            "image/png",
            'inline; filename="x___Set-Cookie: a=b_"; '
            "filename*=UTF-8''x%22%0D%0ASet-Cookie%3A%20a%3Db%5C",
        ),
        ("cells.json", "application/json", None),
    ],
)
async def test_a_file_is_saved_under_its_own_name(
    client: httpx.AsyncClient, name: str, mime_type: str, expected: str | None
) -> None:
    headers = (await client.get(_SIGNER.path(_KEY, name, mime_type))).headers
    assert headers["content-type"] == mime_type
    assert "set-cookie" not in headers
    if expected:
        assert headers["content-disposition"] == expected
    else:
        assert headers["content-disposition"].startswith("attachment; ")


async def test_an_empty_file_is_served_empty(client: httpx.AsyncClient, blobs: BlobStore) -> None:
    await blobs.put_bytes("empty", b"", "image/png")
    address = _SIGNER.path("empty", "empty", "image/png")
    response = await client.get(address)
    assert (response.status_code, response.content) == (200, b"")
    assert (await client.get(address, headers={"Range": "bytes=0-"})).status_code == 416
    assert (await client.get(address, headers={"Range": "bytes=-5"})).status_code == 416


async def test_large_files_are_streamed_over_a_real_socket(blobs: BlobStore) -> None:
    content = bytes(range(256)) * 40_000
    await blobs.put_bytes("large", content, "image/png")
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(_application(blobs), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    address = _SIGNER.path("large", "Größe & Form.png", "image/png")
    async with httpx.AsyncClient(base_url=base) as client:
        whole = await client.get(address)
        part = await client.get(address, headers={"Range": "bytes=5000000-9999999"})
        head = await client.head(address)
        async with client.stream("GET", address) as abandoned:
            await anext(abandoned.aiter_bytes())
        again = await client.get(address, headers={"If-None-Match": whole.headers["etag"]})
    server.should_exit = True
    await serving
    assert whole.content == content
    assert part.content == content[5_000_000:10_000_000]
    assert head.headers["content-length"] == str(len(content))
    assert again.status_code == 304
