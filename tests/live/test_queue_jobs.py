"""The jobs of a project's queue, asked for: in what order, how many, and whose."""

from typing import Any

import pytest

from schema.ids import Kind
from tests.hubs import GraphQLFailed, Person
from tests.live.scenes import Scene, absent
from tests.live.test_statements import statements
from tests.live.working import claim, request

JOB = "{ id attempt position startedAt image { id status } requestedBy { name } }"
JOBS = f"""query($id: ID!, $first: Int, $images: [ID!]) {{ project(id: $id) {{ queue {{
    total jobs(first: $first, imageIds: $images) {JOB} }} }} }}"""
MODEL = "a model of this module"


async def jobs(person: Person, project: str, **arguments: Any) -> list[dict[str, Any]]:
    found = await person.ask(JOBS, id=project, **arguments)
    listed: list[dict[str, Any]] = found["project"]["queue"]["jobs"]
    return listed


def ids(listed: list[dict[str, Any]]) -> list[str]:
    return [job["id"] for job in listed]


async def test_those_at_work_come_first_and_then_those_that_wait_as_they_will_run(
    scene: Scene, ada: Person, ben: Person
) -> None:
    project = await scene.project(ada, viewer=ben)
    images = await scene.images(project, ada, 25)
    low = await request(ada, project, *images[:22], model=MODEL, priority=1)
    high = await request(ada, project, *images[22:], model=MODEL, priority=9)
    running = [job["id"] for job in await claim(ada, 2, models=[MODEL])]
    assert running == high[:2]
    listed = await jobs(ben, project, first=100)
    assert ids(listed) == [*running, high[2], *low]
    assert [job["position"] for job in listed] == [None, None, *range(23)]
    assert [job["attempt"] for job in listed] == [1, 1] + [0] * 23
    assert [job["image"]["status"] for job in listed] == ["PROCESSING"] * 2 + ["QUEUED"] * 23
    assert [job["startedAt"] is None for job in listed] == [False] * 2 + [True] * 23
    assert {job["requestedBy"]["name"] for job in listed} == {"Ada"}
    assert await jobs(ben, project) == listed[:20]
    assert await jobs(ben, project, first=3) == listed[:3]
    chosen = [images[20], images[22], images[24]]
    assert ids(await jobs(ben, project, images=chosen)) == [high[0], high[2], low[20]]
    assert ids(await jobs(ben, project, images=chosen, first=1)) == [high[0]]


async def test_images_that_are_not_in_this_queue_are_not_found(
    scene: Scene, ada: Person, ben: Person
) -> None:
    project, other, hidden = [await scene.project(owner) for owner in (ada, ada, ben)]
    found = {}
    for owner, id_ in ((ada, project), (ada, other), (ben, hidden)):
        found[id_] = await scene.images(id_, owner, 2)
        await request(owner, id_, found[id_][0])
    mine, idle = found[project]
    elsewhere = [
        *(idle, found[other][0], found[hidden][0]),
        *(absent(Kind.IMAGE), project, "img_", "", mine.upper()),
    ]
    assert await jobs(ada, project, images=elsewhere) == []
    assert await jobs(ada, project, images=[]) == []
    [job] = await jobs(ada, project, images=[*elsewhere, mine, mine])
    assert job["image"]["id"] == mine


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": 0}, "'first' must be 1 to 100, not 0."),
        ({"first": -1}, "'first' must be 1 to 100, not -1."),
        ({"first": 101}, "'first' must be 1 to 100, not 101."),
        ({"images": ["img_"] * 101}, "imageIds has 101 entries; at most 100 are shown."),
    ],
)
async def test_too_much_is_refused(
    arguments: dict[str, Any], message: str, scene: Scene, ada: Person
) -> None:
    project = await scene.project(ada)
    with pytest.raises(GraphQLFailed) as failure:
        await jobs(ada, project, **arguments)
    assert failure.value.code == "BAD_USER_INPUT"
    assert failure.value.errors[0]["message"] == message


async def test_jobs_of_many_queues_count_together(scene: Scene) -> None:
    cleo = await scene.hub.person("Cleo")
    for _ in range(3):
        project = await scene.project(cleo)
        await scene.images(project, cleo, 100)
        await request(cleo, project)
    one = "jobs(first: 100) { id }"
    many = " ".join(f"more{number}: {one}" for number in range(20))
    assert await cleo.ask(f"{{ projects {{ edges {{ node {{ queue {{ {one} }} }} }} }} }}")
    with pytest.raises(GraphQLFailed) as failure:
        await cleo.ask(f"{{ projects {{ edges {{ node {{ queue {{ {many} }} }} }} }} }}")
    assert failure.value.code == "BAD_USER_INPUT"
    assert "objects at most" in failure.value.errors[0]["message"]


async def test_the_queues_of_ten_projects_take_as_many_statements_as_those_of_two(
    scene: Scene,
) -> None:
    dana = await scene.hub.person("Dana")
    document = """{ projects { edges { node { queue { jobs {
        id position image { name } requestedBy { name } } } } } } }"""
    sent = {}
    made = 0
    for count in (2, 10):
        for _ in range(count - made):
            project = await scene.project(dana)
            await scene.images(project, dana, 3)
            await request(dana, project)
        made = count
        with statements() as sent[count]:
            found = await dana.ask(document)
        listed = [edge["node"]["queue"]["jobs"] for edge in found["projects"]["edges"]]
        assert [len(each) for each in listed] == [3] * count
    assert sorted(sent[10]) == sorted(sent[2])
    # Who asks, the projects, their jobs, the images of these, and who asked for them.
    assert len(sent[2]) == 5
