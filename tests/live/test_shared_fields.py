"""Fields that count as alike for all are: an owner, an editor and a viewer get the same bytes.

Each subscription is made twice: as it is, which is rendered for nobody in particular, and as if it
depended on who asks, which is rendered for each person. What comes of both is compared.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from graphql import DocumentNode, GraphQLObjectType, GraphQLSchema, get_named_type

from hub.embedded_postgres import EmbeddedPostgres
from schema import documents
from schema.roots import build_schema
from schema.sharing import Sharing, sharing_of
from tests.hubs import Person
from tests.live.ears import Ear, listening
from tests.live.rules import arguments
from tests.live.scenes import Scene, open_scene
from tests.schema.test_sharing import ALIKE, fields

SCHEMA = build_schema()._schema
CELL = Path(__file__).parents[2] / "samples" / "cell.png"
SQUARE = {"type": "Polygon", "coordinates": [[[1, 1], [11, 1], [11, 11], [1, 11], [1, 1]]]}
BOTH = SHARED, OWN = "Shared", "Own"
UPLOAD = "the upload"
QUEUE = "query($id: ID!) { project(id: $id) { queue { total } } }"

OF_A_PROJECT = {
    "numbers": ("($id: ID)", "projectUpdated(projectId: $id)", "ProjectUpdate"),
    "images": ("($id: ID!)", "segmentationUpdated(projectId: $id, after: 0)", "SegmentationUpdate"),
    "queue": ("($id: ID!)", "queueStatsUpdated(projectId: $id)", "QueueStats"),
    "presence": ("($id: ID!)", "presenceChanged(projectId: $id)", "Presence"),
}
OF_A_PERSON = {
    "dashboard": ("", "dashboardUpdated", "Dashboard"),
    "work": ("", "segmentationJobsAvailable", "JobsAvailable"),
    "upload": ("($id: ID!)", "uploadProgressed(uploadId: $id)", "UploadProgress"),
}
"""What these tell depends on who asks, but how it looks does not."""
OF_A_PERSON_TYPES = {type_ for *_, type_ in OF_A_PERSON.values()}


def selection(type_: str, *above: str) -> str:
    """Return all that is alike of a type, and the ids of what comes round again."""
    object_ = SCHEMA.type_map[type_]
    assert isinstance(object_, GraphQLObjectType)
    names = []
    for name in ALIKE[type_].split():
        field = object_.fields[name]
        inner = get_named_type(field.type)
        below = ""
        if inner.name in ALIKE:
            again = inner.name in above
            below = "{ id }" if again else selection(inner.name, type_, *above)
        names.append(f"{name}{arguments(field)} {below}")
    return f"{{ {' '.join(names)} }}"


def document(name: str, variables: str, field: str, type_: str) -> str:
    return f"subscription {name}{variables} {{ {field} {selection(type_)} }}"


def sharing_unless_own(schema: GraphQLSchema, node: DocumentNode) -> Sharing:
    (operation,) = node.definitions
    found = sharing_of(schema, node)
    assert found.shared
    name: Any = operation
    return Sharing(name.name.value == SHARED, found.variables)


@pytest.fixture
async def scene(
    postgres: EmbeddedPostgres,
    migrated_template: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    monkeypatch.setattr(documents, "sharing_of", sharing_unless_own)
    # What an address says of its end is rounded to this, so that they are equal.
    async with open_scene(
        postgres, migrated_template, tmp_path, file_address_seconds=10**7
    ) as opened:
        yield opened


class Crew:
    """Ada, who owns a project, Ben, who works in it, and Cleo, who watches."""

    def __init__(self, scene: Scene, people: Sequence[Person], project: str) -> None:
        self.scene = scene
        self.people = people
        self.project = project
        self.seen: set[str] = set()

    async def listen(self, stack: AsyncExitStack) -> list[Ear]:
        ears = [
            await stack.enter_async_context(listening(self.scene.hub, who)) for who in self.people
        ]
        for ear in ears:
            for key, parts in OF_A_PROJECT.items():
                for name in BOTH:
                    await ear.subscribe(name + key, document(name, *parts), id=self.project)
        return ears

    async def all_hear(self, ears: Sequence[Ear], image: dict[str, Any]) -> None:
        """Wait until everybody knows of this change of an image, and of all before it."""
        revision = image["revision"]
        for ear in ears:
            for name in BOTH:
                for key in ("numbers", "images"):
                    await ear.until(name + key, partial(up_to, revision=revision))
                await ear.until(
                    name + "presence", lambda events: events and len(events[-1]["users"]) == 3
                )
        queued = await self.people[0].ask(QUEUE, id=self.project)
        for ear in ears:
            for name in BOTH:
                await ear.until(
                    name + "queue",
                    lambda events: events[-1]["total"] == queued["project"]["queue"]["total"],
                )

    async def upload(self, count: int) -> list[dict[str, Any]]:
        picture = CELL.read_bytes()
        files = ((f"{number}.png", picture) for number in range(count))
        images: list[dict[str, Any]] = (
            await self.people[0].upload(self.project, *files, upload_id=UPLOAD)
        )["images"]
        return images

    async def claim(self, ears: Sequence[Ear], image: str) -> dict[str, Any]:
        """Have Ben work on an image, and all hear of it; return the proof that he does."""
        ada, ben, _ = self.people
        requested = await ada.do(
            "requestSegmentation",
            "{ jobs { image { revision } } }",
            projectId=self.project,
            imageIds=[image],
            threshold=0.5,
        )
        # What is told of a job is as of when it is told.
        await self.all_hear(ears, requested["jobs"][0]["image"])
        claimed = await ben.do(
            "claimSegmentationJobs",
            "{ claimed { lease job { id image { revision } } } }",
            worker="w",
        )
        [entry] = claimed["claimed"]
        await self.all_hear(ears, entry["job"]["image"])
        proof = {"queueId": entry["job"]["id"], "lease": entry["lease"]}
        await ben.do("extendSegmentationLease", "{ cancelled }", progress=0.5, **proof)
        return proof

    def note(self, type_: str, value: dict[str, Any]) -> None:
        """Remember of which fields there was something to see."""
        object_ = SCHEMA.type_map[type_]
        assert isinstance(object_, GraphQLObjectType)
        for name, content in value.items():
            if content is None:
                continue
            self.seen.add(f"{type_}.{name}")
            inner = get_named_type(object_.fields[name].type).name
            if inner in ALIKE:
                for each in content if isinstance(content, list) else [content]:
                    self.note(inner, each)


def up_to(events: Sequence[Any], *, revision: int) -> bool:
    return bool(events) and events[-1]["revision"] >= revision


@pytest.fixture
async def crew(scene: Scene) -> Crew:
    people = [await scene.hub.person(name) for name in ("Ada", "Ben", "Cleo")]
    ada, ben, cleo = people
    return Crew(scene, people, await scene.project(ada, editor=ben, viewer=cleo))


def told(ear: Ear, key: str) -> dict[int, str]:
    """Return what was heard, by revision, byte by byte."""
    revisions = [event["revision"] for event in ear.events(key)]
    return dict(zip(revisions, ear.heard[key], strict=True))


def all_equal(things: Sequence[object]) -> bool:
    return all(thing == things[0] for thing in things)


async def test_all_fields_of_what_many_follow_are_the_same_for_everybody(crew: Crew) -> None:
    _, ben, _ = crew.people
    async with AsyncExitStack() as stack:
        first, second = await crew.upload(2)
        early = await crew.listen(stack)
        await crew.all_hear(early, second)
        proof = await crew.claim(early, first["id"])
        # Who comes now is told how far the worker is.
        late = await crew.listen(stack)
        done = await ben.do(
            "completeSegmentation",
            "{ image { revision } }",
            polygons=SQUARE,
            processingSeconds=1.5,
            modelVersion="1.0",
            parameters={"sigma": 2.5},
            **proof,
        )
        await crew.all_hear([*early, *late], done["image"])
        error = {"code": "TIMEOUT", "message": "Slow.", "retryable": False}
        proof = await crew.claim([*early, *late], second["id"])
        failed = await ben.do("failSegmentation", "{ image { revision } }", error=error, **proof)
        await crew.all_hear([*early, *late], failed["image"])
    for ears in (early, late):
        for key in ("numbers", "images"):
            assert all_equal([told(ear, name + key) for ear in ears for name in BOTH])
        for key in ("queue", "presence"):
            assert all_equal([ear.heard[name + key][-1] for ear in ears for name in BOTH])
        for ear in ears:
            assert not any("errors" in payload for payload in chain(*ear.heard.values()))
            for key, (*_, type_) in OF_A_PROJECT.items():
                for event in ear.events(SHARED + key):
                    crew.note(type_, event)
    assert crew.seen == fields({type_: ALIKE[type_] for type_ in ALIKE.keys() - OF_A_PERSON_TYPES})


async def test_all_fields_of_what_one_is_told_alone_need_no_viewer(crew: Crew) -> None:
    ada, *_ = crew.people
    await crew.upload(1)
    async with listening(crew.scene.hub, ada) as ear:
        for key, parts in OF_A_PERSON.items():
            for name in BOTH:
                await ear.subscribe(name + key, document(name, *parts), id=UPLOAD)
        for key, (*_, type_) in OF_A_PERSON.items():
            for name in BOTH:
                [event] = await ear.until(name + key, bool)
                crew.note(type_, event)
            if key == "upload":
                assert all_equal([ear.heard[name + key] for name in BOTH])
        assert not any("errors" in payload for payload in chain(*ear.heard.values()))
    assert crew.seen == fields({type_: ALIKE[type_] for type_ in OF_A_PERSON_TYPES})
