"""A hub of the demo's own: a child process, on a free port and in an empty folder."""

import asyncio
import os
import subprocess
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from msgspec import Struct

from hub.demo.failure import DemoFailed
from hub.embedded_postgres import EmbeddedPostgres
from hub.settings import PREFIX

_START_SECONDS = 30.0
_STOP_SECONDS = 20.0
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
    data_dir, log = folder / "data", folder / "hub.log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own command, and it starts at once
            [Path(sysconfig.get_path("scripts")) / "cellhub", "serve", "--port", "0"],
            env=inherited | {f"{PREFIX}DATA_DIR": str(data_dir)},
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            # Ctrl-C is for the demo, which ends its hub in order.
            start_new_session=True,
        )
    try:
        try:
            async with asyncio.timeout(_START_SECONDS):
                url = await _address(process)
                await _ready(url, process)
        except (TimeoutError, _NeverReady):
            said = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
            raise DemoFailed(f"The hub did not start:\n{said}") from None
        yield RunningHub(url, data_dir)
    finally:
        process.terminate()
        await asyncio.shield(asyncio.to_thread(_end, process, data_dir))


async def _address(process: "subprocess.Popen[str]") -> str:
    """Return the address that the hub prints once it listens."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    line = await asyncio.to_thread(process.stdout.readline)
    _, found, rest = line.partition("http://")
    if not found:
        raise _NeverReady
    return f"http://{rest.partition('/')[0]}"


async def _ready(url: str, process: "subprocess.Popen[str]") -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        while process.poll() is None:
            try:
                if (await http.get(f"{url}/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(_POLL_SECONDS)
    raise _NeverReady


def _end(process: "subprocess.Popen[str]", data_dir: Path) -> None:
    with process:
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    if (data_dir / "postgres" / "postmaster.pid").exists():
        # The hub could not stop its database any more. Whoever uses it last does.
        with EmbeddedPostgres(data_dir):
            pass
