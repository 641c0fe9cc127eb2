"""How many statements a query takes: as many for twenty projects as for two."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from persistence.sql import Connection, Rows, Statement
from tests.hubs import Person
from tests.live.scenes import Scene, project_key, user_key

NESTED = """{ projects(first: 20) { edges { node {
    name owner { name } members { user { name } } queue { queued estimatedSeconds }
    stats { imageCount }
    images(first: 3) { totalCount edges { node {
        name url uploadedBy { name } segmentation { cellCount } project { name }
    } } }
    segmented: images(status: [SEGMENTED]) { totalCount }
    named: images(search: "1.png") { totalCount edges { node { name } } }
} } } }"""
WHAT_FOR = (
    "who asks",
    "projects",
    "owners",
    "other people",
    "members",
    "queues",
    "whether anything was measured in a queue",
    "images",
    "segmented images",
    "images by name",
    "how many by name",
    "segmentations",
    "images' projects",
)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect what requests send to databases within the block; not what the hub does by itself."""
    sent: list[str] = []
    upkeep = asyncio.all_tasks()
    execute = Connection.execute

    async def noted(
        connection: Connection, statement: Statement, *others: Any, **more: Any
    ) -> Rows:
        if asyncio.current_task() not in upkeep:
            sent.append(" ".join(statement.sql.split()))
        return await execute(connection, statement, *others, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "execute", noted)
        yield sent


async def add_projects(scene: Scene, owner: Person, member: Person, count: int) -> None:
    for _ in range(count):
        project = await scene.project(owner, editor=member)
        for cells in (2, 0):
            await scene.lab.segmented(project_key(project), user_key(owner), cells)
        await scene.images(project, member, 2)


async def test_twenty_projects_take_as_many_statements_as_two(scene: Scene) -> None:
    ada, ben = await scene.hub.person("Ada"), await scene.hub.person("Ben")
    sent = {}
    for more, count in ((2, 2), (18, 20)):
        await add_projects(scene, ada, ben, more)
        with statements() as sent[count]:
            data = await ben.ask(NESTED)
        nodes = [edge["node"] for edge in data["projects"]["edges"]]
        assert len(nodes) == count
        for node in nodes:
            assert node["owner"]["name"] == "Ada"
            assert len(node["members"]) == 2
            assert node["queue"]["estimatedSeconds"] is not None
            images = [edge["node"] for edge in node["images"]["edges"]]
            assert [image["uploadedBy"]["name"] for image in images] == ["Ben", "Ben", "Ada"]
            assert images[2]["segmentation"] == {"cellCount": 0}
            assert node["segmented"]["totalCount"] == 1
            assert node["named"]["totalCount"] == len(node["named"]["edges"]) == 1
    assert sorted(sent[20]) == sorted(sent[2])
    assert len(sent[2]) == len(WHAT_FOR)


async def test_a_thousand_jobs_take_as_many_statements_as_two(scene: Scene) -> None:
    cleo = await scene.hub.person("Cleo")
    request = """mutation($input: RequestSegmentationInput!) { requestSegmentation(input: $input) {
        jobs { position image { name project { name } uploadedBy { name } } } } }"""
    sent = {}
    for count in (2, 1000):
        project = await scene.project(cleo)
        images = await scene.images(project, cleo, count)
        with statements() as sent[count]:
            data = await cleo.ask(request, input={"projectId": project, "imageIds": images})
        jobs = data["requestSegmentation"]["jobs"]
        # Those of the first request are ahead.
        ahead = 0 if count == 2 else 2
        assert [job["position"] for job in jobs] == list(range(ahead, ahead + count))
    assert sorted(sent[1000]) == sorted(sent[2])


async def test_a_thousand_changes_take_as_many_statements_as_two(scene: Scene) -> None:
    dana = await scene.hub.person("Dana")
    change = """mutation($input: SetSegmentationStatusesInput!) {
        setSegmentationStatuses(input: $input) {
            images { status project { name } } projects { stats { queuedCount } } } }"""
    sent = {}
    for count in (2, 1000):
        images = await scene.images(await scene.project(dana), dana, count)
        changes = [{"imageId": image, "status": "QUEUED"} for image in images]
        with statements() as sent[count]:
            data = await dana.ask(change, input={"changes": changes})
        [project] = data["setSegmentationStatuses"]["projects"]
        assert project["stats"]["queuedCount"] == count
    assert sorted(sent[1000]) == sorted(sent[2])
