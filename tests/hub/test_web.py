"""The pages: what browsers and programs get, what pages may do, and what nobody reaches by them."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from hub.app import create_app
from hub.settings import Settings
from hub.web import FOLDER
from tests.hubs import running_hub
from tests.serving import serving

_BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
_PAGE = '<meta property="csp-nonce" nonce="%NONCE%"><title>{}</title><p nonce="%NONCE%">'
_SCRIPT = b"export const answer = 42;"
_ICON = b"<svg/>"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as `make web` leaves it."""
    folder = tmp_path / "static"
    assets = folder / "assets"
    assets.mkdir(parents=True)
    for name in ("index", "graphiql"):
        (folder / f"{name}.html").write_text(_PAGE.format(name))
    (assets / "index-1a2b.js").write_bytes(_SCRIPT)
    (assets / "index-1a2b.js.gz").write_bytes(gzip.compress(_SCRIPT))
    (assets / "icon-3c4d.svg").write_bytes(_ICON)
    (tmp_path / "secret.txt").write_text("nobody's business")
    return folder


@asynccontextmanager
async def _visiting(pages: Path, **settings: str) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings.model_validate(settings), pages=pages)
    async with (
        serving(app) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as client,
    ):
        yield client


@pytest_asyncio.fixture
async def client(built: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with _visiting(built) as client:
        yield client


def _directives(response: httpx.Response) -> dict[str, str]:
    policy = response.headers["content-security-policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in policy)


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/", "index"),
        ("/sign-in?next=/projects/1", "index"),
        ("/projects/1", "index"),
        ("/projects/1/images/2", "index"),
        ("/graphql", "graphiql"),
    ],
)
async def test_a_browser_finds_the_page_at_each_of_its_addresses(
    client: httpx.AsyncClient, address: str, page: str
) -> None:
    response = await client.get(address, headers=_BROWSER)
    assert response.status_code == 200
    assert f"<title>{page}</title>" in response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"


async def test_a_page_is_never_kept(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/", headers=_BROWSER)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["vary"] == "Accept"


@pytest.mark.parametrize("address", ["/", "/graphql", "/assets/index-1a2b.js", "/nowhere"])
async def test_head_tells_all_that_get_does_without_the_content(
    client: httpx.AsyncClient, address: str
) -> None:
    head = await client.head(address, headers=_BROWSER)
    get = await client.get(address, headers=_BROWSER)
    assert head.status_code == get.status_code
    assert head.content == b""
    for name in ("content-type", "content-length", "cache-control"):
        assert head.headers[name] == get.headers[name]


async def test_an_address_that_nothing_is_at_shows_a_page_that_says_so(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/project/1", headers=_BROWSER)
    assert response.status_code == 404
    assert "<title>index</title>" in response.text


@pytest.mark.parametrize("address", ["/project/1", "/assets/index-0000.js", "/favicon.ico"])
async def test_programs_are_told_that_nothing_is_there(
    client: httpx.AsyncClient, address: str
) -> None:
    response = await client.get(address)
    assert response.status_code == 404
    assert response.json()["code"] == "NOT_FOUND"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("address", ["/", "/projects/1"])
async def test_programs_are_told_where_the_api_is(client: httpx.AsyncClient, address: str) -> None:
    response = await client.get(address, headers={"Accept": "*/*"})
    assert response.json() == {"name": "Cell Segmentation Hub", "graphql": "/graphql"}
    # Or else a cache may show it to those who open a page at the same address.
    assert response.headers["vary"] == "Accept"
    assert response.headers["cache-control"] == "no-store"


async def test_pages_can_only_be_read(client: httpx.AsyncClient) -> None:
    response = await client.post("/", headers=_BROWSER)
    assert response.status_code == 405


async def test_a_nonce_is_of_one_answer(client: httpx.AsyncClient) -> None:
    nonces = set()
    for _ in range(3):
        response = await client.get("/", headers=_BROWSER)
        assert "%NONCE%" not in response.text
        (nonce,) = set(re.findall(r'nonce="([^"]+)"', response.text))
        assert len(nonce) >= 22
        assert f"'nonce-{nonce}'" in _directives(response)["style-src"]
        nonces.add(nonce)
    assert len(nonces) == 3


async def test_a_page_runs_nothing_but_the_files_of_the_hub(client: httpx.AsyncClient) -> None:
    for address in ("/", "/graphql"):
        response = await client.get(address, headers=_BROWSER)
        directives = _directives(response)
        assert directives["default-src"] == "'none'"
        assert directives["script-src"] == "'self'"
        assert directives["connect-src"] == "'self'"
        for nothing in ("base-uri", "form-action", "frame-ancestors"):
            assert directives[nothing] == "'none'"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cross-origin-opener-policy"] == "same-origin"


async def test_the_application_is_styled_by_its_nonce_and_starts_no_workers(
    client: httpx.AsyncClient,
) -> None:
    directives = _directives(await client.get("/", headers=_BROWSER))
    assert "unsafe-inline" not in directives["style-src"]
    assert directives["worker-src"] == "'none'"


async def test_files_come_from_the_public_address(built: Path) -> None:
    async with _visiting(built, public_url="https://cells.example:8443/hub") as client:
        directives = _directives(await client.get("/", headers=_BROWSER))
    assert directives["img-src"] == "'self' https://cells.example:8443 data: blob:"
    assert directives["connect-src"] == "'self' https://cells.example:8443"
    assert directives["script-src"] == "'self'"


async def test_assets_are_kept_for_good(client: httpx.AsyncClient) -> None:
    response = await client.get("/assets/index-1a2b.js")
    assert response.content == _SCRIPT
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["cache-control"] == "public, immutable, max-age=31536000"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("br;q=1.0, GZIP;q=0.5", "gzip"),
        ("identity", None),
        ("gzip;q=0", None),
        ("br, gzip; q=0.000", None),
        ("xgzip", None),
    ],
)
async def test_assets_are_compressed_for_whom_takes_it(
    client: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    response = await client.get("/assets/index-1a2b.js", headers={"Accept-Encoding": accepted})
    assert response.headers.get("content-encoding") == encoding
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.content == _SCRIPT


async def test_an_asset_that_was_not_compressed_is_sent_as_it_is(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/assets/icon-3c4d.svg", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in response.headers
    assert response.headers["content-type"] == "image/svg+xml"
    assert response.content == _ICON


@pytest.mark.parametrize(
    "target",
    [
        "/assets/../index.html",
        "/assets/..%2findex.html",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/..%5c..%5csecret.txt",
        "/assets/%2fetc%2fpasswd",
        "/assets//etc/passwd",
        "/assets/index-1a2b.js%00",
        "/assets/index-1a2b.js.gz",
        pytest.param(f"/assets/{'a' * 300}", id="longer than names of files are"),
        "/assets/",
        "/../secret.txt",
        "/static/index.html",
        "/index.html",
    ],
)
async def test_nothing_but_assets_is_reached(client: httpx.AsyncClient, target: str) -> None:
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"NOT_FOUND"' in answer


async def test_pages_that_are_built_anew_are_served_from_then_on(
    client: httpx.AsyncClient, built: Path
) -> None:
    (built / "index.html").write_text(_PAGE.format("newer"))
    (built / "assets" / "index-1a2b.js").rename(built / "assets" / "index-5e6f.js")
    assert "newer" in (await client.get("/", headers=_BROWSER)).text
    assert (await client.get("/assets/index-5e6f.js")).content == _SCRIPT
    assert (await client.get("/assets/index-1a2b.js")).status_code == 404


async def test_a_hub_without_pages_serves_the_api_alone(tmp_path: Path, database_url: str) -> None:
    missing = tmp_path / "missing"
    async with running_hub(database_url, tmp_path / "hub", pages=missing) as hub:
        for address in ("/", "/projects/1"):
            response = await hub.http.get(address, headers=_BROWSER)
            assert response.json() == {"name": "Cell Segmentation Hub", "graphql": "/graphql"}
        assert (await hub.http.get("/nowhere", headers=_BROWSER)).status_code == 404
        assert (await hub.http.get("/graphql", headers=_BROWSER)).status_code != 200
        await hub.person("Ann")


async def test_the_api_answers_all_but_browsers_that_open_it(
    built: Path, tmp_path: Path, database_url: str
) -> None:
    query = {"query": "{ __typename }"}
    async with running_hub(database_url, tmp_path / "hub", pages=built) as hub:
        for accept in ("*/*", "application/json", "application/json, text/html;q=0.9"):
            headers = {"Accept": accept, "GraphQL-Preflight": "1"}
            response = await hub.http.get("/graphql", params=query, headers=headers)
            assert response.json() == {"data": {"__typename": "Query"}}
        # A page asks by POST, whatever it accepts.
        headers = {"Accept": "*/*"}
        response = await hub.http.post("/graphql", json=query, headers=headers)
        assert response.json() == {"data": {"__typename": "Query"}}
        assert (await hub.http.post("/graphql", json=query, headers=_BROWSER)).is_success


def test_the_built_pages_need_nothing_but_their_assets() -> None:
    pages = {path.name: path.read_text() for path in FOLDER.glob("*.html")}
    assert pages.keys() == {"index.html", "graphiql.html"}, "build them: make web"
    for page in pages.values():
        assert "%NONCE%" in page
        assert "<style" not in page
        assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=", page)
        addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
        assert addresses
        for address in addresses:
            assert (FOLDER / address.removeprefix("/")).is_file()
            assert address.startswith("/assets/")


def test_what_is_built_compressed_is_what_it_unpacks_to() -> None:
    compressed = list(FOLDER.glob("assets/*.gz"))
    assert {path.suffixes[-2] for path in compressed} >= {".js", ".css"}, "build them: make web"
    for path in compressed:
        assert gzip.decompress(path.read_bytes()) == path.with_suffix("").read_bytes()
