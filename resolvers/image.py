"""Images: who sees them, and their deletion."""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from uuid import UUID

from persistence import image, segmentation
from persistence.blobs import original_key, polygons_key, pyramid_key, thumbnail_key
from persistence.change import ProjectAccess, changing
from persistence.database import UnitOfWork
from persistence.records import ImageRecord, ProjectRole
from resolvers import access
from resolvers.context import Context
from resolvers.errors import BadUserInput

logger = logging.getLogger(__name__)


async def find(context: Context, image_id: UUID) -> ImageRecord | None:
    """Return the image; None where the viewer can't see it."""
    user_id = context.user_id
    async with context.database.reading() as connection:
        found = await image.visible(connection, [image_id], user_id)
    return found.get(image_id)


async def delete(context: Context, image_ids: Sequence[UUID]) -> ProjectAccess:
    """Delete images of one project, all or none; return the project. Takes an EDITOR.

    Rows go at once. Blobs go after the commit; what a fault leaves of them is garbage collected.
    """
    check_batch("imageIds", image_ids, context.services.limits.max_changes_per_call)

    async def attempt(unit: UnitOfWork, lock: bool) -> tuple[ProjectAccess, Sequence[str]]:
        groups = by_project(await access.images_for(unit.connection, context, image_ids))
        if len(groups) > 1:
            raise BadUserInput("The images are of several projects; delete those of one in a call.")
        ((project_id, images),) = groups.items()
        seen = await access.project_for(
            unit.connection, context, project_id, ProjectRole.EDITOR, lock=lock
        )
        if lock:
            again = await access.images_for(unit.connection, context, image_ids)
            images = list(again.values())
        runs = await segmentation.runs_of(unit.connection, image_ids)
        changed = await image.delete(unit, seen, images, actor_id=context.user_id)
        keys = [
            *(original_key(project_id, image_id) for image_id in image_ids),
            *(thumbnail_key(project_id, image_id) for image_id in image_ids),
            *(pyramid_key(project_id, image_id) for image_id in image_ids),
            *(polygons_key(project_id, run_id) for run_id in runs),
        ]
        return ProjectAccess(project=changed, role=seen.role), keys

    changed, keys = await changing(context.database, attempt, single_statement=True)
    await forget_blobs(context.services.blobs.delete(keys))
    return changed


async def forget_blobs(deletion: Awaitable[None]) -> None:
    """Await the deletion of blobs whose rows are gone; what can't be deleted now, gc will find."""
    try:
        await deletion
    except Exception:  # the rows are gone: the answer must say so, whatever the store does
        logger.warning("Blobs were left behind; 'cellhub gc' removes them.", exc_info=True)


def check_batch(name: str, ids: Sequence[UUID], longest: int) -> None:
    """Raise BadUserInput where a list of ids is empty, too long, or names one twice."""
    if not ids:
        raise BadUserInput(f"{name} is empty.")
    if len(ids) > longest:
        raise BadUserInput(f"{name} has {len(ids)} entries; at most {longest} go in one call.")
    if len(set(ids)) < len(ids):
        raise BadUserInput(f"{name} names an image twice.")


def by_project(images: Mapping[UUID, ImageRecord]) -> Mapping[UUID, list[ImageRecord]]:
    """Group images by their project, in the order of the projects' ids."""
    groups: dict[UUID, list[ImageRecord]] = defaultdict(list)
    for found in images.values():
        groups[found.project_id].append(found)
    return dict(sorted(groups.items()))
