"""Who may do what. What one may not see answers exactly like what is not there."""

from collections.abc import Collection, Mapping
from uuid import UUID

from persistence import image, project
from persistence.change import ProjectAccess
from persistence.database import Connection
from persistence.records import ImageRecord, ProjectRole
from resolvers.context import Context
from resolvers.errors import Forbidden, NotFound

NO_PROJECT = "There is no such project."
NO_IMAGE = "There is no such image."


async def project_for(
    connection: Connection,
    context: Context,
    project_id: UUID,
    needed: ProjectRole,
    *,
    lock: bool = False,
) -> ProjectAccess:
    """Return the viewer's access to the project.

    Raises NotFound where the viewer can't see it, and Forbidden where the role does not include the
    one needed. ``lock`` keeps the project as it is until the transaction ends.
    """
    access = await project.access(connection, project_id, context.user_id, lock=lock)
    if access is None:
        raise NotFound(NO_PROJECT)
    require(access, needed)
    return access


def serves_all(context: Context) -> bool:
    """Tell whether the viewer may work at the queues of all projects."""
    return context.viewer is not None and context.viewer.serves_all


async def project_to_work_for(
    connection: Connection, context: Context, project_id: UUID, *, lock: bool = False
) -> ProjectAccess:
    """Return the access of a worker to the project of a job: that of an EDITOR.

    Raises what ``project_for`` does.
    """
    if not serves_all(context):
        return await project_for(connection, context, project_id, ProjectRole.EDITOR, lock=lock)
    found = await project.find(connection, project_id, lock=lock)
    if found is None:
        raise NotFound(NO_PROJECT)
    return ProjectAccess(project=found, role=ProjectRole.EDITOR)


def require(access: ProjectAccess, needed: ProjectRole) -> None:
    """Raise Forbidden unless the viewer's role in the project includes the one needed."""
    if not access.role.includes(needed):
        raise Forbidden(
            f"This takes the role {needed}; in '{access.project.name}' you are {access.role}."
        )


async def images_for(
    connection: Connection, context: Context, image_ids: Collection[UUID]
) -> Mapping[UUID, ImageRecord]:
    """Return the images by id, in this order; NotFound where the viewer can't see them all."""
    found = await image.visible(connection, image_ids, context.user_id)
    if len(found) < len(set(image_ids)):
        raise NotFound(NO_IMAGE)
    return {image_id: found[image_id] for image_id in image_ids}
