"""Projects and their members."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from msgspec.structs import replace

from persistence import change
from persistence.change import PROJECT, ProjectAccess, project_of
from persistence.database import Connection, UnitOfWork
from persistence.ids import FIRST_ID, LAST_ID, new_id
from persistence.pagination import Page, contains, page_of
from persistence.records import (
    ChangeOperation,
    MemberRecord,
    MembershipsChange,
    ProjectRecord,
    ProjectRole,
)
from persistence.sql import Row, Statement

_P = ", ".join(f"p.{column.strip()}" for column in PROJECT.split(","))


_LOCK = Statement("SELECT id FROM projects WHERE id = :project_id FOR NO KEY UPDATE")
_ACCESS = Statement(f"""
    SELECT {_P}, m.role FROM projects p JOIN project_members m ON m.project_id = p.id
    WHERE p.id = :project_id AND m.user_id = :user_id
""")


def access_of(row: Row) -> ProjectAccess:
    """Read an access from a row that has a project's columns and a role."""
    return ProjectAccess(project=project_of(row), role=ProjectRole(row.role))


async def access(
    connection: Connection, project_id: UUID, user_id: UUID, *, lock: bool = False
) -> ProjectAccess | None:
    """Return the project and the user's role in it; None where there is no project or no role.

    ``lock`` keeps the project as it is until the transaction ends.
    """
    if lock:
        await connection.execute(_LOCK, {"project_id": project_id})
    result = await connection.execute(_ACCESS, {"project_id": project_id, "user_id": user_id})
    row = result.one_or_none()
    return None if row is None else access_of(row)


_MEMBERS_NOW = Statement("""
    SELECT p.members_revision, m.user_id, m.role
    FROM projects p LEFT JOIN project_members m ON m.project_id = p.id
    WHERE p.id = :project_id
""")


async def members_now(
    connection: Connection, project_id: UUID
) -> tuple[int, dict[UUID, ProjectRole]] | None:
    """Return the revision of who may do what, and the role of each member as of it.

    None where the project is gone. Both are of one moment, so who is missing is shut out.
    """
    rows = await connection.execute(_MEMBERS_NOW, {"project_id": project_id})
    if not rows:
        return None
    # Even a project without members has a row: it names nobody.
    roles = {row.user_id: ProjectRole(row.role) for row in rows if row.user_id is not None}
    return rows[0].members_revision, roles


_ACCESSES = Statement(f"""
    SELECT {_P}, m.role FROM projects p JOIN project_members m ON m.project_id = p.id
    WHERE p.id = ANY(:project_ids) AND m.user_id = :user_id
""")


async def accesses(
    connection: Connection, project_ids: Collection[UUID], user_id: UUID
) -> Mapping[UUID, ProjectAccess]:
    """Return the projects among these that the user can see, each with the user's role."""
    result = await connection.execute(
        _ACCESSES, {"project_ids": list(project_ids), "user_id": user_id}
    )
    return {row.id: access_of(row) for row in result}


_PAGE = Statement(f"""
    SELECT {_P}, m.role FROM projects p JOIN project_members m ON m.project_id = p.id
    WHERE m.user_id = :user_id
      AND p.id < COALESCE(CAST(:after AS uuid), CAST(:last_key AS uuid))
      AND p.name ILIKE COALESCE(CAST(:search AS text), '%')
    ORDER BY p.id DESC LIMIT :limit
""")


async def page(
    connection: Connection,
    user_id: UUID,
    *,
    first: int,
    after: UUID | None = None,
    search: str | None = None,
) -> Page[ProjectAccess]:
    """Return a page of the projects that the user can see, newest first."""
    result = await connection.execute(
        _PAGE,
        {
            "user_id": user_id,
            "after": after,
            "last_key": LAST_ID,
            "search": contains(search),
            "limit": first + 1,
        },
    )
    return page_of([access_of(row) for row in result], first, after=after)


_COUNT = Statement("""
    SELECT count(*) FROM projects p JOIN project_members m ON m.project_id = p.id
    WHERE m.user_id = :user_id AND p.name ILIKE COALESCE(CAST(:search AS text), '%')
""")


async def count(connection: Connection, user_id: UUID, *, search: str | None = None) -> int:
    """Return how many projects the user can see."""
    counted = await connection.execute(_COUNT, {"user_id": user_id, "search": contains(search)})
    return int(counted.scalar_one())


_REVISIONS = Statement("SELECT id, revision FROM projects WHERE id = ANY(:project_ids)")


async def revisions(connection: Connection, project_ids: Collection[UUID]) -> Mapping[UUID, int]:
    """Return the current revision of each of these projects that exists."""
    result = await connection.execute(_REVISIONS, {"project_ids": list(project_ids)})
    return {row.id: row.revision for row in result}


_FIND = Statement(f"SELECT {PROJECT} FROM projects WHERE id = :project_id")
_FIND_LOCKED = Statement(f"SELECT {PROJECT} FROM projects WHERE id = :project_id FOR NO KEY UPDATE")


async def find(
    connection: Connection, project_id: UUID, *, lock: bool = False
) -> ProjectRecord | None:
    """Return the project, whoever may see it.

    ``lock`` keeps it as it is until the transaction ends.
    """
    statement = _FIND_LOCKED if lock else _FIND
    row = (await connection.execute(statement, {"project_id": project_id})).one_or_none()
    return None if row is None else project_of(row)


_MEMBERS = Statement("""
    SELECT project_id, user_id, role FROM project_members
    WHERE project_id = ANY(:project_ids) ORDER BY project_id, created_at, user_id
""")


async def members(connection: Connection, project_ids: Collection[UUID]) -> Sequence[MemberRecord]:
    """Return the members of these projects, longest standing first within each."""
    result = await connection.execute(_MEMBERS, {"project_ids": list(project_ids)})
    return [
        MemberRecord(project_id=row.project_id, user_id=row.user_id, role=ProjectRole(row.role))
        for row in result
    ]


_CREATE = Statement(f"""
    WITH project AS (
        INSERT INTO projects
            (id, owner_id, name, description, revision, members_revision, details_revision)
        VALUES (:id, :user_id, :name, :description, 1, 1, 1) RETURNING {PROJECT}
    ), member AS (
        INSERT INTO project_members (project_id, user_id, role)
        SELECT id, owner_id, 'OWNER' FROM project
    ), logged AS (
        INSERT INTO activities (project_id, revision, since, actor_id, action, image_count, at)
        SELECT id, 1, 0, :user_id, 'project.created', 0, updated_at FROM project
    )
    SELECT * FROM project
""")


async def create(unit: UnitOfWork, user_id: UUID, *, name: str, description: str) -> ProjectRecord:
    """Create a project owned by the user."""
    result = await unit.connection.execute(
        _CREATE, {"id": new_id(), "user_id": user_id, "name": name, "description": description}
    )
    project = project_of(result.one())
    change.announce(unit, project, actor_id=user_id, operation=ChangeOperation.CREATED)
    await _memberships_changed(unit, [user_id])
    return project


_UPDATE = change.statement(
    "SELECT id FROM project",
    assign="name = COALESCE(:name, name), description = COALESCE(:description, description),"
    + change.DETAILS,
)


async def update(
    unit: UnitOfWork,
    access: ProjectAccess,
    *,
    actor_id: UUID,
    name: str | None,
    description: str | None,
) -> ProjectRecord:
    """Change the name, the description or both; None leaves one as it is. May raise Stale."""
    project = await change.apply(
        unit,
        access,
        _UPDATE,
        action="project.updated",
        actor_id=actor_id,
        rows=1,
        parameters={"name": name, "description": description},
    )
    change.announce(unit, project, actor_id=actor_id)
    return project


_SHARE = change.statement(
    """
    INSERT INTO project_members (project_id, user_id, role)
    SELECT id, :user_id, :role FROM project
    ON CONFLICT (project_id, user_id) DO UPDATE SET role = EXCLUDED.role RETURNING user_id
    """,
    assign=change.MEMBERS,
)


async def share(
    unit: UnitOfWork, access: ProjectAccess, *, actor_id: UUID, user_id: UUID, role: ProjectRole
) -> ProjectRecord:
    """Make the user a member with this role, or change a member's role to it. May raise Stale."""
    project = await change.apply(
        unit,
        access,
        _SHARE,
        action="member.shared",
        actor_id=actor_id,
        rows=1,
        parameters={"user_id": user_id, "role": role},
    )
    change.announce(unit, project, actor_id=actor_id)
    await _memberships_changed(unit, [user_id])
    return project


_REVOKE = change.statement(
    """
    DELETE FROM project_members m USING project
    WHERE m.project_id = project.id AND m.user_id = :user_id RETURNING m.user_id
    """,
    assign=change.MEMBERS,
)


async def revoke(
    unit: UnitOfWork, access: ProjectAccess, *, actor_id: UUID, user_id: UUID
) -> ProjectRecord:
    """End the user's membership. May raise Stale."""
    project = await change.apply(
        unit,
        access,
        _REVOKE,
        action="member.revoked",
        actor_id=actor_id,
        rows=1,
        parameters={"user_id": user_id},
    )
    change.announce(unit, project, actor_id=actor_id)
    await _memberships_changed(unit, [user_id])
    return project


_DELETED_AT_ONCE = 50_000
_DELETE_IMAGES = Statement("""
    WITH part AS (
        SELECT id FROM images WHERE project_id = :project_id AND id > :after
        ORDER BY id LIMIT :limit
    ), deleted AS (
        DELETE FROM images i USING part WHERE i.id = part.id
    )
    SELECT id FROM part ORDER BY id DESC LIMIT 1
""")
_DELETE = Statement("""
    WITH project AS (
        DELETE FROM projects WHERE id = :project_id RETURNING id, revision
    ), cancelled AS (
        UPDATE segmentation_jobs j SET state = 'CANCELLED', lease = NULL, lease_expires_at = NULL,
            finished_at = clock_timestamp()
        FROM project WHERE j.project_id = project.id AND j.state IN ('QUEUED', 'PROCESSING')
    )
    INSERT INTO activities (project_id, revision, since, actor_id, action, image_count)
    SELECT id, revision + 1, revision, :actor_id, 'project.deleted', 0 FROM project
""")


async def delete(unit: UnitOfWork, access: ProjectAccess, *, actor_id: UUID) -> None:
    """Delete a project that was read locked, and all that is in it; its activities stay."""
    project_id = access.project.id
    people = [member.user_id for member in await members(unit.connection, [project_id])]
    # By parts, so that no statement takes longer than one may, however large the project is.
    after: UUID | None = FIRST_ID
    while after is not None:
        part = {"project_id": project_id, "after": after, "limit": _DELETED_AT_ONCE}
        after = (await unit.connection.execute(_DELETE_IMAGES, part)).scalar_one_or_none()
    await unit.connection.execute(_DELETE, {"project_id": project_id, "actor_id": actor_id})
    stats = replace(access.project.stats, revision=access.project.stats.revision + 1)
    change.announce(
        unit,
        replace(access.project, stats=stats),
        actor_id=actor_id,
        operation=ChangeOperation.DELETED,
    )
    await _memberships_changed(unit, people)


_LOCK_USERS = Statement(
    "SELECT id FROM users WHERE id = ANY(:user_ids) ORDER BY id FOR NO KEY UPDATE"
)
_MEMBERSHIPS_CHANGED = Statement("""
    UPDATE users SET memberships_revision = memberships_revision + 1
    WHERE id = ANY(:user_ids) RETURNING id, memberships_revision
""")


async def _memberships_changed(unit: UnitOfWork, user_ids: Collection[UUID]) -> None:
    """Note, behind the change of a project, that these users can see other projects than before."""
    users = {"user_ids": list(user_ids)}
    if len(user_ids) > 1:
        await unit.connection.execute(_LOCK_USERS, users)
    result = await unit.connection.execute(_MEMBERSHIPS_CHANGED, users)
    for row in result:
        revision = row.memberships_revision
        unit.announce(MembershipsChange(user_id=row.id, since=revision - 1, revision=revision))


_MEMBERSHIPS_REVISIONS = Statement(
    "SELECT id, memberships_revision FROM users WHERE id = ANY(:user_ids)"
)


async def memberships_revisions(
    connection: Connection, user_ids: Collection[UUID]
) -> Mapping[UUID, int]:
    """Return the revision of the set of projects that each of these users can see."""
    result = await connection.execute(_MEMBERSHIPS_REVISIONS, {"user_ids": list(user_ids)})
    return {row.id: row.memberships_revision for row in result}


_VISIBLE = Statement("SELECT project_id FROM project_members WHERE user_id = :user_id")


async def visible(connection: Connection, user_id: UUID) -> frozenset[UUID]:
    """Return the ids of all projects that the user can see."""
    result = await connection.execute(_VISIBLE, {"user_id": user_id})
    return frozenset(result.scalars())
