"""Frames that are rendered once for many: nobody gets one that was rendered for another."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest

from realtime.following import Following
from realtime.member import Member
from realtime.relay import Relay
from schema import ids
from schema.ids import Kind
from schema.rendering import Group, Subscription
from schema.socket_outlet import SocketOutlet
from tests.hubs import Person
from tests.live.ears import Ear, listening
from tests.live.followed import Project, images_updated, rendered, revisions, tells
from tests.live.scenes import Scene, project_key, user_key
from tests.protocol.streams import streaming

ALL_NUMBERS = "subscription { projectUpdated { projectId revision operation } }"


ROLES = images_updated("revision image { name project { viewerRole } }")
STATUS = images_updated("revision status")
ADDRESS = images_updated("revision image { url }")
POLYGONS = images_updated("revision image { id segmentation { polygons } }")


@pytest.fixture(scope="module")
async def people(scene: Scene) -> Sequence[Person]:
    return [await scene.hub.person(name) for name in ("Ada", "Ben", "Cleo")]


@pytest.fixture
async def project(scene: Scene, people: Sequence[Person]) -> Project:
    ada, ben, cleo = people
    project_id = await scene.project(ada, editor=ben, viewer=cleo)
    return Project(scene, ada, project_id, await scene.images(project_id, ada, 9))


@pytest.fixture
async def ears(scene: Scene, people: Sequence[Person]) -> AsyncIterator[list[Ear]]:
    """A socket of each of the three."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(listening(scene.hub, who)) for who in people]


def has(count: int, events: list[Any]) -> bool:
    return len(events) == count


async def test_each_sees_ones_own_role_also_while_roles_change(
    people: Sequence[Person], project: Project, ears: list[Ear]
) -> None:
    *_, cleo = people
    for ear in ears:
        await project.follow(ear, "1", ROLES)
    await project.warm_up(*ears)
    for image, role in zip(project.images, ["EDITOR", "VIEWER"] * 4, strict=True):
        await project.give(cleo, role)
        last = await project.move(image)
    roles = []
    for ear in ears:
        events = await ear.until("1", lambda events: last in revisions(events))
        assert revisions(events) == sorted(set(revisions(events)))
        roles.append([event["image"]["project"]["viewerRole"] for event in events])
    assert [set(seen) for seen in roles] == [{"OWNER"}, {"EDITOR"}, {"EDITOR", "VIEWER"}]
    # A role may have been changed again when it is looked up, but it is one's own.
    assert roles[2][-1] == "VIEWER"


async def test_identical_documents_of_different_people_are_rendered_once(
    scene: Scene, project: Project, ears: list[Ear]
) -> None:
    for ear in ears:
        for key in "123":
            await project.follow(ear, key, STATUS)
    await project.warm_up(*ears)
    before = await rendered(scene)
    revision = await project.move(project.images[0])
    heard = set()
    for ear in ears:
        for key in "123":
            events = await ear.until(key, lambda events: revision in revisions(events))
            assert events[-1] == {"revision": revision, "status": "QUEUED"}
            heard.add(ear.heard[key][-1])
    assert await rendered(scene) == before + 1
    assert len(heard) == 1


async def test_event_streams_share_with_sockets(
    scene: Scene, people: Sequence[Person], project: Project, ears: list[Ear]
) -> None:
    after = await scene.revision(project.id)
    variables = {"id": project.id, "after": after}
    _, ben, _ = people
    await project.follow(ears[0], "1", STATUS)
    async with streaming(
        scene.hub.http, STATUS, path="/graphql", variables=variables, headers=ben.headers
    ) as stream:
        warm = await project.warm_up(ears[0])
        event = await stream.event()
        assert event is not None
        assert event.id == str(warm)
        before = await rendered(scene)
        revision = await project.move(project.images[0])
        await ears[0].until("1", partial(tells, revision))
        event = await stream.event()
        assert event is not None
        assert (event.id, event.data) == (str(revision), ears[0].payloads("1")[-1])
        assert await rendered(scene) == before + 1


async def test_those_who_watch_all_their_projects_share_with_each_other(
    scene: Scene, project: Project, ears: list[Ear]
) -> None:
    for ear in ears:
        await ear.subscribe("1", ALL_NUMBERS)
        await ear.until("1", lambda events: project.id in [event["projectId"] for event in events])
    await project.warm_up(*ears)
    before = await rendered(scene)
    revision = await project.move(project.images[0])
    for ear in ears:
        await ear.until(
            "1",
            lambda events: (
                (events[-1]["projectId"], events[-1]["revision"]) == (project.id, revision)
            ),
        )
    assert await rendered(scene) == before + 1


async def test_what_depends_on_who_asks_is_rendered_once_for_each(
    scene: Scene, project: Project, ears: list[Ear]
) -> None:
    for ear in ears:
        for key in "12":
            await project.follow(ear, key, ROLES)
    await project.warm_up(*ears)
    before = await rendered(scene)
    revision = await project.move(project.images[0])
    for ear in ears:
        for key in "12":
            await ear.until(key, lambda events: revision in revisions(events))
    assert await rendered(scene) == before + len(ears)


async def test_the_name_by_which_the_hub_is_called_parts_renderings(
    scene: Scene, people: Sequence[Person], project: Project
) -> None:
    ada, ben, cleo = people
    names = ("one.example", "two.example:8443", "one.example")
    async with AsyncExitStack() as stack:
        ears = [
            await stack.enter_async_context(listening(scene.hub, person, name))
            for person, name in zip((ada, ben, cleo), names, strict=True)
        ]
        for ear in ears:
            await project.follow(ear, "1", ADDRESS)
        await project.warm_up(*ears)
        before = await rendered(scene)
        revision = await project.move(project.images[0])
        for ear, name in zip(ears, names, strict=True):
            events = await ear.until("1", lambda events: revision in revisions(events))
            for event in events:
                assert event["image"]["url"].startswith(f"http://{name}/files/")
        assert await rendered(scene) == before + 2
        assert ears[0].heard["1"] == ears[2].heard["1"]


async def test_variables_of_the_selection_part_renderings(
    project: Project, ears: list[Ear]
) -> None:
    document = images_updated("revision status @include(if: $with)", ", $with: Boolean!")
    for ear in ears:
        await project.follow(ear, "with", document, **{"with": True})
        await project.follow(ear, "without", document, **{"with": False})
    await project.warm_up(*ears)
    last = [await project.move(image) for image in project.images][-1]
    for ear in ears:
        for key, fields in (("with", {"revision", "status"}), ("without", {"revision"})):
            events = await ear.until(key, lambda events: last in revisions(events))
            assert len(events) == 9
            assert {frozenset(event) for event in events} == {frozenset(fields)}


async def test_operations_of_one_document_part_renderings(
    project: Project, ears: list[Ear]
) -> None:
    one, other = images_updated("revision status"), images_updated("revision imageId")
    document = f"{one} {other}".replace("subscription(", "subscription A(", 1)
    document = document.replace("subscription(", "subscription B(", 1)
    for ear in ears:
        for name in "AB":
            await project.follow(ear, name, document, name=name)
    await project.warm_up(*ears)
    last = [await project.move(image) for image in project.images][-1]
    for ear in ears:
        for name, fields in (("A", {"revision", "status"}), ("B", {"revision", "imageId"})):
            events = await ear.until(name, lambda events: last in revisions(events))
            assert len(events) == 9
            assert {frozenset(event) for event in events} == {frozenset(fields)}


async def test_an_image_that_one_asks_for_is_not_what_another_asks_for(
    project: Project, ears: list[Ear]
) -> None:
    """They share renderings: the root field's arguments say which events there are."""
    document = STATUS.replace("$id: ID!", "$id: ID!, $image: ID").replace(
        "projectId: $id", "projectId: $id, imageId: $image"
    )
    asked = [project.images[0], project.images[1], None]
    for ear, image in zip(ears, asked, strict=True):
        await project.follow(ear, "1", document, image=image)
        await project.follow(ear, "all", STATUS)
    told = {image: await project.move(image) for image in project.images}
    for ear, image in zip(ears, asked, strict=True):
        await ear.until("all", lambda events: len(events) == len(told))
        wanted = list(told.values()) if image is None else [told[image]]
        events = await ear.until("1", partial(has, len(wanted)))
        assert revisions(events) == wanted


async def test_errors_in_what_is_shared_are_masked_alike_and_end_nothing(
    scene: Scene, people: Sequence[Person], project: Project, ears: list[Ear]
) -> None:
    """The file with the polygons of one image is missing, for everybody."""
    ada = people[0]
    found = await scene.lab.segmented(project_key(project.id), user_key(ada))
    for ear in ears:
        await project.follow(ear, "1", POLYGONS)
    await project.warm_up(*ears)
    await ada.do(
        "requestSegmentation",
        "{ jobCount }",
        projectId=project.id,
        imageIds=[ids.encode(Kind.IMAGE, found.id)],
        force=True,
    )
    last = await project.move(project.images[0])
    for ear in ears:
        await ear.until("1", lambda events: last in revisions(events))
        assert ear.ended == {}
    _, [broken], [whole] = ({ear.heard["1"][place] for ear in ears} for place in range(3))
    assert "INTERNAL_SERVER_ERROR" in broken
    assert str(scene.folder) not in broken
    assert "errors" not in whole


@pytest.mark.parametrize("document", [STATUS, ROLES, POLYGONS], ids=["shared", "own", "slow"])
async def test_nothing_remains_of_subscriptions_that_ended(
    project: Project, ears: list[Ear], document: str
) -> None:
    before = kept()
    for round_ in range(3):
        for ear in ears:
            await project.follow(ear, f"{round_}", document)
        revision = await project.move(project.images[round_])
        for ear in ears:
            await ear.until(f"{round_}", partial(tells, revision))
            await ear.say(type="complete", id=f"{round_}")
    for ear in ears:
        # A socket takes its messages in order, and its operations end in their own time.
        await ear.subscribe("wrong", "{")
        await ear.end("wrong")
    async with asyncio.timeout(10):
        # There is no event for what nobody but a test asks.
        while kept() != before:  # noqa: ASYNC110
            await asyncio.sleep(0)


def kept() -> Counter[type]:
    """Count what subscriptions consist of."""
    gc.collect()
    parts = (Subscription, Group, SocketOutlet, Following, Member, Relay)
    return Counter(type(each) for each in gc.get_objects() if isinstance(each, parts))
