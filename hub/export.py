"""The command line of ``cellhub export``."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from client.formats import ExportFormat
from hub.signing_in import ended, signed_in_by

_FAILED = 1
_WRONG_USAGE = 2
_INTERRUPTED = 130  # as shells have it


def export(
    *,
    project: Annotated[str, typer.Option(help="The project's ID.")],
    output: Annotated[Path, typer.Option(help="The ZIP archive to write.", dir_okay=False)],
    formats: Annotated[
        list[ExportFormat] | None,
        typer.Option("--format", help="What is to be in it; may be given again. All, if left out."),
    ] = None,
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
) -> None:
    """Write what was found in all images of a project to a ZIP archive.

    It ends with 0 when the archive is whole, with 1 if it broke off, which leaves nothing behind,
    and with 2 if it can't be done as it was said.
    """
    from client.connection import HubClient  # noqa: PLC0415
    from client.errors import ClientError  # noqa: PLC0415
    from client.exports import export_project  # noqa: PLC0415

    async def run() -> int:
        async with HubClient(url, signed_in_by(api_key, email)) as hub:
            return await export_project(hub, project, formats or [], output)

    try:
        size = asyncio.run(run())
    except ClientError as error:
        raise ended(str(error), _FAILED if error.passes else _WRONG_USAGE) from None
    except OSError as error:
        raise ended(str(error), _WRONG_USAGE) from None
    except KeyboardInterrupt:
        raise ended("Interrupted. Nothing was written.", _INTERRUPTED) from None
    typer.echo(f"{output}: {size} bytes")
