"""``cellhub upload`` goes on after whatever went wrong, and stores nothing twice."""

import asyncio
import signal
from pathlib import Path

from client.connection import HubClient
from client.credentials import ApiKey
from client.errors import ClientError
from hub.upload.batches import Fate, Outcome
from hub.upload.files import LocalFile, find
from hub.upload.sending import Sending
from tests.hub.faulty import network_to
from tests.hub.uploading import (
    HASTE,
    NO_FILE,
    Command,
    Watching,
    counts,
    ended,
    fates,
    project_on,
    send,
    sizes,
)
from tests.hubs import Hub, running_hub
from tests.live.pictures import png


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
        network.losing = HASTE.attempts or 0
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
