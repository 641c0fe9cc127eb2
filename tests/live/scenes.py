"""A scene: one hub with its database and its files, where the tests of a module meet."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
import websockets

from hub.embedded_postgres import EmbeddedPostgres
from persistence import project
from persistence.blobs import original_key, project_prefix, thumbnail_key
from persistence.records import ProjectRole
from schema import ids
from schema.ids import Kind
from tests.conftest import _fresh
from tests.hubs import GraphQLFailed, Hub, Person, running_hub
from tests.lab import Lab

fresh_database = asynccontextmanager(_fresh)
FRAME_SECONDS = 10
STATS = """query($id: ID!) { project(id: $id) { stats {
    imageCount uploadedCount queuedCount processingCount segmentedCount noSegmentationCount
    failedCount storageBytes revision } } }"""


@dataclass(frozen=True)
class Scene:
    """A hub, and the ways behind its back: ``lab`` changes its database unannounced."""

    hub: Hub
    database_url: str
    folder: Path
    lab: Lab

    @property
    def blobs(self) -> Path:
        """Where the hub keeps its files."""
        return self.folder / "blobs"

    async def project(self, owner: Person, **roles: Person) -> str:
        """Create a project, shared with people by their roles; return its id."""
        key = await self.lab.project(user_key(owner))
        for role, person in roles.items():
            await self.lab.share(
                key, user_key(owner), user_key(person), ProjectRole(role.upper().strip("_"))
            )
        return str(ids.encode(Kind.PROJECT, key))

    async def revoke(self, project_id: str, owner: Person, person: Person) -> None:
        """End a membership, unannounced."""
        async with self.lab.database.transaction() as unit:
            seen = await self.lab.access(unit.connection, project_key(project_id), user_key(owner))
            await project.revoke(unit, seen, actor_id=user_key(owner), user_id=user_key(person))

    async def images(self, project_id: str, owner: Person, count: int) -> list[str]:
        """Add images without files, oldest first, unannounced; return their ids."""
        images = await self.lab.images(project_key(project_id), user_key(owner), count)
        return [str(ids.encode(Kind.IMAGE, image.id)) for image in images]

    async def revision(self, project_id: str) -> int:
        """Return the revision that the database has; 0 where there is no such project."""
        found = await self.lab.rows(
            "SELECT revision FROM projects WHERE id = :id", id=project_key(project_id)
        )
        return int(found[0].revision) if found else 0

    def files(self) -> set[str]:
        """Return the keys of all files that the hub keeps."""
        return {
            str(path.relative_to(self.blobs)) for path in self.blobs.rglob("*") if path.is_file()
        }

    def files_of(self, project_id: str) -> set[str]:
        """Return the keys of all files of a project."""
        prefix = project_prefix(project_key(project_id))
        return {key for key in self.files() if key.startswith(prefix)}


@asynccontextmanager
async def open_scene(
    postgres: EmbeddedPostgres, template: str, folder: Path, **settings: Any
) -> AsyncIterator[Scene]:
    """Run a hub with an empty database of its own."""
    async with fresh_database(postgres, template) as url:
        lab = Lab(url)
        try:
            async with running_hub(url, folder, **settings) as hub:
                yield Scene(hub, url, folder, lab)
        finally:
            await lab.database.close()


def project_key(project_id: str) -> UUID:
    """Return the database's key of a project."""
    return ids.decode(Kind.PROJECT, project_id)


def image_key(image_id: str) -> UUID:
    """Return the database's key of an image."""
    return ids.decode(Kind.IMAGE, image_id)


def user_key(person: Person) -> UUID:
    """Return the database's key of a person."""
    return ids.decode(Kind.USER, person.id)


def absent(kind: Kind) -> str:
    """Return an id of this kind that nothing has."""
    return str(ids.encode(kind, uuid4()))


def keys_of(project_id: str, *image_ids: str) -> set[str]:
    """Return under which keys the files of these images are kept."""
    project, images = project_key(project_id), [image_key(id_) for id_ in image_ids]
    return {key(project, image) for image in images for key in (original_key, thumbnail_key)}


async def numbers(person: Person, project_id: str) -> dict[str, Any]:
    """Return the project's statistics."""
    found = (await person.ask(STATS, id=project_id))["project"]
    stats: dict[str, Any] = found["stats"]
    return stats


async def refusal(call: Awaitable[object]) -> tuple[str, str]:
    """Return code and message of the error that the call must end with."""
    with pytest.raises(GraphQLFailed) as failure:
        await call
    return failure.value.code, failure.value.errors[0]["message"]


async def answer(
    hub: Hub,
    person: Person,
    document: str,
    variables: Mapping[str, Any],
    files: Sequence[tuple[str, bytes]] = (),
) -> dict[str, Any]:
    """Send an operation over HTTP; return the whole answer, its status included.

    Files go into ``variables.input.files``.
    """
    body = {"query": document, "variables": variables}
    if files:
        places = {str(number): [f"variables.input.files.{number}"] for number in range(len(files))}
        response = await hub.http.post(
            "/graphql",
            data={
                "operations": msgspec.json.encode(body).decode(),
                "map": msgspec.json.encode(places).decode(),
            },
            files=[(str(number), file) for number, file in enumerate(files)],
            headers=person.headers | {"GraphQL-Preflight": "1"},
        )
    else:
        response = await hub.http.post("/graphql", json=body, headers=person.headers)
    return {"status": response.status_code, **response.json()}


@asynccontextmanager
async def raw_socket(hub: Hub, person: Person) -> AsyncIterator[websockets.ClientConnection]:
    """Open a socket that says hello, and leave the rest to the test."""
    url = f"ws{hub.url.removeprefix('http')}/graphql"
    protocol = websockets.Subprotocol("graphql-transport-ws")
    async with websockets.connect(url, subprotocols=[protocol]) as socket:
        await _send(socket, {"type": "connection_init", "payload": person.headers})
        yield socket


async def first_frame(
    hub: Hub, person: Person, document: str, variables: Mapping[str, Any]
) -> dict[str, Any]:
    """Subscribe on a socket of its own; return the first frame, or the code of its close."""
    async with asyncio.timeout(FRAME_SECONDS), raw_socket(hub, person) as socket:
        try:
            await socket.recv()
            await subscribe(socket, document, **variables)
            frame: dict[str, Any] = msgspec.json.decode(await socket.recv())
        except websockets.ConnectionClosed as closed:
            return {"type": "close", "code": closed.rcvd.code if closed.rcvd else None}
    return frame


async def subscribe(
    socket: websockets.ClientConnection, document: str, *, id_: str = "1", **variables: Any
) -> None:
    """Start an operation on a raw socket."""
    payload = {"query": document, "variables": variables}
    await _send(socket, {"type": "subscribe", "id": id_, "payload": payload})


async def _send(socket: websockets.ClientConnection, message: dict[str, Any]) -> None:
    await socket.send(msgspec.json.encode(message).decode())
