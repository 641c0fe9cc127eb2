"""Who may what: what one may not see answers exactly like what is not there."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, TypeInfo, TypeInfoVisitor, Visitor, visit
from graphql import parse as parse_document

from schema.ids import Kind
from schema.roots import build_schema
from tests.hubs import GraphQLFailed, Person
from tests.live import rules
from tests.live.pictures import png
from tests.live.rules import ACTORS, NODES, OUTSIDERS, ROLES, ROWS, Cast, Needs, Row, World
from tests.live.scenes import Scene, absent, answer, first_frame

SECRET = "a secret of tests, long enough for it"
SCHEMA = build_schema()._schema
ORDER = list(Needs)


@pytest.fixture(scope="module")
async def cast(scene: Scene) -> Cast:
    people = {
        name: await scene.hub.person(name)
        for name in ("stranger", "former", "viewer", "guest", "editor", "owner")
    }
    key = scene.hub.nobody()
    made = await people["editor"].do("createApiKey", "{ secret }", name="microscope")
    key.take(
        {"user": {"id": people["editor"].id}, "accessToken": made["secret"], "refreshToken": ""}
    )
    return Cast(anonymous=scene.hub.nobody(), editors_key=key, **people)


@pytest.fixture(scope="module")
async def homes(scene: Scene, cast: Cast) -> set[str]:
    """Projects of the outsiders' own."""
    return {await scene.project(getattr(cast, name)) for name in OUTSIDERS}


@pytest.fixture
async def world(scene: Scene, cast: Cast, homes: set[str]) -> AsyncIterator[World]:
    yield await rules.build(scene, cast)
    await rules.clear(scene, but=homes)


def test_every_root_field_has_a_rule() -> None:
    roots = [SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type]
    fields = {f"{root}.{name}" for root in roots if root for name in root.fields}
    assert {row.field for row in ROWS} == fields


def test_everything_that_a_node_may_be_has_a_rule() -> None:
    node = SCHEMA.type_map["Node"]
    assert {kind.name for kind in SCHEMA.get_possible_types(node)} == set(NODES)  # type: ignore[arg-type]


def test_every_field_of_every_type_is_asked_for() -> None:
    asked = {name for row in ROWS for name in _asked_for(SCHEMA, rules.document(SCHEMA, row))}
    assert set(rules.fields_of(SCHEMA)) == asked


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_each_gets_what_the_rule_says(
    row: Row, scene: Scene, cast: Cast, homes: set[str], world: World
) -> None:
    # What is open to everybody does not look at who asks.
    for actor in ("anonymous", "owner") if row.needs is Needs.NOTHING else ACTORS:
        expected = _expected(row, actor)
        person = getattr(cast, actor)
        variables = await _variables(row, world)
        before = await scene.revision(world.project)
        got = await _call(scene, person, row, variables)
        if expected == "ok":
            assert _codes(got) == [], (actor, got)
            _expect_shown(row, actor, world, got)
            if row.root == "Mutation":
                await rules.clear(scene, but=homes)
                world = await rules.build(scene, cast)
        else:
            if expected == "absent":
                _expect_absent(row, got, await _of_nothing(scene, person, row, variables))
            else:
                assert _codes(got) == [expected], (actor, got)
            assert await scene.revision(world.project) == before, actor


@pytest.mark.parametrize("kind", NODES)
async def test_node_finds_it_for_members_only(
    kind: str, scene: Scene, cast: Cast, world: World
) -> None:
    id_ = await NODES[kind](world)
    document = "query($id: ID!) { node(id: $id) { __typename id } }"
    for actor in ROLES:
        got = await getattr(cast, actor).post(document, id=id_)
        assert got == {"data": {"node": {"__typename": kind, "id": id_}}}, actor
    for actor in OUTSIDERS:
        assert await getattr(cast, actor).post(document, id=id_) == {"data": {"node": None}}, actor
    [error] = (await cast.anonymous.post(document, id=id_))["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_what_is_no_node_is_found_by_nobody(cast: Cast, world: World) -> None:
    [job] = await world.jobs()
    key = await cast.owner.do("createApiKey", "{ id }", name="microscope")
    for id_ in (
        job["batchId"],
        key["id"],
        "prj_",
        "",
        "1",
        world.project.upper(),
        absent(Kind.IMAGE),
    ):
        answered = await cast.owner.post("query($id: ID!) { node(id: $id) { id } }", id=id_)
        assert answered == {"data": {"node": None}}


async def test_a_person_finds_oneself_and_those_one_works_with(cast: Cast, world: World) -> None:
    document = "query($id: ID!) { node(id: $id) { ... on User { email } } }"
    seen = {
        (me, other)
        for me in ("stranger", "former", "viewer", "owner")
        for other in ("stranger", "former", "viewer", "owner")
        if (await getattr(cast, me).ask(document, id=getattr(cast, other).id))["node"]
    }
    alone = {("stranger", "stranger"), ("former", "former")}
    assert seen == alone | {
        (me, other) for me in ("viewer", "owner") for other in ("viewer", "owner")
    }


async def test_an_id_of_another_kind_is_like_one_of_nothing(cast: Cast, world: World) -> None:
    for field, id_ in (
        ("project", world.image),
        ("image", world.project),
        ("image", cast.owner.id),
    ):
        answered = await cast.owner.post(f"query($id: ID!) {{ {field}(id: $id) {{ id }} }}", id=id_)
        assert answered == {"data": {field: None}}
    with pytest.raises(GraphQLFailed) as failure:
        await cast.owner.do("deleteProject", "{ projectId }", projectId=world.image)
    assert failure.value.code == "NOT_FOUND"


OWN_CALLS = {
    "deleteImages": ("{ deletedIds }", {"imageIds": ["own", "image"]}),
    "setSegmentationStatuses": (
        "{ images { id } }",
        {
            "changes": [
                {"imageId": "own", "status": "QUEUED"},
                {"imageId": "image", "status": "QUEUED"},
            ]
        },
    ),
    "setSegmentationStatus": (
        "{ image { id } }",
        {"imageId": "own", "status": "QUEUED", "queueId": "job"},
    ),
    "requestSegmentation": ("{ batchId }", {"projectId": "home", "imageIds": ["own", "image"]}),
    "cancelSegmentation batch": ("{ cancelledCount }", {"projectId": "home", "batchId": "batch"}),
    "cancelSegmentation images": (
        "{ cancelledCount }",
        {"projectId": "home", "imageIds": ["image"]},
    ),
}


@pytest.mark.parametrize("call", OWN_CALLS)
async def test_in_calls_on_ones_own_project_ids_of_others_are_like_ids_of_nothing(
    call: str, scene: Scene, cast: Cast, world: World
) -> None:
    home = await scene.project(cast.stranger)
    [own] = await scene.images(home, cast.stranger, 1)
    [job] = await world.jobs()
    fields, template = OWN_CALLS[call]
    there = {"image": world.image, "job": job["id"], "batch": job["batchId"]}
    nowhere = {
        "image": absent(Kind.IMAGE),
        "job": absent(Kind.JOB),
        "batch": absent(Kind.BATCH),
    }
    answers = []
    for others in (there, nowhere):
        values = _filled(template, {"home": home, "own": own, **others})
        answers.append(await _outcome(cast.stranger, call.partition(" ")[0], fields, values))
    assert answers[0] == answers[1]
    assert await scene.revision(home) == 2


async def test_a_stream_of_ones_own_project_does_not_tell_of_others_images(
    scene: Scene, cast: Cast, world: World
) -> None:
    home = await scene.project(cast.stranger)
    document = """subscription($id: ID!, $image: ID) {
        segmentationUpdated(projectId: $id, imageId: $image, after: 0) { imageId } }"""
    frames = [
        await first_frame(scene.hub, cast.stranger, document, {"id": home, "image": image})
        for image in (world.image, absent(Kind.IMAGE))
    ]
    assert frames[0] == frames[1]
    assert frames[0]["payload"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_everybody_may_leave_but_the_one_to_whom_the_project_belongs(
    cast: Cast, world: World
) -> None:
    for person in (cast.viewer, cast.editor):
        left = await person.do(
            "revokeAccess", "{ project { id } }", projectId=world.project, userId=person.id
        )
        assert left == {"project": {"id": world.project}}
        assert (await person.ask("{ projects { totalCount } }"))["projects"]["totalCount"] == 0
    assert (
        await _outcome(
            cast.owner,
            "revokeAccess",
            "{ project { id } }",
            {"projectId": world.project, "userId": cast.owner.id},
        )
        == "CONFLICT"
    )


async def test_members_find_each_other_only_as_long_as_they_are_members(
    cast: Cast, world: World
) -> None:
    document = "query($id: ID!) { project(id: $id) { members { role user { id email } } } }"
    members = (await cast.viewer.ask(document, id=world.project))["project"]["members"]
    assert {(member["user"]["email"], member["role"]) for member in members} == {
        (cast.owner.email, "OWNER"),
        (cast.editor.email, "EDITOR"),
        (cast.viewer.email, "VIEWER"),
        (cast.guest.email, "VIEWER"),
    }
    await cast.owner.do(
        "revokeAccess", "{ project { id } }", projectId=world.project, userId=cast.viewer.id
    )
    assert await cast.viewer.post(document, id=world.project) == {"data": {"project": None}}
    answered = await cast.viewer.post("query($id: ID!) { node(id: $id) { id } }", id=cast.owner.id)
    assert answered == {"data": {"node": None}}


async def test_a_dashboard_adds_up_ones_own_projects_only(cast: Cast, world: World) -> None:
    document = "{ dashboard { projectCount imageCount storageBytes } }"
    for person, count in ((cast.stranger, 0), (cast.former, 0), (cast.viewer, 1)):
        numbers = (await person.ask(document))["dashboard"]
        assert numbers["projectCount"] == 1
        assert numbers["imageCount"] == count
        assert (numbers["storageBytes"] > 0) == bool(count)


async def test_an_upload_id_belongs_to_its_user(scene: Scene, cast: Cast, world: World) -> None:
    upload_id = uuid4().hex
    await cast.owner.upload(world.project, ("a.png", png(1)), upload_id=upload_id)
    home = await scene.project(cast.stranger)
    mine = await cast.stranger.upload(home, ("b.png", png(2)), upload_id=upload_id)
    assert [image["name"] for image in mine["images"]] == ["b.png"]
    frames = [
        await first_frame(
            scene.hub,
            person,
            "subscription($id: ID!) { uploadProgressed(uploadId: $id) { done filesStored } }",
            {"id": upload_id},
        )
        for person in (cast.viewer, cast.owner)
    ]
    assert [frame["payload"]["data"]["uploadProgressed"]["done"] for frame in frames] == [
        False,
        True,
    ]


def _expected(row: Row, actor: str) -> str:
    if actor == "anonymous":
        return "ok" if row.needs is Needs.NOTHING else "UNAUTHENTICATED"
    if row.needs in (Needs.NOTHING, Needs.SIGNING_IN):
        return "ok"
    if row.needs is Needs.SESSION:
        return "FORBIDDEN" if actor == "editors_key" else "ok"
    if row.needs is Needs.OWN:
        return {"owner": "ok", "editors_key": "FORBIDDEN"}.get(actor, "absent")
    if actor in OUTSIDERS:
        return "absent"
    return "ok" if ORDER.index(ROLES[actor]) >= ORDER.index(row.needs) else "FORBIDDEN"


async def _variables(row: Row, world: World) -> dict[str, Any]:
    values = await row.variables(world)
    return {"input": values} if row.root == "Mutation" else values


async def _call(
    scene: Scene, person: Person, row: Row, variables: dict[str, Any]
) -> dict[str, Any]:
    document = rules.document(SCHEMA, row)
    if row.root == "Subscription":
        return await first_frame(scene.hub, person, document, variables)
    return await answer(scene.hub, person, document, variables, row.files)


def _codes(got: dict[str, Any]) -> list[str]:
    if got.get("type") == "close":
        return ["UNAUTHENTICATED" if got["code"] == 4403 else str(got["code"])]
    payload = got.get("payload", got)
    errors = payload if isinstance(payload, list) else payload.get("errors", [])
    return [error["extensions"]["code"] for error in errors]


async def _of_nothing(
    scene: Scene, person: Person, row: Row, variables: dict[str, Any]
) -> dict[str, Any]:
    """Return what is answered to ids that nothing has, with the real ones written in."""
    swapped: dict[str, str] = {}
    got = await _call(scene, person, row, rules.absent_ones(variables, swapped))
    assert swapped, "the call names nothing of the project"
    text = json.dumps(got)
    for nothing, real in swapped.items():
        text = text.replace(nothing, real)
    answered: dict[str, Any] = json.loads(text)
    return answered


def _expect_absent(row: Row, got: dict[str, Any], of_nothing: dict[str, Any]) -> None:
    assert got == of_nothing
    if row.null:
        assert got == {"status": 200, "data": {row.name: None}}
    else:
        assert _codes(got) == ["NOT_FOUND"], got


def _expect_shown(row: Row, actor: str, world: World, got: dict[str, Any]) -> None:
    """Check that a row which answers everybody shows the project to those who may see it."""
    if row.needs in ROLES.values():
        return
    shown = (
        row.shows is not None
        and actor in ROLES
        and ORDER.index(ROLES[actor]) >= ORDER.index(row.shows)
    )
    text = json.dumps(got)
    assert (world.project in text or world.image in text) == shown, (actor, got)


def _filled(template: Any, values: dict[str, str]) -> Any:
    if isinstance(template, dict):
        return {name: _filled(item, values) for name, item in template.items()}
    if isinstance(template, list):
        return [_filled(item, values) for item in template]
    return values.get(template, template)


async def _outcome(person: Person, mutation: str, fields: str, values: dict[str, Any]) -> Any:
    try:
        return await person.do(mutation, fields, **values)
    except GraphQLFailed as failure:
        return failure.code


def _asked_for(schema: GraphQLSchema, document: str) -> set[str]:
    asked: set[str] = set()
    info = TypeInfo(schema)

    class Fields(Visitor):
        def enter_field(self, node: Any, *_: Any) -> None:
            parent = info.get_parent_type()
            if isinstance(parent, GraphQLObjectType) and not node.name.value.startswith("__"):
                asked.add(f"{parent.name}.{node.name.value}")

    visit(parse_document(document), TypeInfoVisitor(info, Fields()))
    return asked
