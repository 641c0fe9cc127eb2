"""What nobody can foresee: masked for the client, logged in full, and over when its cause is."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from hub.embedded_postgres import EmbeddedPostgres
from tests.hubs import Person
from tests.live.rules import CELLS
from tests.live.scenes import Scene, first_frame

LOGGER = "hub.failures"


@asynccontextmanager
async def database_away(postgres: EmbeddedPostgres, scene: Scene) -> AsyncIterator[None]:
    """Cut all connections to the scene's database, and let nobody in, within the block."""
    name = scene.database_url.rpartition("/")[2].partition("?")[0]
    connection = await asyncpg.connect(postgres.url_of("postgres").replace("+asyncpg", ""))
    try:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1",
                name,
            )
            yield
        finally:
            await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    finally:
        await connection.close()


@asynccontextmanager
async def table_away(scene: Scene, name: str) -> AsyncIterator[None]:
    """Have a table not be there within the block."""
    connection = await asyncpg.connect(scene.database_url.replace("+asyncpg", ""))
    try:
        await connection.execute(f"ALTER TABLE {name} RENAME TO {name}_away")
        try:
            yield
        finally:
            await connection.execute(f"ALTER TABLE {name}_away RENAME TO {name}")
    finally:
        await connection.close()


@pytest.fixture
async def lost_polygons(scene: Scene, ada: Person) -> str:
    """The id of an image whose polygons are gone from the store."""
    project = await scene.project(ada)
    [image] = await scene.images(project, ada, 1)
    await ada.do("requestSegmentation", "{ batchId }", projectId=project, imageIds=[image])
    claimed = await ada.do("claimSegmentationJobs", "{ claimed { lease job { id } } }", worker="w")
    [entry] = claimed["claimed"]
    await ada.do(
        "completeSegmentation",
        "{ image { id } }",
        queueId=entry["job"]["id"],
        lease=entry["lease"],
        polygons=CELLS,
    )
    [polygons] = scene.blobs.rglob("*.geojson.gz")
    polygons.unlink()
    return image


async def test_a_field_that_fails_is_masked_and_its_neighbours_are_answered(
    scene: Scene, ada: Person, lost_polygons: str, caplog: pytest.LogCaptureFixture
) -> None:
    document = """query($id: ID!) { viewer { id }
        image(id: $id) { id segmentation { cellCount polygons } } }"""
    with caplog.at_level(logging.ERROR, LOGGER):
        response = await _post(scene, ada, document, id=lost_polygons)
    request_id = response.headers["x-request-id"]
    assert response.status_code == 200
    assert response.json() == {
        "data": {"viewer": {"id": ada.id}, "image": {"id": lost_polygons, "segmentation": None}},
        "errors": [
            {
                "message": "Internal server error",
                "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id},
                "locations": [
                    {"line": 2, "column": document.splitlines()[1].index("polygons") + 1}
                ],
                "path": ["image", "segmentation", "polygons"],
            }
        ],
    }
    [record] = _logged(caplog)
    assert record.request_id == request_id  # type: ignore[attr-defined]
    assert record.exc_info
    assert "BlobNotFound" in repr(record.exc_info[1])


async def test_a_request_id_of_the_clients_own_is_kept(
    scene: Scene, ada: Person, lost_polygons: str
) -> None:
    document = "query($id: ID!) { image(id: $id) { segmentation { polygons } } }"
    response = await scene.hub.http.post(
        "/graphql",
        json={"query": document, "variables": {"id": lost_polygons}},
        headers=ada.headers | {"X-Request-ID": "from-the-proxy-1"},
    )
    assert response.headers["x-request-id"] == "from-the-proxy-1"
    assert response.json()["errors"][0]["extensions"]["requestId"] == "from-the-proxy-1"


async def test_without_its_database_the_hub_says_so_masked_and_goes_on_when_it_is_back(
    postgres: EmbeddedPostgres, scene: Scene, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    made = await ada.do("createProject", "{ project { id } }", name="Cells")
    project = made["project"]["id"]
    document = "query($id: ID!) { project(id: $id) { name } }"
    sign_in = """mutation { signIn(input: {email: "a@example.org", password: "x"}) {
        expiresAt } }"""
    nobody = scene.hub.nobody()
    with caplog.at_level(logging.WARNING, LOGGER):
        async with database_away(postgres, scene):
            ready = await scene.hub.http.get("/readyz")
            alive = await scene.hub.http.get("/healthz")
            answers = [
                await _post(scene, ada, document, id=project),
                await _post(scene, nobody, sign_in),
            ]
    assert (ready.status_code, alive.status_code) == (503, 200)
    request_ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(request_ids)) == 2
    for answer, request_id in zip(answers, request_ids, strict=True):
        [error] = answer.json()["errors"]
        assert error["message"] == "The database is away: try again in a few seconds."
        assert error["extensions"] == {"code": "SERVICE_UNAVAILABLE", "requestId": request_id}
        assert "postgres" not in answer.text
    # Who asks can't be known, so nothing is executed; who is nobody gets as far as the field.
    assert [answer.status_code for answer in answers] == [503, 200]
    [record] = _logged(caplog)
    assert "not currently accepting connections" in record.getMessage()
    assert record.exc_info is None
    assert (await ada.ask(document, id=project))["project"]["name"] == "Cells"


async def test_what_people_said_stays_out_of_the_log(
    scene: Scene, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    document = "query($text: String) { projects(search: $text) { totalCount } }"
    async with table_away(scene, "projects"):
        answer = await _post(scene, ada, document, text="my secret words")
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    [record] = _logged(caplog)
    assert "UndefinedTable" in caplog.text
    assert "secret words" not in caplog.text
    assert "projects" not in answer.text.replace('"projects"', "")
    assert record.levelno == logging.ERROR
    assert await ada.ask(document, text="my secret words") == {"projects": {"totalCount": 0}}


async def test_a_socket_outlives_an_operation_that_failed(
    postgres: EmbeddedPostgres, scene: Scene, ada: Person
) -> None:
    made = await ada.do("createProject", "{ project { id } }", name="Cells")
    project = made["project"]["id"]
    document = "subscription($id: ID!) { projectUpdated(projectId: $id) { operation } }"
    async with ada.connected() as socket:
        async with database_away(postgres, scene):
            lost = socket.watch(document, id=project)
            assert await lost.end() == "SERVICE_UNAVAILABLE"
        found = socket.watch(document, id=project)
        assert await found.until(lambda events: events) == [{"operation": "SNAPSHOT"}]


async def test_a_socket_opened_without_a_database_is_to_be_tried_again(
    postgres: EmbeddedPostgres, scene: Scene, ada: Person
) -> None:
    document = "subscription { dashboardUpdated { __typename } }"
    async with database_away(postgres, scene):
        assert await first_frame(scene.hub, ada, document, {}) == {"type": "close", "code": 1013}
    frame = await first_frame(scene.hub, ada, document, {})
    assert frame["payload"] == {"data": {"dashboardUpdated": {"__typename": "Dashboard"}}}


async def _post(scene: Scene, person: Person, document: str, **variables: Any) -> Any:
    body = {"query": document, "variables": variables}
    return await scene.hub.http.post("/graphql", json=body, headers=person.headers)


def _logged(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == LOGGER]
