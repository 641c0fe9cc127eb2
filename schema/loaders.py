"""Batched loading: what the fields of one operation need goes into one statement a kind."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from graphql import OperationType
from strawberry.dataloader import DataLoader

from persistence import account, image, project, queue, queue_jobs, queue_numbers
from persistence.change import ProjectAccess
from persistence.database import Connection
from persistence.pagination import Page
from persistence.queue_jobs import Queued
from persistence.records import (
    ImageRecord,
    JobRecord,
    MemberRecord,
    ProjectRecord,
    SegmentationRecord,
    SegmentationStatus,
    UserRecord,
)
from resolvers.access import NO_PROJECT
from resolvers.errors import HubError, NotFound
from schema.info import Info

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


async def _load(
    info: Info,
    key: K,
    name: Hashable,
    read: Callable[[Connection, Sequence[K]], Awaitable[Mapping[K, T]]],
    missing: str,
) -> T:
    """Load by key through the operation's loader of this name; raise NotFound if missing."""
    name = (name, _mutation_of(info))
    loader: DataLoader[K, T] | None = info.context.loaders.get(name)  # type: ignore[assignment]
    if loader is None:
        database = info.context.database

        async def batch(keys: list[K]) -> list[T | HubError]:
            async with database.reading() as connection:
                found = await read(connection, keys)
            return [found.get(wanted, NotFound(missing)) for wanted in keys]

        loader = info.context.loaders[name] = DataLoader(load_fn=batch)
    return await loader.load(key)


def _mutation_of(info: Info) -> str | int | None:
    """Return which of an operation's mutations a field belongs to, since each changes what is so.

    None in a query, all of which shares its loaders.
    """
    if info.operation.operation is not OperationType.MUTATION:
        return None
    path = info.path
    while path.prev is not None:
        path = path.prev
    return path.key


async def load_user(info: Info, user_id: UUID) -> UserRecord:
    """Load a user."""
    return await _load(info, user_id, "users", account.users, "There is no such user.")


async def load_users(info: Info, user_ids: Sequence[UUID]) -> Sequence[UserRecord]:
    """Load several users, in this order."""
    return await asyncio.gather(*(load_user(info, user_id) for user_id in user_ids))


async def load_access(info: Info, project_id: UUID) -> ProjectAccess:
    """Load a project with the viewer's role in it."""
    user_id = info.context.user_id

    async def read(connection: Connection, keys: Sequence[UUID]) -> Mapping[UUID, ProjectAccess]:
        return await project.accesses(connection, keys, user_id)

    return await _load(info, project_id, "accesses", read, NO_PROJECT)


async def load_members(info: Info, project_id: UUID) -> Sequence[MemberRecord]:
    """Load a project's members."""

    async def read(
        connection: Connection, keys: Sequence[UUID]
    ) -> Mapping[UUID, Sequence[MemberRecord]]:
        groups: dict[UUID, list[MemberRecord]] = {key: [] for key in keys}
        for member in await project.members(connection, keys):
            groups[member.project_id].append(member)
        return groups

    return await _load(info, project_id, "members", read, NO_PROJECT)


async def load_images(
    info: Info,
    project_id: UUID,
    *,
    first: int,
    after: UUID | None,
    statuses: tuple[SegmentationStatus, ...] | None,
    search: str | None,
) -> Page[ImageRecord]:
    """Load a page of the images of a project that the viewer was found to see."""

    async def read(
        connection: Connection, keys: Sequence[UUID]
    ) -> Mapping[UUID, Page[ImageRecord]]:
        return await image.pages(
            connection, keys, first=first, after=after, statuses=statuses, search=search
        )

    name = ("pages of images", first, after, statuses, search)
    return await _load(info, project_id, name, read, NO_PROJECT)


async def load_image_count(
    info: Info,
    project: ProjectRecord,
    *,
    statuses: tuple[SegmentationStatus, ...] | None,
    search: str | None,
) -> int:
    """Load how many images of a project match; only a search has to count rows."""
    wanted = frozenset(SegmentationStatus if statuses is None else statuses)
    if search is None:
        return sum(project.stats.count(status) for status in wanted)

    async def read(connection: Connection, keys: Sequence[UUID]) -> Mapping[UUID, int]:
        found = await image.counts(connection, keys, statuses=wanted, search=search)
        return {key: found.get(key, 0) for key in keys}

    return await _load(info, project.id, ("counts of images", wanted, search), read, NO_PROJECT)


async def load_segmentation(info: Info, segmentation_id: UUID) -> SegmentationRecord:
    """Load a segmentation of an image that the viewer was found to see."""
    return await _load(
        info, segmentation_id, "segmentations", queue.segmentations, "There is no such run."
    )


async def load_job(info: Info, job_id: UUID) -> JobRecord:
    """Load a job of an image that the viewer was found to see."""
    return await _load(info, job_id, "jobs", queue.jobs, "There is no such job.")


async def load_jobs(
    info: Info, project_id: UUID, *, first: int, image_ids: tuple[UUID, ...] | None
) -> Sequence[Queued]:
    """Load the first jobs, all or of some images, in the queue of a project that is seen."""

    async def read(connection: Connection, keys: Sequence[UUID]) -> Mapping[UUID, Sequence[Queued]]:
        return await queue_jobs.first(connection, keys, limit=first, image_ids=image_ids)

    return await _load(info, project_id, ("jobs of queues", first, image_ids), read, NO_PROJECT)


async def load_position(info: Info, job_id: UUID) -> int | None:
    """Load how many jobs are ahead of a job; None where it has started."""

    async def read(connection: Connection, keys: Sequence[UUID]) -> Mapping[UUID, int | None]:
        ahead = await queue_numbers.positions(connection, keys)
        return {key: ahead.get(key) for key in keys}

    return await _load(info, job_id, "positions", read, "There is no such job.")


async def load_estimate(info: Info, project_id: UUID) -> float | None:
    """Load in how many seconds a project's queue is empty; None where nothing was measured."""
    return await _load(info, project_id, "estimates", queue_numbers.estimates, NO_PROJECT)


async def load_pace(info: Info, model: str) -> float | None:
    """Load the seconds that a job for a model takes; None where nothing was measured."""

    async def read(connection: Connection, keys: Sequence[str]) -> Mapping[str, float | None]:
        paces = await queue_numbers.paces(connection, keys)
        return {key: paces.get(key) for key in keys}

    return await _load(info, model, "paces", read, NO_PROJECT)
