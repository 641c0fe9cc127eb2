"""Attacks that a hub has to stand: on its time, on its memory, and on its rules."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
import websockets
from sqlalchemy import make_url
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from hub.embedded_postgres import EmbeddedPostgres
from hub.guarded_http import GuardedHTTP
from hub.health import Readiness
from hub.preparation import prepared
from hub.settings import Settings
from persistence.blobs import BlobStore
from persistence.project import delete as delete_project
from tests.hub.test_embedded_postgres import as_nobody
from tests.hubs import GraphQLFailed, Person, running_hub
from tests.live.pictures import png
from tests.live.rules import CELLS
from tests.live.scenes import (
    FRAME_SECONDS,
    Scene,
    answer,
    fresh_database,
    open_scene,
    project_key,
    raw_socket,
    subscribe,
    user_key,
)
from tests.persistence.locks import until_someone_waits

# What takes hours where it is not prevented, and nothing where it is.
MOMENT = 5.0
# Marks in the wrong order: to sort them takes time by the square of their number.
DISORDER = "\u0300\u0327" * 100_000

SIGN_IN = "mutation($i: SignInInput!) { signIn(input: $i) { accessToken } }"
DELETE = "mutation($i: DeleteImagesInput!) { deleteImages(input: $i) { deletedIds } }"


@pytest.fixture(scope="module")
async def scene(
    postgres: EmbeddedPostgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("hub")
    async with open_scene(postgres, migrated_template, folder) as opened:
        yield opened


@pytest.fixture(scope="module")
async def ada(scene: Scene) -> Person:
    return await scene.hub.person("Ada")


@pytest.fixture(scope="module")
async def crowded(scene: Scene, ada: Person) -> str:
    """The id of a project of sixty images."""
    project = await scene.project(ada)
    await scene.images(project, ada, 60)
    return project


def error_of(response: dict[str, Any]) -> tuple[str, str]:
    """Return the code and the message of an answer's only error."""
    [error] = response["errors"]
    return error["extensions"]["code"], error["message"]


async def frames_before_pong(socket: websockets.ClientConnection) -> list[dict[str, Any]]:
    """Send a ping, and return what comes before its answer."""
    await socket.send('{"type": "ping"}')
    frames = []
    while (frame := msgspec.json.decode(await socket.recv()))["type"] != "pong":
        frames.append(frame)
    return frames


@pytest.mark.parametrize(
    ("document", "values"),
    [
        (SIGN_IN, {"email": "ada@example.org", "password": DISORDER}),
        (
            "mutation($i: SignUpInput!) { signUp(input: $i) { accessToken } }",
            {"email": "eve@example.org", "password": "long enough", "name": DISORDER},
        ),
        (
            "mutation($i: CreateProjectInput!) { createProject(input: $i) { project { id } } }",
            {"name": DISORDER},
        ),
    ],
    ids=["a password", "a name", "a project's name"],
)
async def test_a_text_is_not_brought_into_normal_form_before_its_length_is_known(
    scene: Scene, ada: Person, document: str, values: dict[str, Any]
) -> None:
    began = time.monotonic()
    response = await answer(scene.hub, ada, document, {"i": values})
    assert time.monotonic() - began < MOMENT
    assert error_of(response)[0] in {"BAD_USER_INPUT", "UNAUTHENTICATED"}


async def test_pages_within_pages_do_not_multiply(scene: Scene, ada: Person, crowded: str) -> None:
    images = "images(first: 60) { edges { cursor } }"
    for _ in range(2):
        images = f"images(first: 60) {{ edges {{ node {{ project {{ {images} }} }} }} }}"
    document = f"query($id: ID!) {{ project(id: $id) {{ {images} }} }}"
    response = await answer(scene.hub, ada, document, {"id": crowded})
    assert response["data"] == {"project": None}
    assert "5000 objects" in error_of(response)[1]


async def test_many_objects_on_a_few_pages_are_answered(
    scene: Scene, ada: Person, crowded: str
) -> None:
    document = """query($id: ID!) { project(id: $id) { images(first: 60) { edges { node { project {
        images(first: 60) { totalCount edges { node { id } } } } } } } } }"""
    response = await answer(scene.hub, ada, document, {"id": crowded})
    inner = [edge["node"]["project"] for edge in response["data"]["project"]["images"]["edges"]]
    assert len(inner) == 60
    assert all(len(project["images"]["edges"]) == 60 for project in inner)


async def test_polygons_are_bounded_for_an_operation_as_a_whole(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    [image] = await scene.images(project, ada, 1)
    await ada.do("requestSegmentation", "{ jobCount }", projectId=project)
    claimed = await ada.do("claimSegmentationJobs", "{ claimed { lease job { id } } }", worker="w")
    [entry] = claimed["claimed"]
    await ada.do(
        "completeSegmentation",
        "{ image { status } }",
        queueId=entry["job"]["id"],
        lease=entry["lease"],
        polygons={"type": "MultiPolygon", "coordinates": [CELLS["coordinates"]] * 100_000},
    )
    once = "query($id: ID!) { image(id: $id) { segmentation { polygons } } }"
    response = await answer(scene.hub, ada, once, {"id": image})
    polygons = response["data"]["image"]["segmentation"]["polygons"]
    assert len(polygons["features"]) == 100_000
    often = " ".join(f"a{number}: polygons" for number in range(6))
    document = f"query($id: ID!) {{ image(id: $id) {{ segmentation {{ {often} }} }} }}"
    response = await answer(scene.hub, ada, document, {"id": image})
    assert response["data"] == {"image": {"segmentation": None}}
    assert error_of(response)[0] == "BAD_USER_INPUT"


async def test_lists_of_millions_in_variables_are_refused_unread(scene: Scene) -> None:
    began = time.monotonic()
    variables = {"i": {"imageIds": ["a"] * 10_001}}
    response = await answer(scene.hub, scene.hub.nobody(), DELETE, variables)
    assert time.monotonic() - began < MOMENT
    assert "10000 entries" in error_of(response)[1]


async def test_only_who_has_signed_in_may_send_a_long_body(scene: Scene, ada: Person) -> None:
    body = {"query": "{ viewer { id } }", "variables": {"unused": "x" * 100_000}}
    long = await scene.hub.http.post("/graphql", json=body)
    assert long.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    stale = {"Authorization": "Bearer chk_unknown"}
    longest = {"query": "{ viewer { id } }", "variables": {"unused": "x" * 16_000_000}}
    refused = await scene.hub.http.post("/graphql", json=longest, headers=stale)
    assert refused.status_code == httpx.codes.UNAUTHORIZED
    signed_in = await scene.hub.http.post("/graphql", json=body, headers=ada.headers)
    assert signed_in.json() == {"data": {"viewer": {"id": ada.id}}}


async def test_operations_of_a_socket_hold_no_more_variables_than_fit_into_memory(
    scene: Scene, ada: Person, crowded: str
) -> None:
    document = "subscription($id: ID!) { projectUpdated(projectId: $id) { revision } }"
    unused = "x" * 1_000_000
    async with asyncio.timeout(FRAME_SECONDS), raw_socket(scene.hub, ada) as socket:
        await socket.recv()
        for number in range(3):
            await subscribe(socket, document, id_=str(number), id=crowded, unused=unused)
        frames = [msgspec.json.decode(await socket.recv()) for _ in range(3)]
        assert {frame["id"]: frame["type"] for frame in frames} == {
            "0": "next",
            "1": "next",
            "2": "error",
        }
        await socket.send('{"type": "complete", "id": "0"}')
        await subscribe(socket, document, id_="3", id=crowded, unused=unused)
        assert msgspec.json.decode(await socket.recv())["type"] == "next"


async def test_mutations_that_nobody_listens_to_do_not_pile_up_behind_a_socket(
    scene: Scene, ada: Person
) -> None:
    document = "mutation($i: CreateProjectInput!) { createProject(input: $i) { project { id } } }"
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(FRAME_SECONDS), raw_socket(scene.hub, ada) as socket:
        await socket.recv()
        for _ in range(5):
            for number in range(80):
                await subscribe(socket, document, id_=str(number), i={"name": "Pile"})
            frames += await frames_before_pong(socket)
            for number in range(80):
                await socket.send(f'{{"type": "complete", "id": "{number}"}}')
            frames += await frames_before_pong(socket)
    refusals = [frame for frame in frames if frame["type"] == "error"]
    assert refusals
    assert {refusal["payload"][0]["extensions"]["code"] for refusal in refusals} == {"RATE_LIMITED"}


async def test_what_no_name_is_as_long_as_is_not_searched_for(
    scene: Scene, ada: Person, crowded: str
) -> None:
    found = "(search: $s) { totalCount }"
    for document in (
        f"query($s: String) {{ projects{found} }}",
        f'query($s: String) {{ project(id: "{crowded}") {{ images{found} }} }}',
    ):
        response = await answer(scene.hub, ada, document, {"s": "x" * 256})
        assert error_of(response)[0] == "BAD_USER_INPUT"
        assert "errors" not in await answer(scene.hub, ada, document, {"s": "x" * 255})


async def test_introspection_is_not_repeated_within_a_document(scene: Scene) -> None:
    fragment = "fragment F on __Schema { types { name fields { name args { name } } } }"
    three = " ".join(f"a{number}: __schema {{ ...F }}" for number in range(3))
    for document in (f"{{ {three} }} {fragment}", "{ __schema { a: types { b: name c: kind } } }"):
        response = await answer(scene.hub, scene.hub.nobody(), document, {})
        assert "introspection" in error_of(response)[1]
    twice = '{ a: __type(name: "Image") { name } b: __type(name: "Project") { name } }'
    response = await answer(scene.hub, scene.hub.nobody(), twice, {})
    assert response["data"] == {"a": {"name": "Image"}, "b": {"name": "Project"}}


async def test_introspection_asks_lists_and_non_null_types_whether_they_are_one_of(
    scene: Scene,
) -> None:
    document = """{ __type(name: "Mutation") { fields { args { type {
        isOneOf ofType { kind isOneOf } } } } } }"""
    response = await answer(scene.hub, scene.hub.nobody(), document, {})
    assert "errors" not in response
    types = [
        argument["type"]
        for field in response["data"]["__type"]["fields"]
        for argument in field["args"]
    ]
    assert {kind["isOneOf"] for kind in types} == {None}
    assert {kind["ofType"]["isOneOf"] for kind in types} == {False}


async def test_each_mutation_of_an_operation_sees_what_those_before_it_did(
    scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    images = await scene.images(project, ada, 3)
    left = "{ project { images { edges { node { id } } } } }"
    document = f"""mutation($a: DeleteImageInput!, $b: DeleteImageInput!) {{
        a: deleteImage(input: $a) {left} b: deleteImage(input: $b) {left} }}"""
    response = await answer(
        scene.hub, ada, document, {"a": {"imageId": images[0]}, "b": {"imageId": images[1]}}
    )
    edges = response["data"]["b"]["project"]["images"]["edges"]
    assert [edge["node"]["id"] for edge in edges] == [images[2]]


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
        assert caught.value.code == "INTERNAL_SERVER_ERROR"
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
                if forget.is_set() and b"COMMIT;" in data:
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


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2024 00:00:00 +99999999999999",
    ],
)
async def test_a_date_beyond_all_calendars_is_taken_as_absent(
    scene: Scene, ada: Person, date: str
) -> None:
    uploaded = await ada.upload(
        await scene.project(ada), ("a.png", png()), fields="{ images { url } }"
    )
    [image] = uploaded["images"]
    response = await scene.hub.http.get(image["url"], headers={"If-Modified-Since": date})
    assert response.status_code == httpx.codes.OK


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


class Hasty(GuardedHTTP):
    """The protocol of the hub, with less patience."""

    head_seconds = 0.3
    stalled_seconds = 0.3


LARGE = 20_000_000


@pytest.fixture
async def hasty() -> AsyncIterator[tuple[str, int]]:
    """The address of a server that answers with how many bytes of a body came.

    At /large it answers with LARGE bytes.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/large":
            await Response(b"x" * LARGE)(scope, receive, send)
            return
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        await PlainTextResponse(str(size))(scope, receive, send)

    server = uvicorn.Server(
        uvicorn.Config(application, http=Hasty, ws="none", lifespan="off", log_config=None)
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            await serving


async def said(address: tuple[str, int], *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send pieces over one connection, and return what comes back before it ends."""
    async with asyncio.timeout(MOMENT):
        reader, writer = await asyncio.open_connection(*address)
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        answer = b""
        with suppress(ConnectionError):
            answer = await reader.read()
        writer.close()
    return answer


LAST = b"Host: hub\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET / HTTP/1.1\r\nX: ", *[b"x" * 2**16] * 8],
        [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n" * 10_000] * 8],
        [b"GET /", *[b"x" * 2**16] * 8],
        [
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: hub\r\n\r\n0\r\nX: ",
            *[b"x" * 2**16] * 8,
        ],
        [
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: hub\r\n\r\n5;",
            *[b"x" * 2**16] * 8,
        ],
    ],
    ids=["a header", "headers", "an address", "a trailer", "a chunk's extension"],
)
async def test_a_head_without_an_end_is_cut_off(
    hasty: tuple[str, int], pieces: list[bytes]
) -> None:
    answer = await said(hasty, *pieces)
    assert b"200 OK" not in answer


async def test_a_long_body_in_small_pieces_is_no_head(hasty: tuple[str, int]) -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: 200000\r\n" + LAST
    assert (await said(hasty, head, *[b"x" * 1_000] * 200)).endswith(b"\r\n\r\n200000")
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + LAST
    chunks = [b"1\r\nx\r\n"] * 20_000
    assert (await said(hasty, chunked + b"".join(chunks), b"0\r\n\r\n")).endswith(b"20000")


async def test_a_head_of_the_longest_kind_is_read(hasty: tuple[str, int]) -> None:
    head = b"GET / HTTP/1.1\r\nX: " + b"x" * 60_000
    assert b"200 OK" in await said(hasty, head, b"\r\n" + LAST)


async def test_a_head_that_does_not_come_is_not_waited_for(hasty: tuple[str, int]) -> None:
    assert await said(hasty) == b""
    assert await said(hasty, b"GET / HT") == b""
    drops = [b"X: y\r\n"] * 20
    assert await said(hasty, b"GET / HTTP/1.1\r\n", *drops, LAST, pause=0.05) == b""


async def test_a_body_may_take_longer_than_a_head(hasty: tuple[str, int]) -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n" + LAST
    assert (await said(hasty, head, b"a", b"b", b"c", pause=0.2)).endswith(b"3")


async def test_an_answer_that_is_not_read_is_not_kept(hasty: tuple[str, int]) -> None:
    async with asyncio.timeout(MOMENT):
        reader, writer = await asyncio.open_connection(*hasty, limit=2**10)
        writer.write(b"GET /large HTTP/1.1\r\n" + LAST)
        # What is read while the server has given up is what was on its way.
        await asyncio.sleep(4 * Hasty.stalled_seconds)
        received = 0
        with suppress(ConnectionError):
            while data := await reader.read(2**20):
                received += len(data)
        writer.close()
    assert received < LARGE


async def test_an_answer_may_be_read_slowly(hasty: tuple[str, int]) -> None:
    received, pauses = 0, 0
    async with asyncio.timeout(4 * MOMENT):
        reader, writer = await asyncio.open_connection(*hasty, limit=2**10)
        writer.write(b"GET /large HTTP/1.1\r\n" + LAST)
        while data := await reader.read(2**20):
            received += len(data)
            if received > (pauses + 1) * LARGE / 10:
                pauses += 1
                await asyncio.sleep(Hasty.stalled_seconds / 2)
        writer.close()
    assert received > LARGE
    assert pauses * Hasty.stalled_seconds / 2 > Hasty.stalled_seconds
