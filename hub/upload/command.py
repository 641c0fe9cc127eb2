"""The command line of ``cellhub upload``."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from hub.signing_in import ended, signed_in_by

_FAILED = 1
_WRONG_USAGE = 2
_INTERRUPTED = 130  # as shells have it


def upload(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders.")],
    *,
    project: Annotated[str, typer.Option(help="The project's ID.")],
    url: Annotated[
        str, typer.Option(envvar="CELLHUB_URL", help="The hub's address.")
    ] = "http://127.0.0.1:8000",
    api_key: Annotated[
        str | None, typer.Option(envvar="CELLHUB_API_KEY", help="An API key, to sign in.")
    ] = None,
    email: Annotated[
        str | None,
        typer.Option(help="Or an e-mail address; CELLHUB_PASSWORD or a prompt has the password."),
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=16, help="Calls at a time.")] = 4,
) -> None:
    """Send image files and folders to a project; what it has already is skipped.

    Whatever stopped it, the same command goes on where it was. It ends with 0 if all files are
    stored, with 1 if some are not, and with 2 if it can't be done as it was said.
    """
    # Imported here, since the other commands need no client.
    from rich.console import Console  # noqa: PLC0415

    from client.errors import ClientError, HubUnreachable  # noqa: PLC0415
    from hub.upload.run import Order, run  # noqa: PLC0415

    order = Order(
        paths=paths,
        project_id=project,
        url=url,
        credentials=signed_in_by(api_key, email),
        parallel=parallel,
    )
    try:
        complete = asyncio.run(run(order, Console(highlight=False)))
    except ClientError as error:
        code = _FAILED if isinstance(error, HubUnreachable) else _WRONG_USAGE
        raise ended(str(error), code) from None
    except KeyboardInterrupt:
        line = "Interrupted. The same command goes on where this one stopped."
        raise ended(line, _INTERRUPTED) from None
    if not complete:
        raise typer.Exit(_FAILED)
