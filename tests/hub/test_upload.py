"""``cellhub upload``: what it sends, what it skips, what it says, and how it goes on."""

import asyncio
import io
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from hub.client.connection import HubClient
from hub.client.credentials import ApiKey
from hub.client.errors import ClientError
from hub.client.retrying import Patience
from hub.upload.batches import Batch, BatchLimits, Fate, Outcome
from hub.upload.files import LocalFile, Unreadable, find
from hub.upload.hashing import HashedFile
from hub.upload.run import Order, run
from hub.upload.sending import Sending
from tests.hub.faulty import network_to
from tests.hubs import PASSWORD, Hub, Person, running_hub
from tests.live.pictures import png

CELLHUB = Path(sys.executable).with_name("cellhub")
HASTE = Patience(attempts=3, first_seconds=0.001, longest_seconds=0.002)
NAMES = "query($id: ID!) { project(id: $id) { images { edges { node { id name } } } } }"
NO_FILE = "No such file or directory"


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    async with running_hub(database_url, tmp_path / "hub") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with five different images."""
    folder = tmp_path / "plate 7"
    folder.mkdir()
    for shade in range(5):
        (folder / f"{shade}.png").write_bytes(png(shade, side=8))
    return folder


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


# Which files are meant


def test_folders_are_walked_in_order_without_hidden_files_and_loops(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.png", "a.png", "c/d/e.png", ".git/x.png", "b/.hidden.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * len(name))
    (tmp_path / "c/up").symlink_to(tmp_path)
    (tmp_path / "c/self").symlink_to("self")
    (tmp_path / "c/b").symlink_to(tmp_path / "b")
    (tmp_path / "linked.png").symlink_to("a.png")
    (tmp_path / "lost.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    found = list(find([tmp_path]))
    assert found == [
        LocalFile(tmp_path / "a.png", 5),
        LocalFile(tmp_path / "linked.png", 5),
        Unreadable(tmp_path / "lost.png", NO_FILE),
        LocalFile(tmp_path / "b/1.png", 7),
        LocalFile(tmp_path / "b/2.png", 7),
        LocalFile(tmp_path / "c/d/e.png", 9),
    ]


def test_a_file_that_is_named_is_meant_even_if_it_is_hidden(tmp_path: Path) -> None:
    hidden = tmp_path / ".hidden.png"
    hidden.write_bytes(b"x")
    assert list(find([hidden])) == [LocalFile(hidden, 1)]
    with pytest.raises(FileNotFoundError):
        list(find([tmp_path / "nowhere"]))


def test_a_batch_is_bounded_in_files_and_bytes_but_takes_any_file_alone() -> None:
    batch = Batch(BatchLimits(files=2, size=10))
    large, small = (HashedFile(LocalFile(Path("x"), size), "") for size in (100, 5))
    assert batch.has_room(large.file)
    batch.add(large)
    assert not batch.has_room(small.file)
    batch = Batch(BatchLimits(files=2, size=10))
    batch.add(small)
    assert batch.has_room(small.file)
    assert not batch.has_room(large.file)
    batch.add(small)
    assert not batch.has_room(LocalFile(Path("empty"), 0))


# What is sent, and what is said


async def test_all_files_are_stored_and_the_second_time_they_are_there_already(
    hub: Hub, folder: Path
) -> None:
    project = await project_on(hub)
    command = Command(folder, "--project", project.id, URL=hub.url, API_KEY=project.key)
    first, second = await command.run(), await command.run()
    assert (first.code, counts(first), first.err) == (0, [5, 0, 0, 0], "")
    assert (second.code, counts(second), second.err) == (0, [0, 5, 0, 0], "")
    assert await project.names() == [f"{shade}.png" for shade in range(5)]


async def test_files_that_are_rejected_are_told_with_code_and_reason(
    hub: Hub, folder: Path
) -> None:
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.tif").write_text("a text")
    (folder / "lost.png").symlink_to("nowhere.png")
    (folder / "copy.png").write_bytes(png(0, side=8))
    project = await project_on(hub)
    command = Command(folder, "--project", project.id, "--url", hub.url, "--api-key", project.key)
    done = await command.run()
    assert (done.code, counts(done), done.err) == (1, [5, 1, 3, 0], "")
    for name, code in (
        ("empty.png", "EMPTY_FILE"),
        ("notes.tif", "NOT_AN_IMAGE"),
        ("lost.png", "UNREADABLE"),
    ):
        (row,) = [line for line in done.out.splitlines() if line.startswith(f"{folder / name} ")]
        assert row.split(str(folder / name))[1].split()[0] == code


async def test_one_may_sign_in_by_password(hub: Hub, folder: Path) -> None:
    project = await project_on(hub)
    done = await Command(
        *(folder, "--project", project.id, "--email", project.owner.email),
        URL=hub.url,
        PASSWORD=PASSWORD,
    ).run()
    assert (done.code, counts(done)) == (0, [5, 0, 0, 0])


async def test_what_can_not_be_done_as_it_was_said_is_told_in_one_line(
    hub: Hub, folder: Path
) -> None:
    project = await project_on(hub)
    ben = await hub.person("Ben")
    await project.owner.do(
        *("shareProject", "{ project { id } }"),
        projectId=project.id,
        email=ben.email,
        role="VIEWER",
    )
    bens = (await ben.do("createApiKey", "{ secret }", name="x"))["secret"]
    given = {"URL": hub.url, "API_KEY": project.key}
    there = ("--project", project.id)
    for command, told in [
        (Command("nowhere", *there, **given), f"nowhere: {NO_FILE}."),
        (Command(folder, "--project", "prj_x", **given), "There is no project prj_x, or"),
        (Command(folder, *there, "--api-key", "x", **given), "not a valid access token"),
        (Command(folder, *there, "--api-key", bens, **given), "You may look at the project"),
        (Command(folder, *there, URL=hub.url), "Sign in by --api-key"),
        (Command(folder, *there, "--email", "x@example.org", **given), "CELLHUB_PASSWORD is"),
        (Command(folder, *there, "--url", "ftp://x", **given), "'ftp://x' is no address"),
        (Command(folder, *there, "--url", f"{hub.url}/x", **given), "is no hub"),
    ]:
        done = await command.run()
        assert (done.code, done.out) == (2, "")
        assert told in done.err
        assert len(done.err.splitlines()) == 1
    away = await Command(folder, *there, "--url", "http://127.0.0.1:1", **given).run()
    assert away.code == 1
    assert away.err.startswith("cellhub: http://127.0.0.1:1 can't be reached: ")
    assert len(away.err.splitlines()) == 1
    assert await project.names() == []


async def test_in_a_terminal_a_bar_shows_how_far_it_is(hub: Hub, folder: Path) -> None:
    (folder / "notes.tif").write_text("a text")
    project = await project_on(hub)
    screen = io.StringIO()
    order = Order(
        paths=[folder],
        project_id=project.id,
        url=hub.url,
        credentials=ApiKey(project.key),
        parallel=2,
    )
    assert not await run(order, Console(file=screen, force_terminal=True, width=150))
    shown = screen.getvalue()
    assert "Uploading" in shown
    assert "6 of 6 files, 1 rejected" in shown
    assert "NOT_AN_IMAGE" in shown


# Going on


async def test_an_answer_that_is_lost_stores_nothing_twice(hub: Hub, folder: Path) -> None:
    project = await project_on(hub)
    async with network_to(hub.url) as (url, network):
        network.losing = 2
        observer = Watching()
        sending = await send(url, project, [folder], observer=observer)
    assert fates(sending) == [Fate.STORED] * 5
    assert network.uploads == 3 + 2
    assert len(observer.waits) == 2
    assert observer.bytes == sum(sizes(folder))
    assert sorted(await project.names()) == [f"{shade}.png" for shade in range(5)]


async def test_two_runs_at_the_same_time_store_nothing_twice(hub: Hub, folder: Path) -> None:
    project = await project_on(hub)
    both = await asyncio.gather(*(send(hub.url, project, [folder], batch=5) for _ in range(2)))
    assert [fates(sending) for sending in both] == [[Fate.STORED] * 5] * 2
    assert sorted(await project.names()) == [f"{shade}.png" for shade in range(5)]


async def test_a_hub_that_stays_away_is_given_up_and_the_rest_is_not_sent(
    hub: Hub, folder: Path
) -> None:
    project = await project_on(hub)
    async with network_to(hub.url) as (url, network):
        network.losing = HASTE.attempts
        sending = await send(url, project, [folder])
    assert isinstance(sending.given_up, ClientError)
    assert sending.outcomes == {}
    # What the lost answers told is there all the same, and the next run finds it.
    again = await send(hub.url, project, [folder])
    assert fates(again) == [Fate.PRESENT] * 2 + [Fate.STORED] * 3
    assert len(await project.names()) == 5


async def test_interrupted_it_ends_in_order_and_goes_on_the_next_time(
    hub: Hub, folder: Path
) -> None:
    project = await project_on(hub)
    async with network_to(hub.url) as (url, network):
        network.holding = True
        process = await Command(
            folder, "--project", project.id, URL=url, API_KEY=project.key
        ).start()
        async with asyncio.timeout(30):
            await network.answered.wait()
        process.send_signal(signal.SIGINT)
        done = await ended(process)
    assert (done.code, counts(done)) == (130, [0, 0, 0, 5])
    assert done.err == "cellhub: Interrupted. The same command goes on where this one stopped.\n"
    again = await Command(folder, "--project", project.id, URL=hub.url, API_KEY=project.key).run()
    assert (again.code, counts(again)) == (0, [0, 5, 0, 0])
    assert len(await project.names()) == 5


async def test_images_that_were_deleted_can_be_uploaded_again(hub: Hub, folder: Path) -> None:
    project = await project_on(hub)
    await send(hub.url, project, [folder], batch=5)
    await project.owner.do("deleteImages", "{ deletedIds }", imageIds=list(await project.images()))
    again = await send(hub.url, project, [folder], batch=5)
    assert fates(again) == [Fate.STORED] * 5
    assert len(await project.names()) == 5


async def test_what_had_no_room_is_stored_once_there_is_some(
    database_url: str, tmp_path: Path, folder: Path
) -> None:
    quota = sum(sizes(folder)) - 1
    async with running_hub(database_url, tmp_path / "hub", user_storage_bytes=quota) as hub:
        project = await project_on(hub)
        for _ in range(3):
            # The second and the third time, the same call is made.
            sending = await send(hub.url, project, [folder], batch=5)
            (rejected,) = [path for path, it in sending.outcomes.items() if it.code]
            assert sending.outcomes[rejected].code == "QUOTA_EXCEEDED"
        image, *_ = await project.images()
        await project.owner.do("deleteImage", "{ deletedIds }", imageId=image)
        sending = await send(hub.url, project, [rejected], batch=5)
    assert fates(sending) == [Fate.STORED]


async def test_without_any_room_the_rest_is_not_even_sent(
    database_url: str, tmp_path: Path, folder: Path
) -> None:
    size = (folder / "0.png").stat().st_size
    async with running_hub(database_url, tmp_path / "hub", user_storage_bytes=size) as hub:
        project = await project_on(hub)
        (folder / "00.png").write_bytes(png(0, side=8))
        await send(hub.url, project, [folder / "0.png"])
        done = await Command(
            folder, "--project", project.id, URL=hub.url, API_KEY=project.key
        ).run()
    assert (done.code, counts(done)) == (1, [0, 2, 0, 4])
    assert f"Given up: The storage of {size} bytes is full." in done.out


async def test_a_hub_that_takes_fewer_files_in_a_call_gets_fewer(
    database_url: str, tmp_path: Path, folder: Path
) -> None:
    async with running_hub(database_url, tmp_path / "hub", max_files_per_upload=1) as hub:
        project = await project_on(hub)
        sending = await send(hub.url, project, [folder], batch=5)
        assert fates(sending) == [Fate.STORED] * 5
        assert len(await project.names()) == 5


# Files that change meanwhile


async def test_a_file_that_goes_away_is_rejected_alone(hub: Hub, folder: Path) -> None:
    project = await project_on(hub)
    gone = folder / "3.png"
    observer = Watching(act=lambda: gone.unlink(missing_ok=True))
    sending = await send(hub.url, project, [folder], observer=observer)
    assert fates(sending) == [*[Fate.STORED] * 3, Fate.REJECTED, Fate.STORED]
    assert sending.outcomes[gone] == Outcome(
        Fate.REJECTED, "UNREADABLE", f"It can't be read: {NO_FILE}."
    )
    assert await project.names() == ["0.png", "1.png", "2.png", "4.png"]


async def test_a_file_that_was_never_there_to_be_read_is_rejected(hub: Hub, folder: Path) -> None:
    project = await project_on(hub)
    files = [found for found in find([folder]) if isinstance(found, LocalFile)]
    (folder / "0.png").unlink()
    async with HubClient(hub.url, ApiKey(project.key)) as client:
        sending = Sending(client, project.id, Watching(), parallel=2)
        await sending.run(files)
    assert fates(sending) == [Fate.REJECTED, *[Fate.STORED] * 4]


async def test_a_file_that_becomes_another_image_is_stored_as_that(hub: Hub, folder: Path) -> None:
    project = await project_on(hub)
    changing = folder / "4.png"
    observer = Watching(act=lambda: changing.write_bytes(png(77, side=9)))
    sending = await send(hub.url, project, [folder], observer=observer)
    assert fates(sending) == [Fate.STORED] * 5
    again = await send(hub.url, project, [folder])
    assert fates(again) == [Fate.PRESENT] * 5
