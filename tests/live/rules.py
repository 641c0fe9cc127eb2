"""The rules of access: who may do what, one row for each way into the API.

Each row tells how to call a root field with the ids of somebody's project, and whom it takes. What
it answers with is all that its type has, so that every field of every type is read by everybody who
may, and by nobody else.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as of_row
from enum import Enum
from typing import Any
from uuid import uuid4

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from schema import ids
from schema.ids import Kind
from tests.hubs import PASSWORD, Person
from tests.live.pictures import png
from tests.live.scenes import Scene, project_key, user_key

DEPTH = 4


class Needs(Enum):
    """What it takes to get an answer, weakest first."""

    NOTHING = "nothing"
    SIGNING_IN = "signing in, by session or API key"
    SESSION = "signing in with e-mail and password"
    OWN = "being the person whose it is, signed in with e-mail and password"
    VIEWER = "the role of a viewer"
    EDITOR = "the role of an editor"
    OWNER = "the role of an owner"


@dataclass(frozen=True)
class Cast:
    """People by what they are to the project at issue. ``guest`` is one of its viewers."""

    anonymous: Person
    stranger: Person
    former: Person
    viewer: Person
    guest: Person
    editor: Person
    editors_key: Person
    owner: Person


ROLES = {
    "viewer": Needs.VIEWER,
    "editor": Needs.EDITOR,
    "editors_key": Needs.EDITOR,
    "owner": Needs.OWNER,
}
OUTSIDERS = ("stranger", "former")
ACTORS = ("anonymous", *OUTSIDERS, *ROLES)


@dataclass(frozen=True)
class World:
    """Somebody's project with an image, and what can be made of them."""

    scene: Scene
    cast: Cast
    project: str
    image: str

    async def jobs(self, count: int = 1) -> list[dict[str, Any]]:
        """Queue new images; return the jobs."""
        images = await self.scene.images(self.project, self.cast.owner, count)
        requested = await self.cast.owner.do(
            "requestSegmentation",
            "{ batchId jobs { id image { id } } }",
            projectId=self.project,
            imageIds=images,
        )
        return [{**job, "batchId": requested["batchId"]} for job in requested["jobs"]]

    async def lease(self) -> dict[str, str]:
        """Have a job handed out; return its id and its lease."""
        await self.jobs()
        claimed = await self.cast.owner.do(
            "claimSegmentationJobs", "{ claimed { lease job { id } } }", worker="w"
        )
        [entry] = claimed["claimed"]
        return {"queueId": entry["job"]["id"], "lease": entry["lease"]}

    async def segmentation(self) -> str:
        """Have cells found in an image; return the run."""
        done = await self.cast.owner.do(
            "completeSegmentation",
            "{ image { segmentation { id } } }",
            polygons=CELLS,
            **await self.lease(),
        )
        run: str = done["image"]["segmentation"]["id"]
        return run


Variables = Callable[[World], Awaitable[dict[str, Any]]]

CELLS = {"type": "Polygon", "coordinates": [[[1, 1], [5, 1], [5, 5], [1, 1]]]}
FAILURE = {"code": "TIMEOUT", "message": "Too slow.", "retryable": True}


def given(**values: Any) -> Variables:
    """Return what gives these values, those that are callable called with the world."""

    async def give(world: World) -> dict[str, Any]:
        return {name: value(world) if callable(value) else value for name, value in values.items()}

    return give


def project(world: World) -> str:
    return world.project


def image(world: World) -> str:
    return world.image


async def leased(world: World) -> dict[str, Any]:
    return await world.lease()


async def completed(world: World) -> dict[str, Any]:
    return {**await world.lease(), "polygons": CELLS}


async def failed(world: World) -> dict[str, Any]:
    return {**await world.lease(), "error": FAILURE}


async def waiting(world: World) -> dict[str, Any]:
    await world.jobs()
    return {"worker": "w", "limit": 100}


async def cancelled(world: World) -> dict[str, Any]:
    [job] = await world.jobs()
    return {"projectId": world.project, "batchId": job["batchId"]}


async def refreshed(world: World) -> dict[str, Any]:
    return await world.cast.anonymous.do(
        "signIn", "{ refreshToken }", email=world.cast.stranger.email, password=PASSWORD
    )


async def owners_key(world: World) -> dict[str, Any]:
    key = await world.cast.owner.do("createApiKey", "{ id }", name="microscope")
    return {"apiKeyId": key["id"]}


async def newcomer(_world: World) -> dict[str, Any]:
    return {"email": f"{uuid4().hex}@example.org", "password": PASSWORD, "name": "New"}


@dataclass(frozen=True)
class Row:
    """A rule. ``shows`` is the weakest role to which the project appears in the answer.

    That is asked of rows that anybody gets an answer to; where it is None, the project appears to
    nobody. ``null`` tells that what is not there is answered with null, instead of NOT_FOUND.
    """

    field: str
    needs: Needs
    variables: Variables = of_row(default_factory=given)
    shows: Needs | None = None
    null: bool = False
    files: tuple[tuple[str, bytes], ...] = ()
    note: str = ""

    @property
    def root(self) -> str:
        """Query, Mutation or Subscription."""
        return self.field.partition(".")[0]

    @property
    def name(self) -> str:
        """The name of the root field."""
        return self.field.partition(".")[2]

    def __str__(self) -> str:
        return f"{self.field} {self.note}".strip()


ROWS = (
    Row("Query.viewer", Needs.SIGNING_IN),
    Row("Query.node", Needs.VIEWER, given(id=project), null=True),
    Row("Query.project", Needs.VIEWER, given(id=project), null=True),
    Row("Query.projects", Needs.SIGNING_IN, shows=Needs.VIEWER),
    Row("Query.image", Needs.VIEWER, given(id=image), null=True),
    Row("Query.apiKeys", Needs.SESSION),
    Row("Query.dashboard", Needs.SIGNING_IN),
    Row("Mutation.signUp", Needs.NOTHING, newcomer),
    Row(
        "Mutation.signIn",
        Needs.NOTHING,
        given(email=lambda world: world.cast.stranger.email, password=PASSWORD),
    ),
    Row("Mutation.refreshSession", Needs.NOTHING, refreshed),
    Row("Mutation.signOut", Needs.NOTHING, refreshed),
    Row("Mutation.createApiKey", Needs.SESSION, given(name="microscope")),
    Row("Mutation.revokeApiKey", Needs.OWN, owners_key),
    Row("Mutation.createProject", Needs.SIGNING_IN, given(name="Cells")),
    Row("Mutation.updateProject", Needs.OWNER, given(projectId=project, name="Nuclei")),
    Row("Mutation.deleteProject", Needs.OWNER, given(projectId=project)),
    Row(
        "Mutation.shareProject",
        Needs.OWNER,
        given(projectId=project, email=lambda world: world.cast.guest.email, role="EDITOR"),
    ),
    Row(
        "Mutation.revokeAccess",
        Needs.OWNER,
        given(projectId=project, userId=lambda world: world.cast.guest.id),
    ),
    Row(
        "Mutation.uploadImages",
        Needs.EDITOR,
        given(projectId=project, files=[None]),
        files=(("cells.png", png()),),
    ),
    Row("Mutation.deleteImage", Needs.EDITOR, given(imageId=image)),
    Row("Mutation.deleteImages", Needs.EDITOR, given(imageIds=lambda world: [world.image])),
    Row("Mutation.setSegmentationStatus", Needs.EDITOR, given(imageId=image, status="QUEUED")),
    Row(
        "Mutation.setSegmentationStatuses",
        Needs.EDITOR,
        given(changes=lambda world: [{"imageId": world.image, "status": "QUEUED"}]),
    ),
    Row(
        "Mutation.requestSegmentation",
        Needs.EDITOR,
        given(projectId=project, imageIds=lambda world: [world.image]),
    ),
    Row("Mutation.requestSegmentation", Needs.EDITOR, given(projectId=project), note="of all"),
    Row("Mutation.cancelSegmentation", Needs.EDITOR, cancelled),
    Row("Mutation.claimSegmentationJobs", Needs.SIGNING_IN, waiting, shows=Needs.EDITOR),
    Row("Mutation.extendSegmentationLease", Needs.EDITOR, leased),
    Row("Mutation.completeSegmentation", Needs.EDITOR, completed),
    Row("Mutation.failSegmentation", Needs.EDITOR, failed),
    Row("Mutation.releaseSegmentation", Needs.EDITOR, leased),
    Row("Subscription.projectUpdated", Needs.VIEWER, given(projectId=project)),
    Row("Subscription.projectUpdated", Needs.SIGNING_IN, shows=Needs.VIEWER, note="of all"),
    Row("Subscription.segmentationUpdated", Needs.VIEWER, given(projectId=project, after=0)),
    Row(
        "Subscription.segmentationUpdated",
        Needs.VIEWER,
        given(projectId=project, imageId=image, after=0),
        note="of one image",
    ),
    Row("Subscription.queueStatsUpdated", Needs.VIEWER, given(projectId=project)),
    Row("Subscription.dashboardUpdated", Needs.SIGNING_IN),
    Row("Subscription.uploadProgressed", Needs.SIGNING_IN, given(uploadId="monday")),
    Row("Subscription.segmentationJobsAvailable", Needs.SIGNING_IN),
    Row("Subscription.presenceChanged", Needs.VIEWER, given(projectId=project)),
)


async def _owner(world: World) -> str:
    return world.cast.owner.id


async def _project(world: World) -> str:
    return world.project


async def _image(world: World) -> str:
    return world.image


async def _segmentation(world: World) -> str:
    return await world.segmentation()


async def _job(world: World) -> str:
    [job] = await world.jobs()
    return str(job["id"])


NODES: Mapping[str, Callable[[World], Awaitable[str]]] = {
    "User": _owner,
    "Project": _project,
    "Image": _image,
    "Segmentation": _segmentation,
    "SegmentationJob": _job,
}
"""Of each type that node(id:) finds, one that belongs to the project: its members may see it."""


def document(schema: GraphQLSchema, row: Row) -> str:
    """Write an operation that calls the row's field, and selects all that there is."""
    root = schema.type_map[row.root]
    assert isinstance(root, GraphQLObjectType)
    called = root.fields[row.name]
    declared = ", ".join(f"${name}: {argument.type}" for name, argument in called.args.items())
    passed = ", ".join(f"{name}: ${name}" for name in called.args)
    selection = everything(schema, get_named_type(called.type))
    return (
        f"{row.root.lower()}{f'({declared})' if declared else ''}"
        f" {{ {row.name}{f'({passed})' if passed else ''} {selection} }}"
    )


def everything(schema: GraphQLSchema, kind: GraphQLNamedType, depth: int = DEPTH) -> str:
    """Write a selection of all fields of a type, and of the objects below it to a depth."""
    if is_leaf_type(kind):
        return ""
    if isinstance(kind, GraphQLInterfaceType):
        kinds = schema.get_possible_types(kind)
        parts = [f"... on {kind} {everything(schema, kind, depth - 1)}" for kind in kinds]
        return f"{{ __typename {' '.join(parts)} }}"
    assert isinstance(kind, GraphQLObjectType)
    parts = []
    for name, found in kind.fields.items():
        below = get_named_type(found.type)
        if is_leaf_type(below) or depth:
            parts.append(f"{_call(kind, name, found)} {everything(schema, below, depth - 1)}")
    return f"{{ __typename {' '.join(parts)} }}"


def _call(kind: GraphQLObjectType, name: str, field: GraphQLField) -> str:
    """Write a field with what it has to be given; leaves that take something are told apart."""
    if not (field.args and is_leaf_type(get_named_type(field.type))):
        return name
    return f"{name}Of{kind}: {name}{arguments(field)}"


def arguments(field: GraphQLField) -> str:
    """Write what a field has to be given."""
    needed = ", ".join(
        f"{name}: {_any_of(get_named_type(found.type))}"
        for name, found in field.args.items()
        if is_required_argument(found)
    )
    return f"({needed})" if needed else ""


def _any_of(kind: GraphQLNamedType) -> str:
    assert isinstance(kind, GraphQLEnumType)
    return str(next(iter(kind.values)))


def fields_of(schema: GraphQLSchema) -> Iterator[str]:
    """Yield all fields of all object types, as Type.field."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            yield from (f"{kind.name}.{name}" for name in kind.fields)


def absent_ones(value: Any, swapped: dict[str, str]) -> Any:
    """Return the variables with ids of nothing in place of those of the project.

    ``swapped`` gets the ids of nothing, and what they stand for.
    """
    if isinstance(value, dict):
        return {name: absent_ones(item, swapped) for name, item in value.items()}
    if isinstance(value, list):
        return [absent_ones(item, swapped) for item in value]
    if isinstance(value, str) and value[:4] in {kind.value for kind in Kind} - {Kind.USER.value}:
        nothing = str(ids.encode(Kind(value[:4]), uuid4()))
        swapped[nothing] = value
        return nothing
    return value


async def clear(scene: Scene, *, but: set[str]) -> None:
    """Delete all projects but these."""
    kept = {project_key(id_) for id_ in but}
    for row in await scene.lab.rows("SELECT id, owner_id FROM projects"):
        if row.id not in kept:
            await scene.lab.delete_project(row.id, row.owner_id)


async def build(scene: Scene, cast: Cast) -> World:
    """Make a project of the owner's for this cast."""
    made = await scene.project(
        cast.owner, viewer=cast.viewer, viewer_=cast.guest, editor=cast.editor, editor_=cast.former
    )
    [first] = await scene.images(made, cast.owner, 1)
    await scene.revoke(made, cast.owner, cast.former)
    assert user_key(cast.editor) == user_key(cast.editors_key)
    return World(scene, cast, made, first)
