"""Leases: how workers get jobs, keep them, and bring them back.

A worker is a user, most often by an API key, who is at least an EDITOR of the projects whose images
it segments: share a project with its account to let it work there. Or it has a key that the hub's
operator made, which serves all projects.
"""

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from persistence import claim as claims
from persistence import job, queue
from persistence import lease as leases
from persistence.blobs import polygons_key
from persistence.change import ProjectAccess, changing
from persistence.claim import Line, Scope
from persistence.database import Connection, UnitOfWork
from persistence.ids import new_id
from persistence.job import ImageJob
from persistence.lease import NewRun
from persistence.records import (
    ImageRecord,
    JobRecord,
    JobState,
    SegmentationFailure,
)
from persistence.trouble import DatabaseTrouble
from resolvers import access
from resolvers.changes import encode_progress
from resolvers.context import Context
from resolvers.errors import BadUserInput, Conflict, HubError, NotFound
from resolvers.failures import legible
from resolvers.image import forget_blobs
from resolvers.inputs import name_of
from resolvers.polygons import MEDIA_TYPE, cells_of
from resolvers.queue import LONGEST_MODEL

DEFAULT_LIMIT = 1
MAX_LIMIT = 100
DEFAULT_SECONDS = 120
MIN_SECONDS = 10
MAX_SECONDS = 3600

LONGEST_PARAMETERS = 10_000

NO_JOB = "There is no such job."
_MAX_MODELS = 100
# In JSON, and not behind a backslash that is one itself.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_MOST_MORE = 31
_OVER = "The lease of this job does not hold any more: drop the work, and claim other jobs."


class Extended(Struct, frozen=True, kw_only=True):
    """When the lease ends now; None where the job was cancelled."""

    cancelled: bool
    expires_at: datetime | None


class Finished(Struct, frozen=True, kw_only=True):
    """The image of a job after it, and its project."""

    image: ImageRecord
    access: ProjectAccess


async def claim(
    context: Context,
    *,
    worker: str,
    models: Sequence[str] | None,
    limit: int = DEFAULT_LIMIT,
    seconds: int = DEFAULT_SECONDS,
) -> Sequence[ImageJob]:
    """Hand out up to ``limit`` jobs of the projects that the viewer may edit, in their order.

    Jobs of these models, or of any. Each project is a transaction of its own. It ends where it
    finds no job: one that others take away meanwhile has been handed out, so nothing waits unseen.
    If the database fails in the midst of it, what was handed out before is all.
    """
    worker = name_of(worker, what="worker's name")
    _check_range("limit", limit, 1, MAX_LIMIT)
    _check_range("leaseSeconds", seconds, MIN_SECONDS, MAX_SECONDS)
    scope = scope_of(context, models)
    database = context.database
    await leases.expire(database)
    claimed: list[ImageJob] = []
    more = 0
    while (wanted := limit - len(claimed)) > 0:
        found: dict[int, ImageJob] = {}
        try:
            async with database.reading() as connection:
                shares = await claims.shares(connection, scope, limit=wanted + more)
            if not shares:
                break
            # Others who were faster are after the same again: to make way is faster for all.
            if more:
                shares = claims.some(shares, wanted)
            more = min(2 * more + 1, _MOST_MORE)
            for project_id, lines in shares.items():
                found |= await _claim(context, project_id, lines, worker, seconds)
        except DatabaseTrouble:
            # What is handed out already must get to the worker: nobody else has it meanwhile.
            if not (claimed or found):
                raise
            limit = 0
        claimed += [found[place] for place in sorted(found)]
    return claimed


def scope_of(context: Context, models: Sequence[str] | None) -> Scope:
    """Return at whose queues the viewer may work; raise BadUserInput for impossible models."""
    user_id = context.user_id
    return Scope(
        user_id=None if access.serves_all(context) else user_id,
        models=None if models is None else _models(models),
    )


async def _claim(
    context: Context, project_id: UUID, lines: Sequence[Line], worker: str, seconds: int
) -> Mapping[int, ImageJob]:
    async with context.database.transaction() as unit:
        try:
            seen = await access.project_to_work_for(unit.connection, context, project_id, lock=True)
        except HubError:  # deleted or revoked since: no longer any business of the viewer's
            return {}
        return await claims.claim(
            unit, seen, lines, worker=worker, seconds=seconds, actor_id=context.user_id
        )


async def extend(
    context: Context,
    job_id: UUID,
    *,
    lease: str,
    progress: float | None,
    seconds: int = DEFAULT_SECONDS,
) -> Extended:
    """Let the lease end this many seconds from now; note the progress, from 0 to 1, if given.

    Raises Conflict where the lease does not hold, and NotFound where the job's project is gone.
    """
    _check_range("leaseSeconds", seconds, MIN_SECONDS, MAX_SECONDS)
    if progress is not None and not 0 <= progress <= 1:
        raise BadUserInput("The progress must be 0 to 1.")
    async with context.database.transaction() as unit:
        _, found = await _job_for(unit.connection, context, job_id)
        if found.state is JobState.CANCELLED:
            return Extended(cancelled=True, expires_at=None)
        expires_at = await leases.extend(
            unit, job_id, _secret(lease), seconds=seconds, progress=progress
        )
    if expires_at is None:
        raise Conflict(_OVER)
    if progress is not None:
        feeds = context.services.project_feeds
        feeds.publish(found.project_id, encode_progress(found.image_id))
    return Extended(cancelled=False, expires_at=expires_at)


async def complete(
    context: Context,
    job_id: UUID,
    *,
    lease: str,
    polygons: object,
    processing_seconds: float | None,
    model_version: str | None = None,
    parameters: object = None,
) -> Finished:
    """End a job with the polygons found; none is a result, too: NO_SEGMENTATION.

    Raises BadUserInput for polygons that are no good, and Conflict where the lease does not hold;
    then nothing has changed.
    """
    if processing_seconds is not None and not 0 <= processing_seconds < math.inf:
        raise BadUserInput("processingSeconds must be a positive number.")
    version = None
    if model_version is not None:
        version = name_of(model_version, what="model's version", longest=LONGEST_MODEL)
    made_with = None if parameters is None else _parameters(parameters)
    secret = _secret(lease)
    async with context.database.reading() as connection:
        seen, _ = await _job_for(connection, context, job_id)
        held = await _held(connection, job_id, secret)
    cells = await asyncio.to_thread(
        cells_of, polygons, width=held.image.width, height=held.image.height
    )
    run = NewRun(
        id=new_id(),
        cell_count=cells.count,
        cell_area=cells.area,
        processing_seconds=processing_seconds,
        model_version=version,
        parameters=made_with,
    )
    blobs = context.services.blobs
    key = polygons_key(seen.project.id, run.id)
    await blobs.put_bytes(key, cells.encoded, MEDIA_TYPE)

    async def attempt(unit: UnitOfWork, lock: bool) -> Finished:
        seen, _ = await _job_for(unit.connection, context, job_id, lock=lock)
        held = await _held(unit.connection, job_id, secret)
        project, done = await leases.complete(unit, seen, held, run, actor_id=context.user_id)
        return Finished(image=done, access=ProjectAccess(project=project, role=seen.role))

    try:
        return await changing(context.database, attempt)
    except HubError:
        # Other errors may have come behind the commit: what is left of those, gc will find.
        await forget_blobs(blobs.delete([key]))
        raise


async def fail(
    context: Context, job_id: UUID, *, lease: str, failure: SegmentationFailure
) -> Finished:
    """End an attempt with an error: the job waits again if a retry may help, at most three times.

    Raises Conflict where the lease does not hold.
    """
    secret = _secret(lease)
    failure = legible(failure)

    async def attempt(unit: UnitOfWork, lock: bool) -> Finished:
        seen, _ = await _job_for(unit.connection, context, job_id, lock=lock)
        held = await _held(unit.connection, job_id, secret)
        project, [image] = await leases.fail(unit, seen, [held], failure, actor_id=context.user_id)
        return Finished(image=image, access=ProjectAccess(project=project, role=seen.role))

    return await changing(context.database, attempt)


async def release(context: Context, job_id: UUID, *, lease: str) -> Finished:
    """Give a job back unfinished: it waits where it did before, and no attempt is counted.

    Raises Conflict where the lease does not hold.
    """
    secret = _secret(lease)

    async def attempt(unit: UnitOfWork, lock: bool) -> Finished:
        seen, _ = await _job_for(unit.connection, context, job_id, lock=lock)
        held = await _held(unit.connection, job_id, secret)
        project, image = await leases.give_back(unit, seen, held, actor_id=context.user_id)
        return Finished(image=image, access=ProjectAccess(project=project, role=seen.role))

    return await changing(context.database, attempt)


async def _job_for(
    connection: Connection, context: Context, job_id: UUID, *, lock: bool = False
) -> tuple[ProjectAccess, JobRecord]:
    """Return a job with the worker's access to its project."""
    if access.serves_all(context):
        jobs = await queue.jobs(connection, [job_id])
    else:
        jobs = await job.visible(connection, [job_id], context.user_id)
    found = jobs.get(job_id)
    if found is None:
        raise NotFound(NO_JOB)
    return await access.project_to_work_for(connection, context, found.project_id, lock=lock), found


async def _held(connection: Connection, job_id: UUID, secret: UUID) -> ImageJob:
    held = await leases.held(connection, job_id, secret)
    if held is None:
        raise Conflict(_OVER)
    return held


def _secret(lease: str) -> UUID:
    try:
        return UUID(lease)
    except ValueError:
        raise Conflict(_OVER) from None


def _parameters(parameters: object) -> str:
    try:
        encoded = msgspec.json.encode(parameters).decode()
    except RecursionError:
        raise BadUserInput("parameters are nested too deeply.") from None
    if len(encoded) > LONGEST_PARAMETERS or _NUL.search(encoded):
        raise BadUserInput(
            f"parameters take up to {LONGEST_PARAMETERS} characters as JSON, none of them NUL."
        )
    return encoded


def _models(models: Sequence[str]) -> Sequence[str]:
    if len(models) > _MAX_MODELS:
        raise BadUserInput(f"models has {len(models)} entries; at most {_MAX_MODELS} go in a call.")
    return [name_of(model, what="model", longest=LONGEST_MODEL) for model in models]


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadUserInput(f"{name} must be {least} to {most}.")
