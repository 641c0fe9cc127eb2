"""GraphQL as clients expect it: errors with codes, pages, ids that hold, introspection."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from gql.transport.exceptions import TransportQueryError
from graphql import (
    build_client_schema,
    get_introspection_query,
    lexicographic_sort_schema,
    print_schema,
)

from schema.ids import Kind
from tests.hubs import PASSWORD, GraphQLFailed, Person
from tests.live.pictures import png
from tests.live.scenes import Scene, absent

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


LEAVES = {"project": "id", "images": "totalCount", "edges": "cursor", "node": "id"}


def nested(depth: int) -> str:
    """Return a query that is so many fields deep."""
    names = [list(LEAVES)[place % 4] for place in range(depth - 1)]
    opened = " { ".join([*names, LEAVES[names[-1]]]).replace("project", 'project(id: "x")', 1)
    return f"{{ {opened} {'} ' * depth}"


def mutation(name: str, kind: str) -> str:
    """Return a document that runs a mutation whose payload nobody looks at."""
    return f"mutation($i: {kind}!) {{ {name}(input: $i) {{ __typename }} }}"


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "that does not parse": ({"query": "{ viewer "}, "GRAPHQL_PARSE_FAILED", "Syntax Error"),
    "that is empty": ({"query": ""}, "GRAPHQL_PARSE_FAILED", "Syntax Error"),
    "for an unknown field": (
        {"query": "{ viewer { shoeSize } }"},
        "GRAPHQL_VALIDATION_FAILED",
        "shoeSize",
    ),
    "for an unknown argument": (
        {"query": "{ projects(last: 3) { totalCount } }"},
        "GRAPHQL_VALIDATION_FAILED",
        "last",
    ),
    "without a variable": (
        {"query": "query($id: ID!) { project(id: $id) { id } }"},
        "BAD_USER_INPUT",
        "$id",
    ),
    "with a variable of a wrong type": (
        {
            "query": "query($first: Int) { projects(first: $first) { totalCount } }",
            "variables": {"first": "ten"},
        },
        "BAD_USER_INPUT",
        "$first",
    ),
    "with a value that an enum lacks": (
        {
            "query": mutation("setSegmentationStatus", "SetSegmentationStatusInput"),
            "variables": {"i": {"imageId": "x", "status": "DONE"}},
        },
        "BAD_USER_INPUT",
        "DONE",
    ),
    "with an unknown field in an input": (
        {
            "query": mutation("createProject", "CreateProjectInput"),
            "variables": {"i": {"name": "x", "color": "red"}},
        },
        "BAD_USER_INPUT",
        "color",
    ),
    "for an operation it does not have": (
        {"query": "query A { viewer { id } }", "operationName": "B"},
        "BAD_USER_INPUT",
        "'B'",
    ),
    "that leaves open which operation": (
        {"query": "query A { viewer { id } } query B { viewer { id } }"},
        "BAD_USER_INPUT",
        "operationName",
    ),
    "that subscribes over HTTP": (
        {"query": "subscription { dashboardUpdated { imageCount } }"},
        "BAD_USER_INPUT",
        "WebSocket",
    ),
    "that is too deep": ({"query": nested(13)}, "BAD_USER_INPUT", "13 fields deep"),
    "with too many aliases": (
        {"query": "{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(51)) + " }"},
        "BAD_USER_INPUT",
        "51 aliases",
    ),
    "with too many tokens": (
        {"query": "{ viewer { id " + "name " * 2000 + "} }"},
        "BAD_USER_INPUT",
        "2000 tokens",
    ),
    "with too many characters": (
        {"query": "{ viewer { id } }" + " " * 100_000},
        "BAD_USER_INPUT",
        "characters",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_request_is_refused_with_a_code(what: str, scene: Scene, ada: Person) -> None:
    body, code, message = REFUSED[what]
    response = await scene.hub.http.post("/graphql", json=body, headers=ada.headers)
    assert response.status_code == 400
    answer = response.json()
    assert answer.keys() == {"errors"}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {code}
    assert message in answer["errors"][0]["message"]


async def test_what_is_just_within_the_limits_is_answered(ada: Person) -> None:
    assert await ada.ask(nested(12)) == {"project": None}
    data = await ada.ask("{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(50)) + " }")
    assert len(data) == 50


BODIES: dict[str, tuple[dict[str, Any], int]] = {
    "that is no JSON": ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
    "that is empty": ({"content": b"", "headers": {"Content-Type": "application/json"}}, 400),
    "that is no object": ({"json": "x"}, 400),
    "that is a batch": ({"json": [{"query": "{ __typename }"}]}, 400),
    "without a query": ({"json": {"variables": {}}}, 400),
    "with variables that are no object": ({"json": {"query": "{ a }", "variables": [1]}}, 400),
    "of another type": (
        {"content": b"{ __typename }", "headers": {"Content-Type": "application/graphql"}},
        415,
    ),
    "from a form without a preflight": ({"files": {"operations": b"{}"}}, 400),
    "that maps nothing": (
        {
            "data": {"operations": '{"query": "{ __typename }"}', "map": "[]"},
            "files": {"0": b"x"},
            "headers": {"GraphQL-Preflight": "1"},
        },
        400,
    ),
}


@pytest.mark.parametrize("what", BODIES)
async def test_a_body_is_refused_with_a_code(what: str, scene: Scene, ada: Person) -> None:
    given, status = BODIES[what]
    headers = ada.headers | given.get("headers", {})
    response = await scene.hub.http.post("/graphql", **{**given, "headers": headers})
    assert response.status_code == status
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert error["message"]


Call = Callable[[Person, str], Awaitable[object]]
"""What somebody does with a text, to the project that is the first they see."""


async def _fail(person: Person, text: str) -> None:
    image = absent(Kind.IMAGE)
    failure = {"code": text, "message": "", "retryable": False}
    change = {"imageId": image, "status": "FAILED", "error": failure}
    await person.do("setSegmentationStatus", "{ image { id } }", **change)


async def _follow_upload(person: Person, text: str) -> None:
    document = "subscription($id: ID!) { uploadProgressed(uploadId: $id) { done } }"
    async with person.connected() as socket:
        stream = socket.watch(document, id=text)
        await stream.end()
        assert isinstance(stream.error, TransportQueryError)
        raise GraphQLFailed(stream.error.errors or [])


PROJECT = absent(Kind.PROJECT)
TEXTS: dict[str, Call] = {
    "a search for projects": lambda ada, text: ada.ask(
        "query($text: String) { projects(search: $text) { edges { cursor } } }", text=text
    ),
    "a search for their number": lambda ada, text: ada.ask(
        "query($text: String) { projects(search: $text) { totalCount } }", text=text
    ),
    "a search for images": lambda ada, text: ada.ask(
        """query($text: String) { projects(first: 1) { edges { node {
            images(search: $text) { totalCount } } } } }""",
        text=text,
    ),
    "a project's name": lambda ada, text: ada.do("createProject", "{ project { id } }", name=text),
    "a description": lambda ada, text: ada.do(
        "createProject", "{ project { id } }", name="x", description=text
    ),
    "a key's name": lambda ada, text: ada.do("createApiKey", "{ id }", name=text),
    "an e-mail address": lambda ada, text: ada.do(
        "signIn", "{ expiresAt }", email=text, password="x"
    ),
    "a person's name": lambda ada, text: ada.do(
        "signUp", "{ expiresAt }", email="a@example.org", password=PASSWORD, name=text
    ),
    "a model": lambda ada, text: ada.do(
        "requestSegmentation", "{ batchId }", projectId=PROJECT, model=text
    ),
    "a worker": lambda ada, text: ada.do(
        "claimSegmentationJobs", "{ claimed { lease } }", worker=text
    ),
    "a worker's model": lambda ada, text: ada.do(
        "claimSegmentationJobs", "{ claimed { lease } }", worker="w", models=[text]
    ),
    "an error's code": _fail,
    "an upload's name": lambda ada, text: ada.upload(PROJECT, ("a.png", png()), upload_id=text),
    "an upload to follow": _follow_upload,
}


@pytest.mark.parametrize("what", TEXTS)
async def test_text_that_no_database_keeps_is_the_users_mistake(
    what: str, scene: Scene, ada: Person
) -> None:
    await scene.project(ada)
    with pytest.raises(GraphQLFailed) as refusal:
        await TEXTS[what](ada, "a\0b")
    assert refusal.value.code == "BAD_USER_INPUT", refusal.value.errors


async def test_a_failures_message_is_mended_rather_than_refused(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    [image] = await scene.images(project, ada, 1)
    await ada.do("setSegmentationStatus", "{ image { id } }", imageId=image, status="QUEUED")
    failure = {"code": "TIMEOUT", "message": "a\0b" + "x" * 3000, "retryable": False}
    done = await ada.do(
        "setSegmentationStatus",
        "{ image { error { code message retryable } } }",
        imageId=image,
        status="FAILED",
        error=failure,
    )
    kept = {"code": "TIMEOUT", "message": "a?b" + "x" * 1997, "retryable": False}
    assert done["image"]["error"] == kept


async def test_an_error_below_a_list_leaves_the_rest_and_says_where(
    scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    document = (
        "query($id: ID!) { viewer { id } project(id: $id) { id images(first: 0) { totalCount } } }"
    )
    answer = await ada.post(document, id=project)
    assert answer["data"] == {"viewer": {"id": ada.id}, "project": None}
    [error] = answer["errors"]
    assert error["path"] == ["project", "images"]


async def test_ids_in_updates_are_ids_of_nodes(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    [image] = await scene.images(project, ada, 1)
    async with ada.connected() as socket:
        numbers = socket.watch(
            "subscription($id: ID!) { projectUpdated(projectId: $id) { projectId userId } }",
            id=project,
        )
        images = socket.watch(
            """subscription($id: ID!, $after: BigInt) {
                segmentationUpdated(projectId: $id, after: $after) {
                    imageId projectId queueId image { id uploadedBy { id } } } }""",
            id=project,
            after=await scene.revision(project),
        )
        queue = socket.watch(
            "subscription($id: ID!) { queueStatsUpdated(projectId: $id) { projectId } }", id=project
        )
        presence = socket.watch(
            "subscription($id: ID!) { presenceChanged(projectId: $id) { projectId users { id } } }",
            id=project,
        )
        for stream in (numbers, queue, presence):
            await stream.until(lambda events: events)
        await ada.do("requestSegmentation", "{ jobs { id } }", projectId=project, imageIds=[image])
        [update] = await images.until(lambda events: events)
        await numbers.until(lambda events: len(events) == 2)
    expected = {
        numbers.events[1]["projectId"]: "Project",
        numbers.events[1]["userId"]: "User",
        update["imageId"]: "Image",
        update["projectId"]: "Project",
        update["queueId"]: "SegmentationJob",
        update["image"]["id"]: "Image",
        update["image"]["uploadedBy"]["id"]: "User",
        queue.events[0]["projectId"]: "Project",
        presence.events[0]["users"][0]["id"]: "User",
        presence.events[0]["projectId"]: "Project",
    }
    assert len(expected) == 4
    for id_, kind in expected.items():
        node = await ada.ask("query($id: ID!) { node(id: $id) { id __typename } }", id=id_)
        assert node == {"node": {"id": id_, "__typename": kind}}


async def test_instants_have_milliseconds_and_are_in_utc(scene: Scene, ada: Person) -> None:
    project = await scene.project(ada)
    await scene.images(project, ada, 1)
    data = await ada.ask(
        """query($id: ID!) { dashboard { timestamp } project(id: $id) {
            createdAt updatedAt stats { updatedAt }
            images { edges { node { createdAt updatedAt } } } } }""",
        id=project,
    )
    found = data["project"]
    [edge] = found["images"]["edges"]
    for instant in (
        data["dashboard"]["timestamp"],
        found["createdAt"],
        found["updatedAt"],
        found["stats"]["updatedAt"],
        edge["node"]["createdAt"],
        edge["node"]["updatedAt"],
    ):
        assert INSTANT.fullmatch(instant), instant
    assert found["updatedAt"] == found["stats"]["updatedAt"] == edge["node"]["createdAt"]


async def test_introspection_tells_the_whole_schema(scene: Scene) -> None:
    answer = await scene.hub.nobody().ask(get_introspection_query())
    told = lexicographic_sort_schema(build_client_schema(answer))  # type: ignore[arg-type]
    checked_in = Path(__file__).parents[2] / "schema.graphql"
    assert print_schema(told) + "\n" == checked_in.read_text()


async def test_queries_may_come_by_get_but_mutations_may_not(scene: Scene, ada: Person) -> None:
    headers = ada.headers | {"GraphQL-Preflight": "1"}
    answered = await scene.hub.http.get(
        "/graphql", params={"query": "{ viewer { id } }"}, headers=headers
    )
    assert answered.json() == {"data": {"viewer": {"id": ada.id}}}
    mutation = 'mutation { createProject(input: {name: "x"}) { project { id } } }'
    before = (await ada.ask("{ projects { totalCount } }"))["projects"]["totalCount"]
    for query, given, status in (
        (mutation, headers, 405),
        ("{ viewer { id } }", ada.headers, 400),
    ):
        refused = await scene.hub.http.get("/graphql", params={"query": query}, headers=given)
        assert refused.status_code == status
        assert refused.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert (await ada.ask("{ projects { totalCount } }"))["projects"]["totalCount"] == before
