"""The revision at which what a project is called, is about or belongs to whom last changed."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from persistence import project
from persistence.change import ProjectAccess, Stale, changing
from persistence.database import UnitOfWork
from persistence.migrate import downgrade, upgrade
from persistence.records import ProjectChange, ProjectRecord, ProjectRole
from persistence.sql import Connection, Rows, Statement
from tests.lab import Lab

Change = Callable[[UnitOfWork, ProjectAccess, UUID, UUID], Awaitable[ProjectRecord]]


async def _rename(unit: UnitOfWork, seen: ProjectAccess, ada: UUID, _eve: UUID) -> ProjectRecord:
    return await project.update(unit, seen, actor_id=ada, name="Nuclei", description=None)


async def _describe(unit: UnitOfWork, seen: ProjectAccess, ada: UUID, _eve: UUID) -> ProjectRecord:
    return await project.update(unit, seen, actor_id=ada, name=None, description="Of mice.")


async def _share(unit: UnitOfWork, seen: ProjectAccess, ada: UUID, eve: UUID) -> ProjectRecord:
    return await project.share(unit, seen, actor_id=ada, user_id=eve, role=ProjectRole.EDITOR)


async def _revoke(unit: UnitOfWork, seen: ProjectAccess, ada: UUID, eve: UUID) -> ProjectRecord:
    return await project.revoke(unit, seen, actor_id=ada, user_id=eve)


OF_DETAILS = {"name": _rename, "description": _describe, "members": _share, "leaving": _revoke}


async def found(lab: Lab, project_id: UUID) -> ProjectRecord:
    async with lab.database.reading() as connection:
        record = await project.find(connection, project_id)
    assert record is not None
    return record


@pytest.fixture
async def eve(lab: Lab, ada: UUID, project_id: UUID) -> UUID:
    """A member of the project."""
    user_id = await lab.user("eve")
    await lab.share(project_id, ada, user_id, ProjectRole.VIEWER)
    return user_id


async def test_a_project_begins_with_its_first_revision(lab: Lab, ada: UUID) -> None:
    made = await found(lab, await lab.project(ada))
    assert made.stats.details_revision == made.stats.revision == 1


@pytest.mark.parametrize("change", OF_DETAILS.values(), ids=OF_DETAILS)
async def test_it_is_that_of_the_change_and_told_with_it(
    lab: Lab, ada: UUID, project_id: UUID, eve: UUID, change: Change
) -> None:
    await lab.images(project_id, ada, 3)
    before = await found(lab, project_id)
    lab.announced.clear()

    async def attempt(unit: UnitOfWork, lock: bool) -> ProjectRecord:
        seen = await lab.access(unit.connection, project_id, ada, lock=lock)
        return await change(unit, seen, ada, eve)

    changed = await changing(lab.database, attempt)
    assert changed.stats.details_revision == changed.stats.revision == before.stats.revision + 1
    assert await found(lab, project_id) == changed
    [told] = [each for each in lab.announced if isinstance(each, ProjectChange)]
    assert told.stats == changed.stats


async def test_what_only_images_change_leaves_it(lab: Lab, ada: UUID, project_id: UUID) -> None:
    before = await found(lab, project_id)
    images = await lab.images(project_id, ada, 3)
    await lab.enqueue(images, ada)
    await lab.claim(ada)
    await lab.delete_images(images[1:], ada)
    after = await found(lab, project_id)
    assert after.stats.revision > before.stats.revision
    assert after.stats.details_revision == before.stats.details_revision
    changes = [each for each in lab.announced if isinstance(each, ProjectChange)]
    assert {each.stats.details_revision for each in changes} == {before.stats.details_revision}


async def test_a_change_that_is_refused_leaves_it(
    lab: Lab, ada: UUID, project_id: UUID, eve: UUID
) -> None:
    async with lab.database.reading() as connection:
        stale = await lab.access(connection, project_id, ada)
    await lab.share(project_id, ada, eve, ProjectRole.EDITOR)
    before = await found(lab, project_id)
    with pytest.raises(Stale):
        async with lab.database.transaction() as unit:
            await _rename(unit, stale, ada, eve)
    assert await found(lab, project_id) == before


async def test_it_moves_in_the_one_statement_of_the_change(
    lab: Lab, ada: UUID, project_id: UUID, eve: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    execute = Connection.execute

    async def noted(
        connection: Connection, statement: Statement, *others: Any, **more: Any
    ) -> Rows:
        sent.append(statement.sql)
        return await execute(connection, statement, *others, **more)

    async with lab.database.transaction() as unit:
        seen = await lab.access(unit.connection, project_id, ada, lock=True)
        monkeypatch.setattr(Connection, "execute", noted)
        await _rename(unit, seen, ada, eve)
        monkeypatch.undo()
    assert len(sent) == 1


async def test_projects_from_before_begin_with_the_last_change_of_their_members(
    lab: Lab, ada: UUID, project_id: UUID, eve: UUID, database_url: str
) -> None:
    await lab.images(project_id, ada, 2)
    other = await lab.project(eve)
    await downgrade(database_url, "0003")
    await upgrade(database_url)
    # Connections that are older than a table have another idea of it.
    again = Lab(database_url)
    try:
        for id_ in (project_id, other):
            record = await found(again, id_)
            assert record.stats.details_revision == record.members_revision > 0
    finally:
        await again.database.close()
