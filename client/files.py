"""Downloading the files that signed addresses lead to."""

import asyncio
import hashlib
from http import HTTPStatus
from pathlib import Path
from typing import Self

import httpx

from client.addresses import LOCAL
from client.errors import ClientError, HubUnreachable

_SECONDS = 60.0  # without a byte
_EXPIRED = (HTTPStatus.FORBIDDEN, HTTPStatus.GONE)
_BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class AddressExpired(ClientError):
    """The address does not hold any more; the hub gives another one."""


class NotTheFile(ClientError):
    """What the address leads to is not the file."""


class Damaged(NotTheFile):
    """What came is not what was stored; it may have been damaged on the way."""

    passes = True


class Downloads:
    """Downloads files, over connections that it keeps. Use it as a context manager."""

    def __init__(self) -> None:
        direct = httpx.AsyncHTTPTransport()
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(_SECONDS, connect=10.0),
            follow_redirects=True,
            mounts={f"all://{f'[{host}]' if ':' in host else host}": direct for host in LOCAL},
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._http.aclose()

    async def download(self, url: str, path: Path, *, size_bytes: int, checksum: str) -> None:
        """Stream a file to a path, which is overwritten, and check its size and SHA-256 (in hex).

        Raises ClientError, and OSError where the file can't be written.
        """
        try:
            async with self._http.stream("GET", url) as response:
                _check(response.status_code)
                found = await _write(response, path, size_bytes)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise NotTheFile("The address of the file is none.") from error
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise HubUnreachable(f"The file could not be read to its end: {reason}.") from error
        if found != checksum:
            raise Damaged("What was received is not the file: its checksum differs.")


async def _write(response: httpx.Response, path: Path, size_bytes: int) -> str:
    digest = hashlib.sha256()
    size = 0
    # Whatever is at the address, no more of it is kept than the file has.
    with path.open("wb") as file:
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > size_bytes:
                raise Damaged("What was received is longer than the file.")
            await asyncio.to_thread(file.write, piece)
            digest.update(piece)
    if size < size_bytes:
        raise Damaged("What was received is shorter than the file.")
    return digest.hexdigest()


def _check(status: int) -> None:
    if status in _EXPIRED:
        raise AddressExpired("The address of the file does not hold any more.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _BUSY:
        raise HubUnreachable(f"The file's address answers with status {status}.")
    if status != HTTPStatus.OK:
        raise NotTheFile(f"The file's address answers with status {status}.")
