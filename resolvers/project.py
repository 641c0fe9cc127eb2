"""Projects: who sees them, who changes them, who belongs to them."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from persistence import account, project
from persistence.blobs import project_prefix
from persistence.change import ProjectAccess, changing
from persistence.database import UnitOfWork
from persistence.pagination import Page
from persistence.records import ProjectRecord, ProjectRole
from resolvers import access
from resolvers.context import Context
from resolvers.errors import BadUserInput, Conflict, Forbidden, NotFound
from resolvers.image import forget_blobs
from resolvers.inputs import email_key, email_of, name_of

MAX_DESCRIPTION = 10_000


async def find(context: Context, project_id: UUID) -> ProjectAccess | None:
    """Return the project with the viewer's role in it; None where the viewer can't see it."""
    user_id = context.user_id
    async with context.database.reading() as connection:
        return await project.access(connection, project_id, user_id)


async def page(
    context: Context, *, first: int, after: UUID | None, search: str | None
) -> Page[ProjectAccess]:
    """Return a page of the projects that the viewer can see, newest first."""
    user_id = context.user_id
    async with context.database.reading() as connection:
        return await project.page(connection, user_id, first=first, after=after, search=search)


async def count(context: Context, *, search: str | None) -> int:
    """Return how many projects the viewer can see."""
    user_id = context.user_id
    async with context.database.reading() as connection:
        return await project.count(connection, user_id, search=search)


async def create(context: Context, *, name: str, description: str | None) -> ProjectAccess:
    """Create a project of the viewer's. Raises Forbidden for a worker that serves all projects."""
    if access.serves_all(context):
        raise Forbidden("A worker key opens the queue, and nothing else.")
    name = name_of(name)
    description = _description(description or "")
    user_id = context.user_id
    async with context.database.transaction() as unit:
        created = await project.create(unit, user_id, name=name, description=description)
    return ProjectAccess(project=created, role=ProjectRole.OWNER)


async def update(
    context: Context, project_id: UUID, *, name: str | None, description: str | None
) -> ProjectAccess:
    """Change the name, the description or both; what is None stays. Takes an OWNER."""
    if name is None and description is None:
        raise BadUserInput("Give a name, a description or both.")
    new_name = None if name is None else name_of(name)
    new_description = None if description is None else _description(description)

    async def change(unit: UnitOfWork, seen: ProjectAccess) -> ProjectRecord:
        return await project.update(
            unit, seen, actor_id=context.user_id, name=new_name, description=new_description
        )

    return await _change(context, project_id, change)


async def delete(context: Context, project_id: UUID) -> None:
    """Delete the project and all that is in it. Takes an OWNER.

    Rows go at once. Blobs go after the commit; what a fault leaves of them is garbage collected.
    """
    async with context.database.transaction() as unit:
        seen = await access.project_for(
            unit.connection, context, project_id, ProjectRole.OWNER, lock=True
        )
        await project.delete(unit, seen, actor_id=context.user_id)
    await forget_blobs(context.services.blobs.delete_prefix(project_prefix(project_id)))


async def share(
    context: Context, project_id: UUID, *, email: str, role: ProjectRole
) -> ProjectAccess:
    """Give the person with this e-mail address a role. Takes an OWNER.

    A member's role is changed. NotFound where nobody has the address; Conflict where it is the
    person's role already, or the person is whom the project belongs to.
    """

    async def change(unit: UnitOfWork, seen: ProjectAccess) -> ProjectRecord:
        found = await account.user_by_email_key(unit.connection, email_key(email_of(email)))
        if found is None:
            raise NotFound("Nobody here has this e-mail address; ask the person to sign up first.")
        if found.id == seen.project.owner_id:
            raise Conflict("The project belongs to this person, whose role stays OWNER.")
        held = await project.access(unit.connection, project_id, found.id)
        if held is not None and held.role == role:
            raise Conflict(f"This person's role is {role} already.")
        return await project.share(
            unit, seen, actor_id=context.user_id, user_id=found.id, role=role
        )

    return await _change(context, project_id, change)


async def revoke(context: Context, project_id: UUID, *, user_id: UUID) -> ProjectAccess:
    """End a person's membership: an OWNER anybody's, everybody their own.

    Conflict for the person whom the project belongs to.
    """

    async def change(unit: UnitOfWork, seen: ProjectAccess) -> ProjectRecord:
        if user_id == seen.project.owner_id:
            raise Conflict("The project belongs to this person; delete it instead.")
        if await project.access(unit.connection, project_id, user_id) is None:
            raise NotFound("This person is not a member of the project.")
        return await project.revoke(unit, seen, actor_id=context.user_id, user_id=user_id)

    leaving = user_id == context.user_id
    return await _change(
        context, project_id, change, needed=ProjectRole.VIEWER if leaving else ProjectRole.OWNER
    )


def _description(text: str) -> str:
    stripped = text.strip()
    if len(stripped) > MAX_DESCRIPTION or "\0" in stripped:
        raise BadUserInput(f"The description must have at most {MAX_DESCRIPTION} characters.")
    return stripped


async def _change(
    context: Context,
    project_id: UUID,
    change: Callable[[UnitOfWork, ProjectAccess], Awaitable[ProjectRecord]],
    *,
    needed: ProjectRole = ProjectRole.OWNER,
) -> ProjectAccess:
    async def attempt(unit: UnitOfWork, lock: bool) -> ProjectAccess:
        seen = await access.project_for(unit.connection, context, project_id, needed, lock=lock)
        return ProjectAccess(project=await change(unit, seen), role=seen.role)

    return await changing(context.database, attempt)
