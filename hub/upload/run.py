"""One run of ``cellhub upload``, from what was ordered to its summary."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from rich.console import Console

from client.connection import HubClient
from client.credentials import Credentials
from client.errors import ClientError
from hub.upload.batches import Fate, Outcome
from hub.upload.files import LocalFile, Unreadable, find
from hub.upload.report import Bar, Lines, print_summary, shown
from hub.upload.sending import Sending

_PROJECT = "query Project($id: ID!) { project(id: $id) { name viewerRole } }"


class Order(Struct, frozen=True, kw_only=True):
    """What is to be sent where, in whose name; ``parallel`` is how many calls go at a time."""

    paths: Sequence[Path]
    project_id: str
    url: str
    credentials: Credentials
    parallel: int


class WrongUsage(ClientError):
    """It can't be done as it was ordered."""


class _Project(Struct, frozen=True, rename="camel"):
    name: str
    viewer_role: str


async def run(order: Order, console: Console) -> bool:
    """Send the files and print the summary; tell whether all of them are stored.

    Raises ClientError where nothing can be sent.
    """
    files, outcomes = _files(order.paths)
    async with HubClient(order.url, order.credentials) as hub:
        await _check(hub, order.project_id)
        size = sum(file.size for file in files)
        observer = Bar(console, len(files), size) if console.is_terminal else Lines(console)
        sending = Sending(hub, order.project_id, observer, parallel=order.parallel)
        try:
            with observer:
                await sending.run(files)
        finally:
            # Also where it is interrupted: what is stored is stored.
            unsent = Outcome(Fate.UNSENT)
            outcomes |= {file: sending.outcomes.get(file.path, unsent) for file in files}
            print_summary(console, outcomes, sending.given_up)
    return all(outcome.fate in (Fate.STORED, Fate.PRESENT) for outcome in outcomes.values())


async def _check(hub: HubClient, project_id: str) -> None:
    project = await hub.find(_PROJECT, _Project, {"id": project_id})
    if project is None:
        raise WrongUsage(f"There is no project {project_id}, or you may not see it.")
    if project.viewer_role == "VIEWER":
        raise WrongUsage(f"You may look at the project '{project.name}', but not change it.")


def _files(paths: Iterable[Path]) -> tuple[list[LocalFile], dict[LocalFile, Outcome]]:
    """Return the files that are meant, and the outcome of those that can't be read."""
    files: dict[Path, LocalFile] = {}
    unreadable: dict[LocalFile, Outcome] = {}
    try:
        for found in find(paths):
            match found:
                case LocalFile():
                    files[found.path] = found
                case Unreadable(path, reason):
                    message = f"It can't be read: {reason}."
                    unreadable[LocalFile(path, 0)] = Outcome(Fate.REJECTED, "UNREADABLE", message)
    except OSError as error:
        raise WrongUsage(f"{shown(Path(error.filename))}: {error.strerror}.") from None
    return list(files.values()), unreadable
