"""A hub of the demo's own: a child process, on a free port and an empty folder."""

import asyncio
import os
import sysconfig
from asyncio.subprocess import PIPE, Process
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


@asynccontextmanager
async def running_hub(folder: Path) -> AsyncIterator[RunningHub]:
    """Run ``cellhub serve`` in the folder, and end it. Raises DemoFailed where it doesn't start."""
    data_dir, log = folder / "data", folder / "hub.log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(Path(sysconfig.get_path("scripts")) / "cellhub", "serve", "--port", "0"),
            env=inherited | {f"{PREFIX}DATA_DIR": str(data_dir)},
            stdout=PIPE,
            stderr=output,
            # Ctrl-C is for the demo, which ends its hub in order.
            start_new_session=True,
        )
    try:
        try:
            async with asyncio.timeout(_START_SECONDS):
                url = await _address(process)
                await _ready(url, process)
        except (TimeoutError, EOFError):
            said = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
            raise DemoFailed(f"The hub did not start:\n{said}") from None
        yield RunningHub(url, data_dir)
    finally:
        await asyncio.shield(_end(process, data_dir))


async def _address(process: Process) -> str:
    """Return the address that the hub prints when it listens."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    line = (await process.stdout.readline()).decode()
    _, found, rest = line.partition("http://")
    if not found:
        raise EOFError
    return f"http://{rest.partition('/')[0]}"


async def _ready(url: str, process: Process) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        while process.returncode is None:
            try:
                if (await http.get(f"{url}/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(_POLL_SECONDS)
    raise EOFError


async def _end(process: Process, data_dir: Path) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        # It could not stop its database any more; whoever uses it last does.
        with EmbeddedPostgres(data_dir):
            pass
