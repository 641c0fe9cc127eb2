"""The command line: ``cellhub``."""

import asyncio
import signal
import sys
from importlib.metadata import version as version_of
from logging.config import dictConfig
from typing import Annotated, NoReturn

import typer

from hub import logs
from hub.embedded_postgres import EmbeddedPostgresError
from hub.export import export
from hub.preparation import prepared
from hub.settings import Settings, SettingsError
from hub.upload import upload
from hub.work import work

app = typer.Typer(
    name="cellhub",
    help="A real-time hub for cell segmentation."
    " Settings come from the environment, as CELLHUB_DATA_DIR; docs/operating.md lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command; what the user can put right is one line on stderr, not a traceback."""
    # SIGTERM unwinds like Ctrl-C, so that an embedded database is stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except SettingsError as error:
        _refuse(error.lines, 2)
    except EmbeddedPostgresError as error:
        _refuse([str(error)], 1)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that serve.")] = 1,
    local_worker: Annotated[
        bool, typer.Option(help="Segment on this machine, too, when the CPU is free.")
    ] = False,
) -> None:
    """Migrate the database, then serve the API and the pages."""
    # Imported where they are used: a command should not wait for what it does not need.
    from hub.serve import ServeError  # noqa: PLC0415
    from hub.serve import serve as run  # noqa: PLC0415

    try:
        run(_settings(), host=host, port=port, workers=workers, local_worker=local_worker)
    except ServeError as error:
        _refuse([str(error)], 1)


@app.command()
def migrate(
    revision: Annotated[str, typer.Option(help="Revision to reach.")] = "head",
) -> None:
    """Bring the database to the newest revision of its schema."""
    with prepared(_settings()) as settings:
        _upgrade(settings, revision)


@app.command()
def gc(
    hours: Annotated[float, typer.Option(min=0, help="Leave files alone that are younger.")] = 24,
) -> None:
    """Remove what crashes left behind, and what has been remembered for long enough."""
    from hub.gc import collect  # noqa: PLC0415

    with prepared(_settings()) as settings:
        _upgrade(settings)
        removed = asyncio.run(collect(settings, older_than_seconds=hours * 3600))
    typer.echo(
        f"Removed {removed.blobs} files without an image, {removed.unfinished} unfinished files, "
        f"{removed.tombstones} tombstones and {removed.sessions} expired sessions."
    )


@app.command()
def worker_key(
    name: Annotated[str, typer.Argument(help="What the key is for, as the worker's machine.")],
    *,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Withdraw the keys of this name instead.")
    ] = False,
) -> None:
    """Make a key with which a worker serves all projects; print its secret, this once."""
    from hub import worker_key as keys  # noqa: PLC0415
    from resolvers.errors import BadUserInput  # noqa: PLC0415

    with prepared(_settings()) as settings:
        _upgrade(settings)
        try:
            if withdraw:
                typer.echo(f"Withdrew {asyncio.run(keys.withdraw(settings, name))} keys.")
            else:
                typer.echo(asyncio.run(keys.create(settings, name)))
        except BadUserInput as error:
            _refuse([str(error)], 2)


app.command()(upload)

app.command()(export)

app.command("worker")(work)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(version_of("cellhub"))


def _upgrade(settings: Settings, revision: str = "head") -> None:
    from persistence.migrate import MigrationError, upgrade  # noqa: PLC0415

    try:
        asyncio.run(upgrade(settings.database_url, revision))
    except MigrationError as error:
        _refuse([str(error)], 1)


def _settings() -> Settings:
    settings = Settings.load()
    dictConfig(logs.configuration(settings.log_level, settings.log_format))
    return settings


def _refuse(lines: list[str], code: int) -> NoReturn:
    for line in lines:
        typer.echo(f"cellhub: {line}", err=True)
    sys.exit(code)
