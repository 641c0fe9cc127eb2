"""Attacks that a hub has to stand: on its time, on its memory, and on its rules."""

import asyncio
import time
from typing import Any

import httpx
import msgspec
import pytest
import websockets

from tests.hubs import Person
from tests.live.pictures import png
from tests.live.rules import CELLS
from tests.live.scenes import (
    FRAME_SECONDS,
    Scene,
    answer,
    raw_socket,
    subscribe,
)

# What takes hours where it is not prevented, and nothing where it is.
MOMENT = 5.0
# Marks in the wrong order: to sort them takes time by the square of their number.
DISORDER = "\u0300\u0327" * 100_000

SIGN_IN = "mutation($i: SignInInput!) { signIn(input: $i) { accessToken } }"
DELETE = "mutation($i: DeleteImagesInput!) { deleteImages(input: $i) { deletedIds } }"


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
