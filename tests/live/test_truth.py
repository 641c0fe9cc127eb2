"""Whatever people do at once: counters, rows, queries and all that subscribers were told agree."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any
from uuid import UUID

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import event as note
from hypothesis import strategies as st
from msgspec import Struct

from tests.hubs import GraphQLFailed, Hub, Person, Stream, Subscriber
from tests.live.pictures import png

NEXT = {
    "UPLOADED": ("QUEUED",),
    "QUEUED": ("PROCESSING", "UPLOADED", "FAILED"),
    "PROCESSING": ("SEGMENTED", "NO_SEGMENTATION", "FAILED", "QUEUED"),
    "SEGMENTED": ("QUEUED",),
    "NO_SEGMENTATION": ("QUEUED",),
    "FAILED": ("QUEUED",),
}
STATS = """imageCount segmentedCount uploadedCount queuedCount processingCount
    noSegmentationCount failedCount storageBytes revision detailsRevision updatedAt"""
IMAGE = "id name status sizeBytes revision updatedAt error { code }"
NUMBERS = f"""subscription($id: ID!) {{ projectUpdated(projectId: $id) {{
    operation revision updates {{ {STATS} }} }} }}"""
IMAGES = f"""subscription($id: ID!, $after: BigInt) {{ segmentationUpdated(
    projectId: $id, after: $after) {{ imageId operation revision image {{ {IMAGE} }} }} }}"""
FRESH = f"""query($id: ID!) {{ project(id: $id) {{ stats {{ {STATS} }}
    images(first: 500) {{ totalCount edges {{ node {{ {IMAGE} }} }} }} }} }}"""
HARMLESS = {"CONFLICT", "NOT_FOUND", "FORBIDDEN", "BAD_USER_INPUT"}
SHUT_OUT = {"NOT_FOUND", "FORBIDDEN"}
COUNTED = """
    SELECT count(*) AS "imageCount", COALESCE(sum(size_bytes), 0)::bigint AS "storageBytes",
        count(*) FILTER (WHERE status = 'UPLOADED') AS "uploadedCount",
        count(*) FILTER (WHERE status = 'QUEUED') AS "queuedCount",
        count(*) FILTER (WHERE status = 'PROCESSING') AS "processingCount",
        count(*) FILTER (WHERE status = 'SEGMENTED') AS "segmentedCount",
        count(*) FILTER (WHERE status = 'NO_SEGMENTATION') AS "noSegmentationCount",
        count(*) FILTER (WHERE status = 'FAILED') AS "failedCount"
    FROM images WHERE project_id = $1
"""
REVISIONS = """
    SELECT revision FROM images WHERE project_id = $1
    UNION ALL SELECT revision FROM image_tombstones WHERE project_id = $1
"""
LOGGED = "SELECT since, revision FROM activities WHERE project_id = $1 ORDER BY revision"


class Act(Struct, frozen=True):
    """Something that somebody tries. ``pick`` chooses images: those whose bit in it is set."""

    actor: int
    what: str
    pick: int
    choice: int


acts = st.builds(
    Act,
    actor=st.sampled_from([0, 0, 1, 2]),
    what=st.sampled_from(
        ["upload", "delete", "move", "move", "move", "rename", "share", "revoke", "revoke", "drop"]
    ),
    pick=st.integers(1, 255),
    choice=st.integers(0, 5),
)
rounds = st.lists(st.lists(acts, min_size=2, max_size=4), min_size=3, max_size=6)


BEGINNING = (
    Act(actor=0, what="upload", pick=1, choice=5),
    Act(actor=0, what="share", pick=1, choice=1),
    Act(actor=0, what="share", pick=0, choice=2),
)
"""Five images; the second person an editor, the third a viewer."""


class Told:
    """What a subscriber was told: its numbers, and its images as the events add up to."""

    def __init__(self, person: Person, project: str) -> None:
        self.person = person
        self._project = project
        self._stack = AsyncExitStack()
        self._before: dict[str, Any] = {}
        self._cursor = 0
        self.numbers: Stream
        self.images: Stream
        self.socket: Subscriber

    async def begin(self) -> None:
        """Subscribe, to the images from the last revision that was seen."""
        self.socket = await self._stack.enter_async_context(self.person.connected())
        self.numbers = self.socket.watch(NUMBERS, id=self._project)
        self.images = self.socket.watch(IMAGES, id=self._project, after=self._cursor)
        await self.numbers.until(lambda events: self.numbers.ended or len(events) > 0)

    async def end(self) -> None:
        """Lose the connection; what was told is kept."""
        self._before = self.state(self.images.events)
        self._cursor = max([self._cursor, *(event["revision"] for event in self.images.events)])
        await self._stack.aclose()

    def state(self, events: Sequence[Any]) -> dict[str, Any]:
        """Apply the events to what was known before them."""
        state = dict(self._before)
        for event in events:
            if event["operation"] == "DELETED":
                state.pop(event["imageId"], None)
            else:
                known = event["imageId"] in state
                assert not (known and event["operation"] == "CREATED"), event
                state[event["imageId"]] = event["image"]
        return state

    def check_order(self) -> None:
        """Revisions rise strictly, with no gap for what was seen before."""
        for stream, floor in ((self.numbers, 0), (self.images, self._cursor)):
            revisions = [floor, *(event["revision"] for event in stream.events)]
            assert all(a < b for a, b in pairwise(revisions)), revisions


class World:
    """A project, three people with changing rights in it, and what each was told."""

    def __init__(self, hub: Hub, people: Sequence[Person], project: str) -> None:
        self.hub = hub
        self.people = people
        self.project = project
        self.images: list[str] = []
        self.statuses: dict[str, str] = {}
        self.told: dict[int, Told] = {}
        self.revision = 1

    async def act(self, act: Act) -> int:
        """Try it; return by how much the revision must have risen for it."""
        person = self.people[act.actor]
        there = [image for image in self.images if image in self.statuses] or self.images
        picked = [image for i, image in enumerate(there[-8:]) if act.pick >> i & 1]
        try:
            risen: int = await getattr(self, f"_{act.what}")(act, person, picked)
        except GraphQLFailed as error:
            if error.code not in HARMLESS:
                raise
            return 0
        note(f"{act.what} succeeds")
        return risen

    async def _upload(self, act: Act, person: Person, picked: Sequence[str]) -> int:
        files = [(f"{act.choice}-{i}.png", png(i)) for i in range(act.choice)] + [("bad.tif", b"?")]
        uploaded = await person.upload(self.project, *files)
        assert [file["name"] for file in uploaded["rejected"]] == ["bad.tif"]
        self.images += [image["id"] for image in uploaded["images"]]
        return len(uploaded["images"])

    async def _delete(self, act: Act, person: Person, picked: Sequence[str]) -> int:
        payload = await person.do("deleteImages", "{ deletedIds }", imageIds=picked)
        assert payload["deletedIds"] == picked
        return len(picked)

    async def _move(self, act: Act, person: Person, picked: Sequence[str]) -> int:
        # Those of one status at the end of the last round; since then others may have been faster.
        start = self.statuses.get(picked[0], "UPLOADED") if picked else "UPLOADED"
        picked = [image for image in picked if self.statuses.get(image) == start]
        status = NEXT[start][act.choice % len(NEXT[start])]
        error = {"code": "TIMEOUT", "message": "Slow.", "retryable": True}
        changes = [
            {"imageId": image, "status": status, "error": error if status == "FAILED" else None}
            for image in picked
        ]
        payload = await person.do("setSegmentationStatuses", "{ images { id } }", changes=changes)
        assert [image["id"] for image in payload["images"]] == picked
        return len(picked)

    async def _rename(self, act: Act, person: Person, picked: Sequence[str]) -> int:
        await person.do(
            "updateProject", "{ project { id } }", projectId=self.project, name=f"N{act.choice}"
        )
        return 1

    async def _share(self, act: Act, person: Person, picked: Sequence[str]) -> int:
        await person.do(
            "shareProject",
            "{ project { id } }",
            projectId=self.project,
            email=self.people[act.choice % 3].email,
            role=("VIEWER", "EDITOR", "OWNER")[act.pick % 3],
        )
        return 1

    async def _revoke(self, act: Act, person: Person, picked: Sequence[str]) -> int:
        await person.do(
            "revokeAccess",
            "{ project { id } }",
            projectId=self.project,
            userId=self.people[act.choice % 3].id,
        )
        return 1

    async def _drop(self, act: Act, person: Person, picked: Sequence[str]) -> int:
        if told := self.told.pop(act.actor, None):
            await told.end()
            self.told[act.actor] = told
            await told.begin()
        return 0

    async def follow(self) -> None:
        """Have everybody who may see the project, and nobody else, follow it."""
        for index, person in enumerate(self.people):
            told = self.told.get(index)
            fresh = (await person.ask(FRESH, id=self.project))["project"]
            if told is not None and (fresh is None or told.numbers.ended or told.images.ended):
                if fresh is None:
                    assert await told.numbers.end() in SHUT_OUT
                    assert await told.images.end() in SHUT_OUT
                await told.end()
                del self.told[index]
                told = None
            if told is None and fresh is not None:
                self.told[index] = Told(person, self.project)
                await self.told[index].begin()

    async def check(self, rows: Mapping[str, Any]) -> None:
        """Compare what everybody was told with fresh answers, and those with the rows."""
        for index, person in enumerate(self.people):
            fresh = (await person.ask(FRESH, id=self.project))["project"]
            if fresh is None:
                assert index not in self.told
                continue
            told = self.told[index]
            assert fresh["stats"] | rows == fresh["stats"]
            nodes = [edge["node"] for edge in fresh["images"]["edges"]]
            assert fresh["images"]["totalCount"] == len(nodes)
            self.statuses = {node["id"]: node["status"] for node in nodes}
            await self._check_told(told, fresh)

    async def _check_told(self, told: Told, fresh: Mapping[str, Any]) -> None:
        images = {edge["node"]["id"]: edge["node"] for edge in fresh["images"]["edges"]}
        await told.numbers.until(lambda events: events[-1]["updates"] == fresh["stats"])
        await told.images.until(lambda events: told.state(events) == images)
        told.check_order()


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=rounds)
async def test_all_that_is_told_is_true(
    hub: Hub, rows: asyncpg.Connection, people: Sequence[Person], story: list[list[Act]]
) -> None:
    created = await people[0].do("createProject", "{ project { id } }", name="Truth")
    world = World(hub, people, created["project"]["id"])
    key = UUID(world.project.removeprefix("prj_"))
    for act in BEGINNING:
        world.revision += await world.act(act)
    try:
        await world.follow()
        await world.check({})
        for acts_at_once in story:
            risen = await asyncio.gather(*(world.act(act) for act in acts_at_once))
            world.revision += sum(risen)
            await world.follow()
            (counted,) = await rows.fetch(COUNTED, key)
            await world.check(dict(counted) | {"revision": world.revision})
            revisions = [row["revision"] for row in await rows.fetch(REVISIONS, key)]
            assert len(set(revisions)) == len(revisions)
            log = [(row["since"], row["revision"]) for row in await rows.fetch(LOGGED, key)]
            assert [since for since, _ in log] == [0, *(revision for _, revision in log[:-1])]
            assert log[-1][1] == world.revision
    finally:
        for told in world.told.values():
            await told.end()
