"""Attempts to get in, counted within windows of time, to slow down guessing."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from persistence.database import Connection
from persistence.sql import Statement


class Tally(Struct, frozen=True, kw_only=True):
    """How many attempts count against a subject since its window started."""

    subject: str
    count: int
    window_started_at: datetime


_COUNT = Statement("""
    INSERT INTO attempts AS a (subject, count, window_started_at)
    SELECT unnest(CAST(:subjects AS text[])), 1, :now
    ON CONFLICT (subject) DO UPDATE SET
        count = CASE WHEN a.window_started_at <= :over THEN 1 ELSE a.count + 1 END,
        window_started_at = CASE WHEN a.window_started_at <= :over
            THEN excluded.window_started_at ELSE a.window_started_at END
    RETURNING subject, count AS attempts, window_started_at
""")


async def count(
    connection: Connection, subjects: Collection[str], *, now: datetime, window: timedelta
) -> Sequence[Tally]:
    """Count one attempt against each subject, in a new window where the last one is over."""
    result = await connection.execute(
        _COUNT,
        # One order for all, or two calls could wait for each other.
        {"subjects": sorted(subjects), "now": now, "over": now - window},
    )
    return [
        Tally(subject=row.subject, count=row.attempts, window_started_at=row.window_started_at)
        for row in result
    ]


_FORGIVE = Statement("DELETE FROM attempts WHERE subject = :subject")


async def forgive(connection: Connection, subject: str) -> None:
    """Forget all attempts of the subject."""
    await connection.execute(_FORGIVE, {"subject": subject})


_TAKE_BACK = Statement(
    "UPDATE attempts SET count = count - 1 WHERE subject = :subject AND count > 0"
)


async def take_back(connection: Connection, subject: str) -> None:
    """Count one attempt less against the subject."""
    await connection.execute(_TAKE_BACK, {"subject": subject})


_PURGE = Statement("DELETE FROM attempts WHERE window_started_at < :before RETURNING subject")


async def purge(connection: Connection, *, before: datetime) -> int:
    """Delete the tallies of windows that started before then; return how many."""
    return len(await connection.execute(_PURGE, {"before": before}))
