"""Garbage collection: what a crash left behind, and what has been remembered for long enough."""

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from hub.settings import Settings
from persistence import attempt, changes, dashboard, image, queue, session
from persistence.blobs import BlobStore, owner_of
from persistence.database import Connection, Database

_BATCH = 1_000


class Collected(Struct, frozen=True, kw_only=True):
    """How much was removed."""

    blobs: int
    unfinished: int
    tombstones: int
    sessions: int
    attempts: int


async def collect(settings: Settings, *, older_than_seconds: float = 24 * 3600) -> Collected:
    """Remove blobs without a row, unfinished files, old tombstones, sums and expired sessions.

    Only blobs older than the given age go: a younger one may be of an upload that has not committed
    yet. What the hub did not name is never touched.
    """
    database = Database(settings.database_url, on_commit=lambda _: None)
    blobs = BlobStore.open(settings.blob_url)
    now = datetime.now(UTC)
    try:
        async with database.reading() as connection:
            await dashboard.purge(connection, before=now - timedelta(days=2))
            return Collected(
                blobs=await _collect_blobs(
                    connection, blobs, before=now - timedelta(seconds=older_than_seconds)
                ),
                unfinished=await blobs.delete_unfinished(older_than_seconds),
                tombstones=await changes.purge(
                    connection,
                    older_than_seconds=timedelta(
                        days=settings.tombstone_retention_days
                    ).total_seconds(),
                ),
                sessions=await session.purge(connection, before=now),
                attempts=await attempt.purge(connection, before=now - timedelta(days=1)),
            )
    finally:
        await database.close()


async def _collect_blobs(connection: Connection, blobs: BlobStore, *, before: datetime) -> int:
    deleted = 0
    async with aclosing(_batches(blobs, before)) as batches:
        async for batch in batches:
            owners = {key: owner for key in batch if (owner := owner_of(key))}
            ids = {owner.id for owner in owners.values()}
            alive = set(await image.find(connection, ids))
            alive |= set(await queue.segmentations(connection, ids))
            orphans = [key for key, owner in owners.items() if owner.id not in alive]
            await blobs.delete(orphans)
            deleted += len(orphans)
    return deleted


async def _batches(blobs: BlobStore, before: datetime) -> AsyncGenerator[Collection[str], None]:
    batch: list[str] = []
    async for info in blobs.list():
        if info.modified < before:
            batch.append(info.key)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    yield batch
