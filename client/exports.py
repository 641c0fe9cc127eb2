"""Exports of projects, downloaded."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import httpx
import msgspec

from client.addresses import is_local
from client.connection import HubClient
from client.errors import ClientError, HubUnreachable, NotAHub, Refused
from client.formats import ExportFormat

_ADDRESS = """query($id: ID!, $formats: [ExportFormat!]) {
  project(id: $id) { exportUrl(formats: $formats) }
}"""
# Between two pieces: an image may take two minutes, and is tried twice.
_SILENCE_SECONDS = 300.0


class _Project(msgspec.Struct, frozen=True, rename="camel"):
    export_url: str


async def export_project(
    hub: HubClient, project_id: str, formats: Sequence[ExportFormat], path: Path
) -> int:
    """Write a project's archive to a path; return its bytes. No formats stand for all of them.

    The file appears whole or not at all. Raises ClientError, or OSError where it can't be written.
    """
    wanted = [format_.name for format_ in formats] or None
    variables = {"id": project_id, "formats": wanted}
    found = await hub.find(_ADDRESS, _Project, variables)
    if found is None:
        raise Refused("NOT_FOUND", "There is no such project.")
    unfinished = path.with_name(f"{path.name}.part")
    try:
        size = await _download(found.export_url, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return size


async def _download(url: str, path: Path) -> int:
    timeout = httpx.Timeout(_SILENCE_SECONDS, connect=10.0)
    try:
        async with (
            httpx.AsyncClient(timeout=timeout, trust_env=not is_local(url)) as http,
            http.stream("GET", url) as response,
        ):
            if response.status_code != HTTPStatus.OK:
                raise _refusal(response.status_code, await response.aread(), url)
            with path.open("wb") as file:
                async for piece in response.aiter_bytes():
                    file.write(piece)
                return file.tell()
    except httpx.HTTPError as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise HubUnreachable(f"The export broke off: {reason}.") from error


def _refusal(status: int, content: bytes, url: str) -> ClientError:
    try:
        told = msgspec.json.decode(content, type=dict[str, str])
        return Refused(told["code"], told["message"])
    except (msgspec.DecodeError, KeyError):
        return NotAHub(f"What answers at {url} is no hub: it answers with status {status}.")
