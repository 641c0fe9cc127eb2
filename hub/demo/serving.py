"""A hub of the demo's own: a child process, on a free port and in an empty folder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from msgspec import Struct

from hub.demo.failure import DemoFailed
from hub.demo.process import Command
from hub.embedded_postgres import EmbeddedPostgres

_START_SECONDS = 30.0
_POLL_SECONDS = 0.05


class RunningHub(Struct, frozen=True):
    """A hub that answers."""

    url: str
    data_dir: Path


class _NeverReady(Exception):
    """The process ended, or said something else than where it listens."""


@asynccontextmanager
async def running_hub(folder: Path) -> AsyncIterator[RunningHub]:
    """Run ``cellhub serve`` in the folder, and end it. Raises DemoFailed where it doesn't start."""
    data_dir = folder / "data"
    command = Command(
        *("serve", "--port", "0"),
        variables={"CELLHUB_DATA_DIR": str(data_dir)},
        log=folder / "hub.log",
    )
    try:
        try:
            async with asyncio.timeout(_START_SECONDS):
                url = await _address(command)
                await _ready(url, command)
        except (TimeoutError, _NeverReady):
            raise DemoFailed(f"The hub did not start:\n{command.logged()}") from None
        yield RunningHub(url, data_dir)
    finally:
        await asyncio.shield(asyncio.to_thread(_end, command, data_dir))


async def _address(command: Command) -> str:
    """Return the address that the hub prints once it listens."""
    _, found, rest = (await command.line()).partition("http://")
    if not found:
        raise _NeverReady
    return f"http://{rest.partition(',')[0]}"


async def _ready(url: str, command: Command) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        while command.is_running:
            try:
                if (await http.get(f"{url}/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(_POLL_SECONDS)
    raise _NeverReady


def _end(command: Command, data_dir: Path) -> None:
    command.end()
    if (data_dir / "postgres" / "postmaster.pid").exists():
        # The hub could not stop its database any more. Whoever uses it last does.
        with EmbeddedPostgres(data_dir):
            pass
