"""A laboratory for tests: people, projects and images, and an audit of what must always hold."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from persistence import account, claim, image, lease, project, queue
from persistence.change import ProjectAccess, changing
from persistence.claim import Line, Scope
from persistence.database import Announcement, Connection, Database, UnitOfWork
from persistence.ids import FIRST_ID, new_id
from persistence.image import NewImage
from persistence.job import ImageJob
from persistence.lease import NewRun
from persistence.records import (
    ImageRecord,
    JobRecord,
    JobState,
    ProjectRole,
    SegmentationFailure,
    SegmentationStatus,
)
from persistence.sql import Statement

WIDTH, HEIGHT = 64, 48

_COUNTS = Statement("""
    SELECT status, count(*) AS images FROM images WHERE project_id = :project_id GROUP BY status
""")
_TWO_REVISIONS = Statement("""
    SELECT count(*) - count(DISTINCT revision) FROM (
        SELECT revision FROM images WHERE project_id = :project_id
        UNION ALL SELECT revision FROM image_tombstones WHERE project_id = :project_id
    ) AS all_of_it
""")
# Only images that jobs moved are in this laboratory: nobody sets QUEUED or PROCESSING without one.
_OUT_OF_STEP = Statement("""
    SELECT i.id, i.status, j.state, j.lease FROM images i
    FULL JOIN (
        SELECT * FROM segmentation_jobs WHERE state IN ('QUEUED', 'PROCESSING')
    ) j ON j.image_id = i.id
    WHERE (i.project_id = :project_id OR j.project_id = :project_id)
      AND (CASE WHEN i.status IN ('QUEUED', 'PROCESSING') THEN i.status END)
          IS DISTINCT FROM j.state
""")
_LOST = Statement("""
    SELECT id, state FROM segmentation_jobs
    WHERE project_id = :project_id AND (
        (finished_at IS NULL) <> (state IN ('QUEUED', 'PROCESSING'))
        OR (lease IS NULL) <> (lease_expires_at IS NULL)
        OR (lease IS NOT NULL AND state <> 'PROCESSING')
    )
""")
_MISCOUNTED = Statement("""
    SELECT * FROM queue_lines l FULL JOIN (
        SELECT project_id, model, priority, requested_by, count(*) AS queued
        FROM segmentation_jobs WHERE state = 'QUEUED'
        GROUP BY project_id, model, priority, requested_by
    ) AS counted USING (project_id, model, priority, requested_by)
    WHERE project_id = :project_id AND COALESCE(l.waiting, 0) <> COALESCE(counted.queued, 0)
""")
_MISADDED = Statement("""
    SELECT * FROM job_outcomes FULL JOIN (
        SELECT project_id, date_bin('30 minutes', finished_at, 'epoch') AS since, count(*) AS jobs,
            count(*) FILTER (WHERE state = 'SUCCEEDED') AS successes, count(started_at) AS starts,
            sum(started_at - queued_at) AS waits, sum(finished_at - started_at) AS runs
        FROM segmentation_jobs WHERE state IN ('SUCCEEDED', 'FAILED') GROUP BY 1, 2
    ) AS added USING (project_id, since)
    WHERE project_id = :project_id AND (
        COALESCE(ended, 0), COALESCE(succeeded, 0), COALESCE(started, 0),
        COALESCE(waited, 0) * INTERVAL '1 microsecond', COALESCE(ran, 0) * INTERVAL '1 microsecond'
    ) <> (
        COALESCE(jobs, 0), COALESCE(successes, 0), COALESCE(starts, 0),
        COALESCE(waits, INTERVAL '0'), COALESCE(runs, INTERVAL '0')
    )
""")
_RUNS = Statement("""
    SELECT i.id FROM images i LEFT JOIN segmentations s ON s.id = i.segmentation_id
    WHERE i.project_id = :project_id AND i.segmentation_id IS NOT NULL AND s.id IS NULL
""")


class Lab:
    """Builds things in a database, and drives the queue as workers and people do."""

    def __init__(self, database_url: str) -> None:
        self.announced: list[Announcement] = []
        self.database = Database(database_url, on_commit=self.announced.extend)

    async def user(self, name: str = "ada") -> UUID:
        async with self.database.transaction() as unit:
            made = await account.create(
                unit.connection,
                name=name,
                email=f"{name}-{new_id()}@example.com",
                email_key=f"{name}-{new_id()}@example.com",
                password_hash="none",
            )
        assert made is not None
        return made.id

    async def project(self, owner_id: UUID) -> UUID:
        async with self.database.transaction() as unit:
            made = await project.create(unit, owner_id, name="Cells", description="")
        return made.id

    async def share(
        self, project_id: UUID, owner_id: UUID, user_id: UUID, role: ProjectRole
    ) -> None:
        async with self.database.transaction() as unit:
            seen = await self.access(unit.connection, project_id, owner_id, lock=True)
            await project.share(unit, seen, actor_id=owner_id, user_id=user_id, role=role)

    async def images(self, project_id: UUID, user_id: UUID, count: int) -> Sequence[ImageRecord]:
        new = [
            NewImage(
                id=new_id(),
                name=f"{number}.png",
                width=WIDTH,
                height=HEIGHT,
                channels=1,
                pages=1,
                mime_type="image/png",
                size_bytes=100 + number,
                checksum="0" * 64,
            )
            for number in range(count)
        ]
        async with self.database.transaction() as unit:
            seen = await self.access(unit.connection, project_id, user_id, lock=True)
            _, images = await image.insert(unit, seen, new, actor_id=user_id)
        return images

    async def access(
        self, connection: Connection, project_id: UUID, user_id: UUID, *, lock: bool = False
    ) -> ProjectAccess:
        seen = await project.access(connection, project_id, user_id, lock=lock)
        assert seen is not None
        return seen

    async def enqueue(
        self,
        images: Sequence[ImageRecord],
        user_id: UUID,
        *,
        model: str = "watershed",
        priority: int = 5,
        batch_id: UUID | None = None,
    ) -> Sequence[ImageJob]:
        async def attempt(unit: UnitOfWork, lock: bool) -> Sequence[ImageJob]:
            seen = await self.access(unit.connection, images[0].project_id, user_id, lock=lock)
            _, jobs = await queue.enqueue(
                unit,
                seen,
                images,
                batch_id=batch_id or new_id(),
                model=model,
                threshold=0.5,
                priority=priority,
                actor_id=user_id,
            )
            return jobs

        return await changing(self.database, attempt)

    async def queued(self, project_id: UUID, user_id: UUID, count: int = 1) -> Sequence[ImageJob]:
        """Store images and queue them."""
        return await self.enqueue(await self.images(project_id, user_id, count), user_id)

    async def segmented(self, project_id: UUID, user_id: UUID, cells: int = 3) -> ImageRecord:
        """Store an image, queue it, and find cells in it; nothing else may be in the queue."""
        await self.queued(project_id, user_id)
        [entry] = await self.claim(user_id)
        done = await self.complete(entry, user_id, cells)
        assert done is not None
        return done

    async def shares(
        self, user_id: UUID | None, limit: int = 1, models: Sequence[str] | None = None
    ) -> Mapping[UUID, Sequence[Line]]:
        async with self.database.reading() as connection:
            scope = Scope(user_id=user_id, models=models)
            return await claim.shares(connection, scope, limit=limit)

    async def claim(
        self,
        user_id: UUID,
        limit: int = 1,
        *,
        models: Sequence[str] | None = None,
        seconds: float = 60,
    ) -> list[ImageJob]:
        """Hand out jobs, in the order in which they are next."""
        claimed: dict[int, ImageJob] = {}
        for project_id, lines in (await self.shares(user_id, limit, models)).items():
            async with self.database.transaction() as unit:
                seen = await project.access(unit.connection, project_id, user_id, lock=True)
                if seen is not None:
                    claimed |= await claim.claim(
                        unit, seen, lines, worker="w", seconds=seconds, actor_id=user_id
                    )
        return [claimed[place] for place in sorted(claimed)]

    async def claim_any(
        self, limit: int = 1, *, models: Sequence[str] | None = None, seconds: float = 60
    ) -> list[ImageJob]:
        """Hand out jobs of all projects, as to a worker that serves them all."""
        claimed: dict[int, ImageJob] = {}
        for project_id, lines in (await self.shares(None, limit, models)).items():
            async with self.database.transaction() as unit:
                found = await project.find(unit.connection, project_id, lock=True)
                assert found is not None
                seen = ProjectAccess(project=found, role=ProjectRole.EDITOR)
                claimed |= await claim.claim(
                    unit, seen, lines, worker="w", seconds=seconds, actor_id=found.owner_id
                )
        return [claimed[place] for place in sorted(claimed)]

    async def extend(self, entry: ImageJob, progress: float | None = None) -> bool:
        assert entry.job.lease is not None
        async with self.database.transaction() as unit:
            until = await lease.extend(
                unit, entry.job.id, entry.job.lease, seconds=60, progress=progress
            )
        return until is not None

    async def complete(self, entry: ImageJob, user_id: UUID, cells: int = 3) -> ImageRecord | None:
        """Complete a job; None where the lease does not hold."""
        run = NewRun(id=new_id(), cell_count=cells, cell_area=cells * 2.0, processing_seconds=1.5)

        async def attempt(unit: UnitOfWork, lock: bool) -> ImageRecord | None:
            seen, held = await self._held(unit, entry, user_id, lock)
            if seen is None or held is None:
                return None
            _, done = await lease.complete(unit, seen, held, run, actor_id=user_id)
            return done

        return await changing(self.database, attempt)

    async def fail(
        self, entry: ImageJob, user_id: UUID, *, retryable: bool = True
    ) -> ImageRecord | None:
        """Fail a job; None where the lease does not hold."""
        failure = SegmentationFailure(code="TIMEOUT", message="Too slow.", retryable=retryable)

        async def attempt(unit: UnitOfWork, lock: bool) -> ImageRecord | None:
            seen, held = await self._held(unit, entry, user_id, lock)
            if seen is None or held is None:
                return None
            _, [image] = await lease.fail(unit, seen, [held], failure, actor_id=user_id)
            return image

        return await changing(self.database, attempt)

    async def give_back(self, entry: ImageJob, user_id: UUID) -> ImageRecord | None:
        """Give a job back unfinished; None where the lease does not hold."""

        async def attempt(unit: UnitOfWork, lock: bool) -> ImageRecord | None:
            seen, held = await self._held(unit, entry, user_id, lock)
            if seen is None or held is None:
                return None
            _, image = await lease.give_back(unit, seen, held, actor_id=user_id)
            return image

        return await changing(self.database, attempt)

    async def _held(
        self, unit: UnitOfWork, entry: ImageJob, user_id: UUID, lock: bool
    ) -> tuple[ProjectAccess | None, ImageJob | None]:
        assert entry.job.lease is not None
        seen = await project.access(unit.connection, entry.job.project_id, user_id, lock=lock)
        return seen, await lease.held(unit.connection, entry.job.id, entry.job.lease)

    async def cancel(
        self,
        project_id: UUID,
        user_id: UUID,
        *,
        batch_id: UUID | None = None,
        image_ids: Sequence[UUID] | None = None,
        limit: int = 1000,
    ) -> int:
        count, after = 0, FIRST_ID
        while True:
            async with self.database.transaction() as unit:
                seen = await project.access(unit.connection, project_id, user_id, lock=True)
                if seen is None:
                    return count
                page = await queue.cancel(
                    unit,
                    seen,
                    batch_id=batch_id,
                    image_ids=image_ids,
                    after=after,
                    limit=limit,
                    actor_id=user_id,
                )
            count += page.count
            if page.next is None:
                return count
            after = page.next

    async def delete_images(self, images: Sequence[ImageRecord], user_id: UUID) -> None:
        """Delete those of the images, of one project, that there still are."""

        async def attempt(unit: UnitOfWork, lock: bool) -> None:
            seen = await project.access(unit.connection, images[0].project_id, user_id, lock=lock)
            found = await image.find(unit.connection, [image.id for image in images])
            if seen is not None and found:
                await image.delete(unit, seen, list(found.values()), actor_id=user_id)

        await changing(self.database, attempt)

    async def delete_project(self, project_id: UUID, user_id: UUID) -> None:
        async with self.database.transaction() as unit:
            seen = await self.access(unit.connection, project_id, user_id, lock=True)
            await project.delete(unit, seen, actor_id=user_id)

    async def end_leases(self, *job_ids: UUID) -> None:
        """Let the leases of these jobs, or of all, be over, as if time had passed."""
        async with self.database.transaction() as unit:
            await unit.connection.execute(
                Statement(
                    "UPDATE segmentation_jobs SET lease_expires_at = clock_timestamp()"
                    " WHERE lease IS NOT NULL AND (:all OR id = ANY(:job_ids))"
                ),
                {"all": not job_ids, "job_ids": list(job_ids)},
            )

    async def end_rests(self, *job_ids: UUID) -> None:
        """Let jobs that rest after a failure, these or all, be available, as if time had passed."""
        async with self.database.transaction() as unit:
            await unit.connection.execute(
                Statement(
                    "UPDATE segmentation_jobs SET available_at = clock_timestamp()"
                    " WHERE available_at > clock_timestamp() AND (:all OR id = ANY(:job_ids))"
                ),
                {"all": not job_ids, "job_ids": list(job_ids)},
            )

    async def image(self, image_id: UUID) -> ImageRecord:
        async with self.database.reading() as connection:
            return (await image.find(connection, [image_id]))[image_id]

    async def job(self, job_id: UUID) -> JobRecord:
        async with self.database.reading() as connection:
            return (await queue.jobs(connection, [job_id]))[job_id]

    async def states(self, project_id: UUID) -> list[JobState]:
        """Return the states of all jobs of a project, oldest first."""
        sql = "SELECT state FROM segmentation_jobs WHERE project_id = :project_id ORDER BY id"
        rows = await self.rows(sql, project_id=project_id)
        return [JobState(row.state) for row in rows]

    async def rows(self, sql: str, **parameters: object) -> Sequence[Any]:
        async with self.database.reading() as connection:
            return await connection.execute(Statement(sql), parameters)

    async def audit(self, project_id: UUID) -> None:
        """Check that counters, images and jobs say the same."""
        parameters = {"project_id": project_id}
        async with self.database.snapshot() as connection:
            found = await project.find(connection, project_id)
            assert found is not None
            counted = dict.fromkeys(SegmentationStatus, 0)
            for row in await connection.execute(_COUNTS, parameters):
                counted[SegmentationStatus(row.status)] = row.images
            assert counted == {status: found.stats.count(status) for status in SegmentationStatus}
            assert (await connection.execute(_TWO_REVISIONS, parameters)).scalar_one() == 0
            assert await connection.execute(_OUT_OF_STEP, parameters) == []
            assert await connection.execute(_LOST, parameters) == []
            assert await connection.execute(_MISCOUNTED, parameters) == []
            assert await connection.execute(_MISADDED, parameters) == []
            assert await connection.execute(_RUNS, parameters) == []
