"""What is stored, while it is attacked: lost answers, full disks, deletions, other users."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url
from starlette.requests import Request

from hub.embedded_postgres import EmbeddedPostgres
from hub.health import Readiness
from hub.preparation import prepared
from hub.settings import Settings
from persistence.blobs import BlobStore
from persistence.project import delete as delete_project
from tests.hub.test_embedded_postgres import as_nobody
from tests.hubs import GraphQLFailed, Person, running_hub
from tests.live.pictures import png
from tests.live.scenes import (
    Scene,
    fresh_database,
    open_scene,
    project_key,
    user_key,
)
from tests.persistence.locks import until_someone_waits

MOMENT = 5.0


async def test_a_project_deleted_while_files_are_rejected_is_not_found(
    scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    key, owner = project_key(project), user_key(ada)
    async with scene.lab.database.transaction() as unit:
        seen = await scene.lab.access(unit.connection, key, owner, lock=True)
        await delete_project(unit, seen, actor_id=owner)
        upload = asyncio.create_task(ada.upload(project, ("bad.png", b"bad"), upload_id="late"))
        async with asyncio.timeout(MOMENT):
            await until_someone_waits(scene.lab.database)
    with pytest.raises(GraphQLFailed) as caught:
        await upload
    assert caught.value.code == "NOT_FOUND"


async def test_projects_deleted_under_uploads_are_not_found_and_leave_no_files(
    scene: Scene, ada: Person
) -> None:
    codes = set()
    for number in range(20):
        project = await scene.project(ada)
        uploads = [
            ada.upload(project, (f"{shade}.png", png(shade)), upload_id=f"{number} {shade % 2}")
            for shade in range(4)
        ]
        deletion = ada.do("deleteProject", "{ projectId }", projectId=project)
        outcomes = await asyncio.gather(*uploads, deletion, return_exceptions=True)
        codes |= {getattr(outcome, "code", type(outcome).__name__) for outcome in outcomes}
        assert not scene.files_of(project)
    assert codes <= {"NOT_FOUND", "dict"}


async def test_uploads_at_once_do_not_get_past_the_quota(
    postgres: EmbeddedPostgres, migrated_template: str, tmp_path: Path
) -> None:
    picture = png(side=32)
    async with open_scene(
        postgres, migrated_template, tmp_path, user_storage_bytes=2 * len(picture)
    ) as scene:
        ada = await scene.hub.person("Ada")
        projects = [await scene.project(ada) for _ in range(2)]
        outcomes = await asyncio.gather(
            *(ada.upload(projects[number % 2], ("a.png", picture)) for number in range(8)),
            return_exceptions=True,
        )
        refused = [outcome.code for outcome in outcomes if isinstance(outcome, GraphQLFailed)]
        assert set(refused) == {"QUOTA_EXCEEDED"}
        stored = (await ada.ask("{ dashboard { storageBytes } }"))["dashboard"]["storageBytes"]
        assert stored == 2 * len(picture)
        assert sum(len(scene.files_of(project)) for project in projects) == 2 * 2


async def test_an_upload_whose_commit_was_not_acknowledged_keeps_its_files(
    postgres: EmbeddedPostgres, migrated_template: str, tmp_path: Path
) -> None:
    async with (
        fresh_database(postgres, migrated_template) as url,
        forgetful_proxy(url) as (proxied, forget),
        running_hub(proxied, tmp_path) as hub,
    ):
        ada = await hub.person("Ada")
        made = await ada.do("createProject", "{ project { id } }", name="Cells")
        project = made["project"]["id"]
        forget.set()
        with pytest.raises(GraphQLFailed) as caught:
            await ada.upload(project, ("a.png", png()), upload_id="u")
        assert caught.value.code == "OUTCOME_UNKNOWN"
        assert not forget.is_set()
        again = await ada.upload(
            project, ("a.png", png()), upload_id="u", fields="{ repeated images { url } }"
        )
        assert again["repeated"]
        [image] = again["images"]
        assert (await hub.http.get(image["url"])).content == png()


@asynccontextmanager
async def forgetful_proxy(database_url: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Stand before a database; once told to, keep its answer to the next COMMIT to oneself.

    Yields the address of the proxy, and the event that tells it.
    """
    behind = str(make_url(database_url).query["host"])
    forget = asyncio.Event()
    relays: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = await asyncio.open_unix_connection(f"{behind}/.s.PGSQL.5432")
        committing = asyncio.Event()

        async def to_server() -> None:
            while data := await reader.read(2**16):
                if forget.is_set() and b"COMMIT" in data.replace(b"COMMITTED", b""):
                    forget.clear()
                    committing.set()
                server[1].write(data)

        async def to_client() -> None:
            while data := await server[0].read(2**16):
                if committing.is_set():
                    return
                writer.write(data)

        both = {asyncio.create_task(to_server()), asyncio.create_task(to_client())}
        relays.update(both)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        writer.transport.abort()
        server[1].transport.abort()
        await asyncio.wait(both)
        relays.difference_update(both)

    with tempfile.TemporaryDirectory(prefix="cellhub-proxy-") as folder:
        async with await asyncio.start_unix_server(serve, f"{folder}/.s.PGSQL.5432"):
            proxied = make_url(database_url).update_query_dict({"host": folder})
            yield proxied.render_as_string(hide_password=False), forget


def test_a_disk_that_gets_full_while_a_file_is_spooled_is_noticed(tmp_path: Path) -> None:
    program = f"""
import hashlib, resource
from resolvers.upload import _write
resource.setrlimit(resource.RLIMIT_FSIZE, (1_500, 1_500))
with open({str(tmp_path / "spooled")!r}, "wb", buffering=0) as spool:
    _write(spool, hashlib.sha256(), b"x" * 1_000)
    try:
        _write(spool, hashlib.sha256(), b"x" * 1_000)
    except OSError as error:
        print(error.strerror)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "File too large\n"


async def test_asking_often_at_once_whether_the_hub_is_ready_looks_once() -> None:
    looks = []

    async def look() -> None:
        looks.append("it is there")

    readiness = Readiness({"it": look})
    request = Request({"type": "http"})
    answers = await asyncio.gather(*(readiness.endpoint(request) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {httpx.codes.OK}
    assert len(looks) == 1
    await readiness.endpoint(request)
    assert len(looks) == 2


def test_what_the_hub_keeps_is_for_no_other_user_of_the_machine(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with prepared(Settings.load({"CELLHUB_DATA_DIR": str(folder)})) as settings:
        asyncio.run(BlobStore.open(settings.blob_url).put_bytes("projects/1", b"x", "text/plain"))
        made = {path for path in folder.rglob("*") if "postgres" not in path.parent.name}
        assert {"secret_key", "postgres", "postgres.log", "blobs"} <= {path.name for path in made}
        assert [path for path in made if path.stat().st_mode & 0o077] == []


def test_a_program_keeps_no_right_of_roots_that_it_can_do_without(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    needed = 1 << 1 if os.geteuid() == 0 else 0
    for folder, right in ("/", 0), (str(hidden), needed):
        command = as_nobody("/bin/sh", "-c", "cat /proc/self/status", "-D", folder)
        told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        status = dict(line.split(":\t", 1) for line in told.splitlines())
        assert int(status["CapEff"], 16) == right
        assert int(status["CapAmb"], 16) == right
