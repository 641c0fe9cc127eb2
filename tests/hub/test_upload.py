"""``cellhub upload``: what it sends, and what it says."""

import io
from pathlib import Path

from rich.console import Console

from client.credentials import ApiKey
from hub.upload.run import Order, run
from tests.hub.uploading import NO_FILE, Command, counts, project_on
from tests.hubs import PASSWORD, Hub
from tests.live.pictures import png


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
