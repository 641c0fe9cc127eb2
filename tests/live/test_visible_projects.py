"""All of one's projects, while memberships change faster than anybody can look them up."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from persistence import project
from tests.hubs import Person
from tests.live.deeds import revoke, share
from tests.live.scenes import Scene

NUMBERS = "subscription { projectUpdated { projectId operation revision } }"


class Gate:
    """Holds up questions to the database, before they are asked or before they are answered."""

    def __init__(self, question: Callable[..., Awaitable[Any]]) -> None:
        self._question = question
        self._asked = asyncio.Event()
        self._before = asyncio.Event()
        self._behind = asyncio.Event()
        self.open()

    async def __call__(self, *arguments: Any, **more: Any) -> Any:
        self._asked.set()
        await self._before.wait()
        answer = await self._question(*arguments, **more)
        self._asked.set()
        await self._behind.wait()
        return answer

    def close(self, *, before: bool) -> None:
        """Hold up what is asked from now on."""
        (self._before if before else self._behind).clear()
        self._asked.clear()

    async def held(self) -> None:
        """Wait until something is held up."""
        async with asyncio.timeout(10):
            await self._asked.wait()

    def open(self) -> None:
        self._before.set()
        self._behind.set()


@pytest.fixture
def visible(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """What asks for the projects that a user can see."""
    gate = Gate(project.visible)
    monkeypatch.setattr(project, "visible", gate)
    return gate


@pytest.fixture
def audience(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """What asks for the members of a project."""
    gate = Gate(project.members_now)
    monkeypatch.setattr(project, "members_now", gate)
    return gate


async def rename(owner: Person, project_id: str, name: str) -> int:
    done = await owner.do(
        "updateProject", "{ project { stats { revision } } }", projectId=project_id, name=name
    )
    revision: int = done["project"]["stats"]["revision"]
    return revision


async def test_who_was_let_in_again_meanwhile_is_not_told_of_a_revocation_behind_what_came_later(
    scene: Scene, visible: Gate, audience: Gate
) -> None:
    owner, guest = await scene.hub.person("Owner"), await scene.hub.person("Guest")
    shared = await scene.project(owner, viewer=guest)
    async with guest.connected() as socket:
        stream = socket.watch(NUMBERS)
        await stream.until(bool)
        # The relay asks for its audience later than the stream for its projects.
        audience.close(before=True)
        visible.close(before=False)
        await revoke(owner, shared, guest)
        await visible.held()
        await share(owner, shared, guest)
        audience.open()
        last = await rename(owner, shared, "Later")
        await stream.until(lambda events: events[-1]["revision"] == last)
        visible.open()
        last = await rename(owner, shared, "Latest")
        await stream.until(lambda events: events[-1]["revision"] == last)
        revisions = [event["revision"] for event in stream.events]
        assert revisions == sorted(set(revisions))
        assert stream.events[-1]["operation"] == "UPDATED"


async def test_who_was_let_in_again_before_being_told_of_the_revocation_gets_the_project_back(
    scene: Scene, visible: Gate, audience: Gate
) -> None:
    owner, guest = await scene.hub.person("Owner"), await scene.hub.person("Guest")
    shared = await scene.project(owner, viewer=guest)
    async with guest.connected() as socket:
        stream = socket.watch(NUMBERS)
        await stream.until(bool)
        # The other way round.
        audience.close(before=False)
        visible.close(before=True)
        revoked = await revoke(owner, shared, guest)
        # By now it was read that the guest is no member, but not by the guest's own stream.
        await audience.held()
        await share(owner, shared, guest)
        await visible.held()
        visible.open()
        mine = await guest.do("createProject", "{ project { id } }", name="Mine")
        await stream.until(lambda events: events[-1]["projectId"] == mine["project"]["id"])
        audience.open()
        last = await rename(owner, shared, "Later")
        events = await stream.until(lambda events: events[-1]["revision"] == last)
        told = [event for event in events if event["projectId"] == shared]
        revisions = [event["revision"] for event in told]
        assert revisions == sorted(set(revisions))
        assert [event["operation"] for event in told] in (
            ["SNAPSHOT", "REVOKED", "CREATED", "UPDATED"],
            ["SNAPSHOT", "REVOKED", "CREATED"],
        )
        assert told[1]["revision"] == revoked
