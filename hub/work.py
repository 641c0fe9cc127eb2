"""The command line of ``cellhub worker``."""

import asyncio
import os
import socket
from logging.config import dictConfig
from typing import Annotated

import typer

from hub import logs
from hub.settings import Settings

_FAILED = 1
_WRONG_USAGE = 2


def work(
    *,
    url: Annotated[
        str, typer.Option(envvar="CELLHUB_URL", help="The hub's address.")
    ] = "http://127.0.0.1:8000",
    api_key: Annotated[
        str, typer.Option(envvar="CELLHUB_API_KEY", help="An API key, to sign in.")
    ] = "",
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model to run; may come several times. Left out: all that can."),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, max=100, help="Jobs at a time.")] = 1,
    name: Annotated[
        str, typer.Option(help="What people call the worker; its host's name if left out.")
    ] = "",
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that a job may take.")] = 600,
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds that jobs have to end when it is told to stop.")
    ] = 30,
    lease: Annotated[
        int,
        typer.Option(
            min=10, max=3600, help="Seconds after which others get the jobs of a worker that died."
        ),
    ] = 120,
    nice: Annotated[int, typer.Option(min=0, max=19, help="Leave the CPU to others.")] = 0,
    until_stdin_ends: Annotated[bool, typer.Option("--until-stdin-ends", hidden=True)] = False,
) -> None:
    """Segment images for a hub; docs/workers.md tells more.

    SIGTERM and SIGINT stop it: it finishes what it is at, or hands it back; a second one has it
    hand back at once. It ends with 1 where the hub refuses it, and with 2 if it can't be done as it
    was said.
    """
    # Imported here, since the other commands need no worker.
    from client.errors import ClientError, NotAHub  # noqa: PLC0415
    from worker.models import NoModels  # noqa: PLC0415
    from worker.run import Options, work  # noqa: PLC0415

    if not api_key:
        raise _ended("An API key is needed: CELLHUB_API_KEY or --api-key.", _WRONG_USAGE)
    settings = Settings.load()
    dictConfig(logs.configuration(settings.log_level, settings.log_format))
    os.nice(nice)
    options = Options(
        url=url,
        api_key=api_key,
        name=name or socket.gethostname(),
        models=model or (),
        processes=processes,
        lease_seconds=lease,
        timeout_seconds=timeout,
        grace_seconds=grace,
    )
    try:
        asyncio.run(work(options, typer.echo, until_stdin_ends=until_stdin_ends))
    except NotAHub as error:
        raise _ended(str(error), _WRONG_USAGE) from None
    except (ClientError, NoModels) as error:
        raise _ended(str(error), _FAILED) from None


def _ended(line: str, code: int) -> typer.Exit:
    typer.echo(f"cellhub: {line}", err=True)
    return typer.Exit(code)
