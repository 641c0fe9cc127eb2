"""Downloading: what is written is what was stored, or an error says why not."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from client.errors import ClientError, HubUnreachable
from client.files import AddressExpired, Damaged, Downloads, NotTheFile
from tests.hubs import Hub
from tests.live.pictures import png
from tests.serving import Stage, serving

CONTENT = b"the cells divide at dawn"
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


async def download(url: str, path: Path, *, size_bytes: int, checksum: str) -> None:
    async with Downloads() as downloads:
        await downloads.download(url, path, size_bytes=size_bytes, checksum=checksum)


async def get(answer: ASGIApp, path: Path) -> bytes:
    """Download the content from a server that answers so; return what was written."""
    stage = Stage()
    stage.http = answer
    async with serving(stage) as address:
        url = f"http://{address}/file"
        await download(url, path, size_bytes=len(CONTENT), checksum=CHECKSUM)
    return await asyncio.to_thread(path.read_bytes)


async def test_a_hubs_files_are_had_by_their_addresses(hub: Hub, tmp_path: Path) -> None:
    ada = await hub.person("Ada")
    created = await ada.do("createProject", "{ project { id } }", name="Nuclei")
    fields = "{ images { url sizeBytes checksum } }"
    stored = await ada.upload(created["project"]["id"], ("a.png", png(side=8)), fields=fields)
    [image] = stored["images"]
    path = tmp_path / "a.png"
    known = {"size_bytes": image["sizeBytes"], "checksum": image["checksum"]}
    await download(image["url"], path, **known)
    assert path.read_bytes() == png(side=8)
    with pytest.raises(AddressExpired):
        await download(f"{image['url']}x", path, **known)


REFUSALS: list[tuple[int, type[ClientError], bool]] = [
    (403, AddressExpired, False),
    (410, AddressExpired, False),
    (404, NotTheFile, False),
    (401, NotTheFile, False),
    (206, NotTheFile, False),
    (429, HubUnreachable, True),
    (503, HubUnreachable, True),
]


@pytest.mark.parametrize(("status", "kind", "passes"), REFUSALS)
async def test_what_a_refusal_means_is_told_by_its_status(
    tmp_path: Path, status: int, kind: type[ClientError], passes: bool
) -> None:
    with pytest.raises(ClientError) as refused:
        await get(PlainTextResponse("no", status), tmp_path / "file")
    assert (type(refused.value), refused.value.passes) == (kind, passes)


@pytest.mark.parametrize(
    ("content", "how"),
    [
        (CONTENT[:-1], "shorter"),
        (CONTENT + b"!", "longer"),
        (CONTENT.upper(), "its checksum differs"),
        (b"", "shorter"),
    ],
)
async def test_what_is_not_what_was_stored_is_refused_and_may_come_right_again(
    tmp_path: Path, content: bytes, how: str
) -> None:
    with pytest.raises(Damaged, match=how) as damaged:
        await get(Response(content), tmp_path / "file")
    assert damaged.value.passes


async def test_an_answer_that_breaks_off_may_come_whole_again(tmp_path: Path) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", str(len(CONTENT)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": CONTENT[:5], "more_body": True})

    with pytest.raises(HubUnreachable, match="could not be read to its end"):
        await get(broken, tmp_path / "file")


async def test_proxies_are_for_other_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert await get(Response(CONTENT), tmp_path / "file") == CONTENT
    with pytest.raises(HubUnreachable):
        await download("http://hub.invalid/x", tmp_path / "file", size_bytes=1, checksum="")


async def test_redirections_are_followed(tmp_path: Path) -> None:
    async def redirecting(scope: Scope, receive: Receive, send: Send) -> None:
        is_there = scope["path"] == "/there"
        answer = Response(CONTENT) if is_there else RedirectResponse("/there")
        await answer(scope, receive, send)

    assert await get(redirecting, tmp_path / "file") == CONTENT


async def test_no_more_of_an_endless_answer_is_kept_than_the_file_has(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(2**16)
            await asyncio.sleep(0)

    path = tmp_path / "file"
    with pytest.raises(Damaged, match="longer"):
        await get(StreamingResponse(endless()), path)
    assert path.stat().st_size <= len(CONTENT)


async def test_large_files_are_streamed_to_disk(tmp_path: Path) -> None:
    size, piece = 2**26, bytes(2**16)
    digest = hashlib.sha256(bytes(size)).hexdigest()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    stage = Stage()
    stage.http = StreamingResponse(pieces())
    async with serving(stage) as address:
        tracemalloc.start()
        try:
            await download(f"http://{address}", tmp_path / "file", size_bytes=size, checksum=digest)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < size / 8


async def test_nobody_at_the_address_may_pass_and_no_address_does_not(tmp_path: Path) -> None:
    for url, kind in (("http://127.0.0.1:1/x", HubUnreachable), ("ftp://x/y", NotTheFile)):
        with pytest.raises(kind):
            await download(url, tmp_path / "file", size_bytes=1, checksum="")


async def test_a_file_that_can_not_be_written_is_the_callers_trouble(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await get(Response(CONTENT), tmp_path / "nowhere" / "file")
