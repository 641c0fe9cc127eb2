"""Who is in a project, and as of which of its revisions."""

import asyncio
from uuid import UUID

from persistence import project
from persistence.ids import new_id
from persistence.records import ProjectRole
from persistence.sql import Statement
from tests.lab import Lab

Members = tuple[int, dict[UUID, ProjectRole]] | None


async def members_now(lab: Lab, project_id: UUID) -> Members:
    async with lab.database.reading() as connection:
        return await project.members_now(connection, project_id)


async def members_revision(lab: Lab, project_id: UUID) -> int:
    async with lab.database.reading() as connection:
        found = await project.find(connection, project_id)
    assert found is not None
    return found.members_revision


async def revoke(lab: Lab, project_id: UUID, owner_id: UUID, user_id: UUID) -> None:
    async with lab.database.transaction() as unit:
        seen = await lab.access(unit.connection, project_id, owner_id, lock=True)
        await project.revoke(unit, seen, actor_id=owner_id, user_id=user_id)


async def test_all_roles_come_with_the_revision_of_the_last_change_of_them(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    eve, bob = await lab.user("eve"), await lab.user("bob")
    await lab.share(project_id, ada, eve, ProjectRole.VIEWER)
    await lab.share(project_id, ada, bob, ProjectRole.EDITOR)
    shared = await members_revision(lab, project_id)
    await lab.images(project_id, ada, 3)
    everybody = {ada: ProjectRole.OWNER, eve: ProjectRole.VIEWER, bob: ProjectRole.EDITOR}
    assert await members_now(lab, project_id) == (shared, everybody)

    await lab.share(project_id, ada, eve, ProjectRole.EDITOR)
    await revoke(lab, project_id, ada, bob)
    revoked = await members_revision(lab, project_id)
    assert revoked > shared
    rest = {ada: ProjectRole.OWNER, eve: ProjectRole.EDITOR}
    assert await members_now(lab, project_id) == (revoked, rest)


async def test_members_of_other_projects_are_not_among_them(lab: Lab, project_id: UUID) -> None:
    eve = await lab.user("eve")
    other = await lab.project(eve)
    found = await members_now(lab, other)
    assert found is not None
    assert found[1] == {eve: ProjectRole.OWNER}


async def test_a_project_that_is_gone_is_told_from_one_without_members(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    assert await members_now(lab, new_id()) is None
    async with lab.database.transaction() as unit:
        await unit.connection.execute(
            Statement("DELETE FROM project_members WHERE project_id = :id"), {"id": project_id}
        )
    assert await members_now(lab, project_id) == (await members_revision(lab, project_id), {})

    doomed = await lab.project(ada)
    async with lab.database.transaction() as unit:
        seen = await lab.access(unit.connection, doomed, ada, lock=True)
        await project.delete(unit, seen, actor_id=ada)
    assert await members_now(lab, doomed) is None


async def test_roles_and_revision_are_of_one_moment_while_both_change(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    eve = await lab.user("eve")
    truth: dict[int, dict[UUID, ProjectRole]] = {}
    seen: list[Members] = []
    done = asyncio.Event()

    async def note() -> None:
        found = await members_now(lab, project_id)
        assert found is not None
        truth[found[0]] = found[1]

    async def change() -> None:
        for number in range(20):
            if number % 2:
                await revoke(lab, project_id, ada, eve)
            else:
                await lab.share(project_id, ada, eve, ProjectRole.VIEWER)
            await note()
        done.set()

    async def look() -> None:
        while not done.is_set():
            seen.append(await members_now(lab, project_id))

    await note()
    await asyncio.gather(change(), look(), look())
    assert len(truth) == 21
    assert [found for found in seen if found is None or truth[found[0]] != found[1]] == []
