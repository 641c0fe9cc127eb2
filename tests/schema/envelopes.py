"""Multipart requests, put together by hand."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec

UPLOAD = "mutation ($input: UploadInput!) { upload(input: $input) { name path size sha256 } }"
NAMES = "mutation ($files: [Upload!]!) { uploadNames(files: $files) }"
HEADERS = {
    "authorization": "Bearer ada",
    "GraphQL-Preflight": "1",
    "content-type": "multipart/form-data; boundary=b0unda7y",
}
LAST = b"--b0unda7y--\r\n"


def part(name: str, content: bytes | object, disposition: str = "") -> bytes:
    """Encode a part; what is not bytes is encoded as JSON."""
    encoded = content if isinstance(content, bytes) else msgspec.json.encode(content)
    head = f'--b0unda7y\r\nContent-Disposition: form-data; name="{name}"{disposition}\r\n\r\n'
    return head.encode() + encoded + b"\r\n"


def file_part(name: str, content: bytes, filename: str = "cells.png") -> bytes:
    return part(name, content, f'; filename="{filename}"\r\nContent-Type: image/png')


def operations(count: int, query: str = UPLOAD) -> bytes:
    variables = (
        {"input": {"files": [None] * count}} if query == UPLOAD else {"files": [None] * count}
    )
    return part("operations", {"query": query, "variables": variables})


def paths(count: int, query: str = UPLOAD) -> dict[str, list[str]]:
    prefix = "variables.input.files" if query == UPLOAD else "variables.files"
    return {str(index): [f"{prefix}.{index}"] for index in range(count)}


def whole(*contents: bytes, query: str = UPLOAD) -> bytes:
    count = len(contents)
    files = [file_part(str(index), content) for index, content in enumerate(contents)]
    return operations(count, query) + part("map", paths(count, query)) + b"".join(files) + LAST


async def send(
    client: httpx.AsyncClient, body: bytes | AsyncIterator[bytes], **headers: str
) -> httpx.Response:
    return await client.post("/", content=body, headers=HEADERS | headers)


def message_of(response: httpx.Response, status: int = 400) -> str:
    assert response.status_code == status, response.text
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    message: str = error["message"]
    return message


class Wire:
    """A client that sends a request bit by bit."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(
        cls, address: str, content_length: int, headers: dict[str, str] = HEADERS
    ) -> "Wire":
        host, _, port = address.partition(":")
        wire = cls(*await asyncio.open_connection(host, int(port)))
        head = {"host": address, "content-length": str(content_length), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        await wire.send(f"POST / HTTP/1.1\r\n{lines}\r\n".encode())
        return wire

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[bytes, dict[str, Any]]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head, msgspec.json.decode(await self.reader.readexactly(length))

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()
