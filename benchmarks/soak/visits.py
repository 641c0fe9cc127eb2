"""Visits: somebody connects, subscribes, listens for a while, and leaves in one way or another."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import msgspec
import websockets
from websockets.asyncio.client import ClientConnection

from benchmarks.soak.people import Person, Project, World

_SUBPROTOCOL = websockets.Subprotocol("graphql-transport-ws")
_SUBSCRIPTIONS = (
    """subscription($id: ID!) { projectUpdated(projectId: $id) {
        operation revision updates { imageCount segmentedCount } } }""",
    "subscription { projectUpdated { projectId operation revision updates { imageCount } } }",
    """subscription($id: ID!) { segmentationUpdated(projectId: $id) {
        imageId operation revision status image { name updatedAt } } }""",
    """subscription($id: ID!) { segmentationUpdated(projectId: $id, after: 0) {
        imageId operation revision image { thumbnailUrl project { viewerRole } } } }""",
    "subscription($id: ID!) { queueStatsUpdated(projectId: $id) { queued processing total } }",
    "subscription { dashboardUpdated { imageCount projectCount } }",
    "subscription($id: ID!) { presenceChanged(projectId: $id) { users { id name } } }",
    'subscription { uploadProgressed(uploadId: "none") { filesStored } }',
)
_RISING = (0, 2, 3)
"""Those of one project, in which revisions have to rise."""
_MEAN_SECONDS, _HOLD_SECONDS, _CLOSE_SECONDS = 3.0, 4.0, 20.0


async def visit(world: World) -> None:
    """Subscribe to this and that, listen for a while, and leave in one of the ways there are."""
    project = world.project()
    async with _connected(world, world.viewer(project)) as socket:
        revisions: dict[str, int] = {}
        for _ in range(random.randint(1, 4)):
            number = random.randrange(len(_SUBSCRIPTIONS))
            name = await _subscribe(socket, number, project)
            if number in _RISING:
                revisions[name] = -1
        with suppress(TimeoutError):
            async with asyncio.timeout(random.expovariate(1 / _MEAN_SECONDS)):
                while True:
                    _take(world, await socket.recv(), revisions)
        await random.choice((_part, _close, _abort, _freeze))(socket)


async def stay_silent(world: World) -> None:
    """Connect, and say nothing, until the hub closes the socket or for a while."""
    with suppress(TimeoutError, websockets.ConnectionClosed):
        async with asyncio.timeout(random.uniform(0, 15)), _open(world) as socket:
            await socket.recv()


async def follow_stream(world: World) -> None:
    """Listen to server-sent events for a while, and hang up."""
    project, query = world.project(), random.choice(_SUBSCRIPTIONS)
    person = world.viewer(project)
    body = {"query": query, "variables": {"id": project.id} if "$id" in query else {}}
    headers = person.headers | {"Accept": "text/event-stream"}
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(random.expovariate(1 / _MEAN_SECONDS)),
            person.http.stream("POST", "/graphql", json=body, headers=headers) as response,
        ):
            async for _ in response.aiter_bytes():
                world.done["chunks of streams"] += 1


async def until_closed(world: World, person: Person) -> int | None:
    """Connect, sign out, and return the code with which the hub closes the socket then."""
    async with _connected(world, person) as socket:
        await _subscribe(socket, 1, world.project())
        await person.sign_out()
        with suppress(TimeoutError, websockets.ConnectionClosed):
            async with asyncio.timeout(_CLOSE_SECONDS):
                while True:
                    await socket.recv()
        return socket.close_code


@asynccontextmanager
async def _open(world: World) -> AsyncIterator[ClientConnection]:
    async with websockets.connect(
        f"ws{world.url.removeprefix('http')}/graphql",
        subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        compression=None,
        proxy=None,
        ping_interval=None,
        close_timeout=_HOLD_SECONDS,
    ) as socket:
        world.done["sockets"] += 1
        try:
            yield socket
        except BaseException:
            # However the visit ends, nothing of it is to stay.
            socket.transport.abort()
            raise


@asynccontextmanager
async def _connected(world: World, person: Person) -> AsyncIterator[ClientConnection]:
    async with _open(world) as socket:
        await _say(socket, type="connection_init", payload=person.headers)
        await socket.recv()
        yield socket


async def _subscribe(socket: ClientConnection, number: int, project: Project) -> str:
    name, query = str(uuid4()), _SUBSCRIPTIONS[number]
    variables = {"id": project.id} if "$id" in query else {}
    payload = {"query": query, "variables": variables}
    await _say(socket, type="subscribe", id=name, payload=payload)
    return name


async def _say(socket: ClientConnection, **message: object) -> None:
    await socket.send(msgspec.json.encode(message).decode())


def _take(world: World, text: str | bytes, revisions: dict[str, int]) -> None:
    message = msgspec.json.decode(text)
    world.done[f"{message['type']} messages"] += 1
    payload = message.get("payload")
    if message["type"] == "error":
        world.note(payload)
    elif message["type"] == "next":
        world.note(payload.get("errors", ()))
        name, data = message["id"], payload["data"]
        if name in revisions and data is not None:
            (event,) = data.values()
            if event["revision"] <= revisions[name]:
                world.problems["revisions that don't rise"] += 1
            revisions[name] = event["revision"]


async def _part(socket: ClientConnection) -> None:
    await socket.close()


async def _close(socket: ClientConnection) -> None:
    await socket.close(1001)


async def _abort(socket: ClientConnection) -> None:
    socket.transport.abort()


async def _freeze(socket: ClientConnection) -> None:
    socket.transport.pause_reading()
    await asyncio.sleep(_HOLD_SECONDS)
    socket.transport.abort()


VISITS: dict[Callable[[World], Awaitable[None]], float] = {
    visit: 10,
    follow_stream: 2,
    stay_silent: 0.5,
}
"""Ways of being there, and how often they are chosen."""
