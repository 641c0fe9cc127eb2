"""Who is watching each of all projects that one can see, while oneself is at none of them."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

import pytest

from persistence import account
from tests.hubs import Person, Stream
from tests.live.deeds import revoke, share
from tests.live.followed import rendered
from tests.live.scenes import Scene, first_frame
from tests.live.test_statements import statements
from tests.live.test_visible_projects import Gate

ALL = "subscription { presenceChanged { projectId users { id name } } }"
ONE = "subscription($id: ID) { presenceChanged(projectId: $id) { projectId users { id name } } }"
AT = "subscription($id: ID!) { queueStatsUpdated(projectId: $id) { queued } }"


def shown(stream: Stream) -> Mapping[str, set[str]]:
    """Return the names of those who are at each project, as they were told last."""
    return {
        event["projectId"]: {user["name"] for user in event["users"]} for event in stream.events
    }


def are(count: int, events: Sequence[object]) -> bool:
    return len(events) >= count


async def until(stream: Stream, project: str, *names: str) -> None:
    """Wait until these are said to be at a project."""
    await stream.until(lambda _: shown(stream).get(project) == set(names))


@pytest.fixture
async def owner(scene: Scene) -> Person:
    return await scene.hub.person("Owner")


@pytest.fixture
async def guest(scene: Scene) -> Person:
    return await scene.hub.person("Guest")


async def test_whoever_comes_and_goes_is_told_from_those_who_are_there_on(
    scene: Scene, owner: Person, guest: Person
) -> None:
    busy, quiet = [await scene.project(owner, viewer=guest) for _ in range(2)]
    async with owner.connected() as owners, guest.connected() as guests:
        at_busy = owners.watch(AT, id=busy)
        await at_busy.until(bool)
        stream = guests.watch(ALL)
        await until(stream, busy, "Owner")
        at_quiet = owners.watch(AT, id=quiet)
        await until(stream, quiet, "Owner")
        named = guests.watch(ONE, id=quiet)
        await until(stream, quiet, "Owner", "Guest")
        await at_busy.stop()
        await until(stream, busy)
        await named.stop()
        await until(stream, quiet, "Owner")
        await at_quiet.stop()
        await until(stream, quiet)
    # Nothing is told of a project with nobody, and nothing twice.
    assert [event["projectId"] for event in stream.events] == [
        busy,
        quiet,
        quiet,
        busy,
        quiet,
        quiet,
    ]
    assert stream.events[0]["users"] == [{"id": owner.id, "name": "Owner"}]


async def test_whoever_looks_on_is_at_none_of_them(
    scene: Scene, owner: Person, guest: Person
) -> None:
    project = await scene.project(owner, viewer=guest)
    async with owner.connected() as owners, guest.connected() as guests:
        looking_on = guests.watch(ALL)
        named = owners.watch(ONE, id=project)
        await until(looking_on, project, "Owner")
        mine = owners.watch(ALL)
        await until(mine, project, "Owner")
        at = guests.watch(AT, id=project)
        await until(named, project, "Owner", "Guest")
        await at.stop()
        await until(named, project, "Owner")
    assert [len(event["users"]) for event in named.events] == [1, 2, 1]


async def test_projects_that_come_in_sight_are_told_of_and_those_out_of_it_no_more(
    scene: Scene, owner: Person, guest: Person
) -> None:
    kept = await scene.project(owner, viewer=guest)
    project = await scene.project(owner)
    other = await scene.hub.person("Other")
    await share(owner, project, other)
    await share(owner, kept, other)
    async with (
        owner.connected() as owners,
        guest.connected() as guests,
        other.connected() as others,
    ):
        owners.watch(AT, id=kept)
        stream = guests.watch(ALL)
        await until(stream, kept, "Owner")
        owners.watch(AT, id=project)
        witness = owners.watch(ALL)
        await until(witness, project, "Owner")
        assert project not in shown(stream)
        await share(owner, project, guest)
        await until(stream, project, "Owner")

        await revoke(owner, project, guest)
        told = len(stream.events)
        at = others.watch(AT, id=project)
        await until(witness, project, "Owner", "Other")
        also = others.watch(AT, id=kept)
        await until(stream, kept, "Owner", "Other")
        assert [event["projectId"] for event in stream.events[told:]] == [kept]

        await share(owner, project, guest)
        await until(stream, project, "Owner", "Other")
        await owner.do("deleteProject", "{ projectId }", projectId=project)
        assert await at.end() is None
        await also.stop()
        await until(stream, kept, "Owner")
        made = await guest.do("createProject", "{ project { id } }", name="Mine")
        guests.watch(AT, id=made["project"]["id"])
        await until(stream, made["project"]["id"], "Guest")
        assert not stream.ended


async def test_who_is_let_in_again_is_told_also_of_nobody(
    scene: Scene, owner: Person, guest: Person
) -> None:
    project = await scene.project(owner, viewer=guest)
    async with owner.connected() as owners, guest.connected() as guests:
        at = owners.watch(AT, id=project)
        stream = guests.watch(ALL)
        witness = owners.watch(ALL)
        await until(stream, project, "Owner")
        await revoke(owner, project, guest)
        await at.stop()
        await until(witness, project)
        assert shown(stream)[project] == {"Owner"}
        await share(owner, project, guest)
        await until(stream, project)


async def test_a_stranger_hears_nothing_and_nobody_without_credentials(
    scene: Scene, owner: Person, guest: Person
) -> None:
    project, home = await scene.project(owner), await scene.project(guest)
    async with owner.connected() as owners, guest.connected() as guests:
        named = owners.watch(ONE, id=project)
        await until(named, project, "Owner")
        stream = guests.watch(ALL)
        guests.watch(AT, id=home)
        await until(stream, home, "Guest")
        assert set(shown(stream)) == {home}
        assert await guests.watch(ONE, id=project).end() == "NOT_FOUND"
    refused = await first_frame(scene.hub, scene.hub.nobody(), ALL, {})
    assert refused == {"type": "close", "code": 4403}


async def test_who_comes_behind_a_revocation_is_not_told_to_one_who_is_just_beginning(
    scene: Scene, owner: Person, guest: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, home = await scene.project(owner, viewer=guest), await scene.project(guest)
    newcomer = await scene.hub.person("Newcomer")
    async with AsyncExitStack() as stack:
        owners, guests, newcomers = [
            await stack.enter_async_context(person.connected())
            for person in (owner, guest, newcomer)
        ]
        witness = owners.watch(ALL)
        owners.watch(AT, id=project)
        guests.watch(AT, id=home)
        await until(witness, project, "Owner")
        # The guest's membership is read by now, and who is there is not.
        people = Gate(account.users)
        monkeypatch.setattr(account, "users", people)
        people.close(before=True)
        stream = guests.watch(ALL)
        await people.held()
        await revoke(owner, project, guest)
        await share(owner, project, newcomer)
        newcomers.watch(AT, id=project)
        people.open()
        await until(witness, project, "Owner", "Newcomer")
        await until(stream, home, "Guest")
    assert shown(stream).get(project, set()) <= {"Owner"}


async def test_memberships_may_change_all_the_time(
    scene: Scene, owner: Person, guest: Person
) -> None:
    projects = [await scene.project(owner, viewer=guest) for _ in range(3)]
    witness = await scene.hub.person("Witness")
    for project in projects:
        await share(owner, project, witness)
    async with AsyncExitStack() as stack:
        owners, guests, witnesses = [
            await stack.enter_async_context(person.connected())
            for person in (owner, guest, witness)
        ]
        stream, sure = guests.watch(ALL), witnesses.watch(ALL)

        async def stir(project: str) -> None:
            for _ in range(6):
                await revoke(owner, project, guest)
                at = owners.watch(AT, id=project)
                await share(owner, project, guest)
                await at.until(bool)
                await at.stop()
            owners.watch(AT, id=project)

        await asyncio.gather(*map(stir, projects))
        for project in projects:
            await until(sure, project, "Owner")
            await until(stream, project, "Owner")
        assert not stream.ended


async def test_a_hundred_projects_take_as_many_statements_as_two(
    scene: Scene, owner: Person, guest: Person
) -> None:
    sent: dict[int, list[str]] = {}
    projects: list[str] = []
    async with AsyncExitStack() as stack:
        owners = await stack.enter_async_context(owner.connected())
        for count in (2, 100):
            projects += [
                await scene.project(owner, viewer=guest) for _ in range(count - len(projects))
            ]
            for project in projects:
                # Up to a hundred at a time run on a socket.
                at = owners.watch(AT, id=project)
                await at.until(bool)
            async with guest.connected() as guests:
                with statements() as sent[count]:
                    events = await guests.watch(ALL).until(partial(are, count))
                assert {event["projectId"] for event in events} == set(projects)
                assert len(events) == count
            await owners.stop()
    assert sorted(sent[100]) == sorted(sent[2])


async def test_who_comes_is_rendered_once_for_all_who_look_on(scene: Scene, owner: Person) -> None:
    projects = [await scene.project(owner) for _ in range(3)]
    async with AsyncExitStack() as stack:
        people = [await scene.hub.person(f"Guest{number}") for number in range(4)]
        streams = []
        for person in people:
            for project in projects:
                await share(owner, project, person)
            socket = await stack.enter_async_context(person.connected())
            streams.append(socket.watch(ALL))
        owners = await stack.enter_async_context(owner.connected())
        owners.watch(AT, id=projects[0])
        for stream in streams:
            await until(stream, projects[0], "Owner")
        before = await rendered(scene)
        await owners.watch(AT, id=projects[1]).until(bool)
        for stream in streams:
            await until(stream, projects[1], "Owner")
        # What the owner is told at first, and the list.
        assert await rendered(scene) - before == 2
        assert {len(stream.events) for stream in streams} == {2}
