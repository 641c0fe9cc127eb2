"""The queue under whatever people and workers do, one after the other and all at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from uuid import UUID

import pytest

from persistence import image, lease, project, queue, segmentation
from persistence.change import changing
from persistence.database import UnitOfWork
from persistence.ids import FIRST_ID, new_id
from persistence.job import ImageJob
from persistence.records import (
    ImageRecord,
    JobState,
    ProjectChange,
    SegmentationStatus,
)
from persistence.segmentation import Move
from resolvers.segmentation import LEGAL
from tests.lab import Lab

AT_REST = (
    SegmentationStatus.UPLOADED,
    SegmentationStatus.SEGMENTED,
    SegmentationStatus.NO_SEGMENTATION,
    SegmentationStatus.FAILED,
)


class Storm:
    """Does things at random. What it remembers of leases may be over: that is part of it."""

    def __init__(self, lab: Lab, user_id: UUID, projects: Sequence[UUID], seed: int) -> None:
        self.lab = lab
        self.user_id = user_id
        self.projects = projects
        self.random = Random(seed)
        self.claimed: list[ImageJob] = []
        self.completed: list[UUID] = []

    async def act(self) -> None:
        await self.random.choice(self.actions)()

    @property
    def actions(self) -> Sequence[Callable[[], Awaitable[object]]]:
        return (
            self.upload,
            self.enqueue,
            self.enqueue,
            self.claim,
            self.claim,
            self.complete,
            self.complete,
            self.fail,
            self.extend,
            self.lose,
            self.cancel,
            self.delete,
            self.move_by_hand,
        )

    @property
    def project_id(self) -> UUID:
        return self.random.choice(self.projects)

    async def upload(self) -> None:
        await self.lab.images(self.project_id, self.user_id, self.random.randint(1, 5))

    async def enqueue(self) -> None:
        project_id, batch_id = self.project_id, new_id()
        wanted = self.random.sample(AT_REST, 2)
        limit, priority = self.random.randint(1, 8), self.random.randint(0, 10)

        async def attempt(unit: UnitOfWork, lock: bool) -> None:
            seen = await self.lab.access(unit.connection, project_id, self.user_id, lock=lock)
            images = await queue.images_with(
                unit.connection, project_id, wanted, after=FIRST_ID, limit=limit
            )
            if images:
                await queue.enqueue(
                    unit,
                    seen,
                    images,
                    batch_id=batch_id,
                    model="watershed",
                    threshold=None,
                    priority=priority,
                    actor_id=self.user_id,
                )

        await changing(self.lab.database, attempt)

    async def claim(self) -> None:
        self.claimed += await self.lab.claim(self.user_id, self.random.randint(1, 6))

    def _forget(self) -> ImageJob | None:
        if not self.claimed:
            return None
        return self.claimed.pop(self.random.randrange(len(self.claimed)))

    async def complete(self) -> None:
        if entry := self._forget():
            done = await self.lab.complete(entry, self.user_id, self.random.randint(0, 2))
            self.completed += [entry.job.id] if done else []

    async def fail(self) -> None:
        if entry := self._forget():
            await self.lab.fail(entry, self.user_id, retryable=self.random.random() < 0.7)

    async def extend(self) -> None:
        if self.claimed:
            await self.lab.extend(self.random.choice(self.claimed), self.random.random())

    async def lose(self) -> None:
        if self.claimed:
            await self.lab.end_leases(self.random.choice(self.claimed).job.id)
        await lease.expire(self.lab.database)

    async def _some_images(self, unit: UnitOfWork, project_id: UUID) -> Sequence[ImageRecord]:
        pages = await image.pages(unit.connection, [project_id], first=20)
        items = pages[project_id].items
        return self.random.sample(items, min(len(items), self.random.randint(1, 4)))

    async def cancel(self) -> None:
        project_id = self.project_id
        async with self.lab.database.transaction() as unit:
            ids = [one.id for one in await self._some_images(unit, project_id)]
        await self.lab.cancel(project_id, self.user_id, image_ids=ids)

    async def delete(self) -> None:
        async with self.lab.database.transaction() as unit:
            images = await self._some_images(unit, self.project_id)
        if images:
            await self.lab.delete_images(images[:2], self.user_id)

    async def move_by_hand(self) -> None:
        project_id = self.project_id

        async def attempt(unit: UnitOfWork, lock: bool) -> None:
            seen = await self.lab.access(unit.connection, project_id, self.user_id, lock=lock)
            images = await self._some_images(unit, project_id)
            jobs = await queue.active_jobs(unit.connection, [one.id for one in images])
            moves = [
                Move(
                    image=one,
                    status=self.random.choice(LEGAL[one.status]),
                    job_id=jobs[one.id].id,
                    segmentation_id=one.segmentation_id,
                )
                for one in images
                if one.id in jobs
            ]
            if moves:
                await segmentation.move(unit, seen, moves, actor_id=self.user_id)
                await queue.follow(unit, moves)

        await changing(self.lab.database, attempt)


@pytest.mark.parametrize("seed", range(4))
async def test_everything_adds_up_after_every_step_of_a_random_sequence(
    lab: Lab, ada: UUID, project_id: UUID, seed: int
) -> None:
    projects = [project_id, await lab.project(ada)]
    storm = Storm(lab, ada, projects, seed)
    await lab.queued(project_id, ada, 10)
    for _ in range(250):
        await storm.act()
        for each in projects:
            await lab.audit(each)
    assert storm.completed


async def test_everything_adds_up_after_many_at_once_and_nothing_deadlocked(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    projects = [project_id, await lab.project(ada), await lab.project(ada)]
    for each in projects:
        await lab.queued(each, ada, 20)
    storms = [Storm(lab, ada, projects, seed) for seed in range(10)]

    async def rage(storm: Storm) -> None:
        for _ in range(60):
            await storm.act()

    await asyncio.gather(*(rage(storm) for storm in storms))
    for each in projects:
        await lab.audit(each)
    completed = [id_ for storm in storms for id_ in storm.completed]
    assert len(completed) == len(set(completed)) > 20
    assert {(await lab.job(id_)).state for id_ in completed} == {JobState.SUCCEEDED}
    await expect_no_gap(lab, projects)
    await expect_no_deadlock(lab)


async def test_projects_deleted_under_those_who_work_on_them_leave_no_job_behind(
    lab: Lab, ada: UUID
) -> None:
    doomed = [await lab.project(ada) for _ in range(4)]
    for each in doomed:
        await lab.queued(each, ada, 10)

    async def work(seed: int) -> None:
        storm = Storm(lab, ada, doomed, seed)
        while await lab.shares(ada) or storm.claimed:
            await storm.claim()
            await storm.extend()
            await storm.complete()

    async def delete() -> None:
        for each in doomed:
            await lab.cancel(each, ada, limit=3)
            await lab.delete_project(each, ada)

    await asyncio.gather(*(work(seed) for seed in range(5)), delete())
    for each in doomed:
        assert not {JobState.QUEUED, JobState.PROCESSING} & set(await lab.states(each))
    await expect_no_deadlock(lab)


async def expect_no_gap(lab: Lab, projects: Sequence[UUID]) -> None:
    """Check that the changes announced of each project join up, up to its revision."""
    for each in projects:
        changes = sorted(
            (
                change
                for change in lab.announced
                if isinstance(change, ProjectChange) and change.project_id == each
            ),
            key=lambda change: change.revision,
        )
        assert [change.since for change in changes[1:]] == [c.revision for c in changes[:-1]]
        async with lab.database.reading() as connection:
            found = await project.find(connection, each)
        assert found is not None
        assert changes[-1].stats == found.stats


async def expect_no_deadlock(lab: Lab) -> None:
    [row] = await lab.rows(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    assert row.deadlocks == 0
