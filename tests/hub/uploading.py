"""``cellhub upload`` in the hands of a test: as a process, and as its parts."""

import asyncio
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from client.connection import HubClient
from client.credentials import ApiKey
from client.errors import ClientError
from client.retrying import Patience
from hub.upload.batches import BatchLimits, Fate, Outcome
from hub.upload.files import LocalFile, find
from hub.upload.sending import Sending
from tests.hubs import Hub, Person

CELLHUB = Path(sys.executable).with_name("cellhub")
HASTE = Patience(attempts=3, first_seconds=0.001, longest_seconds=0.002)
NAMES = "query($id: ID!) { project(id: $id) { images { edges { node { id name } } } } }"
NO_FILE = "No such file or directory"


def sizes(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.iterdir()]


@dataclass
class Project:
    """A project, and what it takes to upload to it."""

    owner: Person
    id: str
    key: str

    async def images(self) -> dict[str, str]:
        """Return the names of the images by their ids, oldest first."""
        found = (await self.owner.ask(NAMES, id=self.id))["project"]["images"]["edges"]
        return {edge["node"]["id"]: edge["node"]["name"] for edge in reversed(found)}

    async def names(self) -> list[str]:
        return list((await self.images()).values())


async def project_on(hub: Hub) -> Project:
    owner = await hub.person("Ada")
    created = await owner.do("createProject", "{ project { id } }", name="Nuclei")
    key = await owner.do("createApiKey", "{ secret }", name="uploads")
    return Project(owner, created["project"]["id"], key["secret"])


@dataclass
class Done:
    code: int
    out: str
    err: str


class Command:
    """``cellhub upload`` as a process."""

    def __init__(self, *arguments: str | Path, **variables: str) -> None:
        self._arguments = [str(argument) for argument in arguments]
        self._variables = {f"CELLHUB_{name}": value for name, value in variables.items()}

    async def start(self) -> asyncio.subprocess.Process:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CELLHUB")}
        return await asyncio.create_subprocess_exec(
            CELLHUB,
            "upload",
            *self._arguments,
            env=kept | {"COLUMNS": "200"} | self._variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self) -> Done:
        return await ended(await self.start())


async def ended(process: asyncio.subprocess.Process) -> Done:
    out, err = await process.communicate()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


def counts(done: Done) -> list[int]:
    """Return how many files were stored, there already, rejected and not sent."""
    found = re.findall(r"^(Stored|Already there|Rejected|Not sent) +(\d+) ", done.out, re.MULTILINE)
    assert [label for label, _ in found] == ["Stored", "Already there", "Rejected", "Not sent"]
    return [int(count) for _, count in found]


@dataclass
class Watching:
    """An Observer who may do something as soon as a file is settled."""

    act: Callable[[], object] = lambda: None
    bytes: int = 0
    waits: list[str] = field(default_factory=list)

    def passed(self, size: int) -> None:
        self.bytes += size

    def settled(self, _file: LocalFile, _outcome: Outcome, /) -> None:
        self.act()

    def waiting(self, error: ClientError, seconds: float) -> None:
        self.waits.append(str(error))


async def send(
    url: str,
    project: Project,
    paths: list[Path],
    *,
    observer: Watching | None = None,
    batch: int = 2,
) -> Sending:
    files = [found for found in find(paths) if isinstance(found, LocalFile)]
    async with HubClient(url, ApiKey(project.key)) as client:
        sending = Sending(
            client,
            project.id,
            observer or Watching(),
            parallel=1,
            limits=BatchLimits(files=batch),
            patience=HASTE,
        )
        await sending.run(files)
    return sending


def fates(sending: Sending) -> list[Fate]:
    return [outcome.fate for _, outcome in sorted(sending.outcomes.items())]
