"""What workers do with a queue: claim jobs, extend, complete, fail, give back, or say no more."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule
from msgspec.structs import replace

from persistence import lease
from persistence.job import ImageJob
from persistence.records import ImageRecord, JobState
from tests.persistence.queue_machine import MODELS, numbers, people
from tests.persistence.queue_model import Between, Job, S, status_of
from tests.persistence.queue_people import PeopleMachine

LEASE_SECONDS = 60
_ALL = 20
_limits = st.sampled_from((1, 1, 2, 3, 5, _ALL))
_workers = st.one_of(st.none(), people)
_abilities = st.sampled_from((None, None, MODELS, MODELS[:1], MODELS[1:], ()))
_cells = st.integers(0, 1)


class QueueMachine(PeopleMachine):
    """Workers are members of projects, or of none and serve all: None."""

    @rule(
        claims=st.lists(st.tuples(_workers, _abilities, _limits), min_size=1, max_size=4),
        seconds=st.sampled_from((LEASE_SECONDS, 3600)),
    )
    def claim_one_after_the_other(
        self, claims: Sequence[tuple[int | None, Sequence[str] | None, int]], seconds: int
    ) -> None:
        self.see_to_it_that_some_wait()
        for worker, able, limit in claims:
            self.claim(worker, able, limit, seconds)
            self.every_row_is_what_the_model_says()

    def claim(
        self, worker: int | None, able: Sequence[str] | None, limit: int, seconds: int
    ) -> None:
        """Jobs are handed out in the order of the model, and in no other."""
        person = None if worker is None else self.people[worker]
        when, entries = self.does(lambda: self._claim(person, able, limit, seconds))
        expected = self.model.next(person, able, limit, when.latest)
        assert [entry.job.id for entry in entries] == [job.id for job in expected]
        for entry in entries:
            self._handed_out(person, entry, when, seconds)
        self._expect_turns(expected, when)

    @rule(rounds=st.integers(1, 4), lost=st.booleans(), rest=st.sampled_from((0, 0, 8, 31)))
    def everything_fails(self, rounds: int, lost: bool, rest: int) -> None:
        """Whatever waits is handed out and fails, or is not heard of again, so many times."""
        self.see_to_it_that_some_wait()
        for _ in range(rounds):
            first = len(self.leases)
            self.claim(None, None, _ALL, LEASE_SECONDS)
            self.every_row_is_what_the_model_says()
            if lost:
                self.time_passes(LEASE_SECONDS + 1)
                self.take_back_what_is_over()
            else:
                self._each_since(first, lambda number: self.fail(number, retryable=True))
            self.every_row_is_what_the_model_says()
            if rest:
                self.time_passes(rest)
            self.every_row_is_what_the_model_says()

    @rule(cells=_cells)
    def everything_succeeds(self, cells: int) -> None:
        self.see_to_it_that_some_wait()
        first = len(self.leases)
        self.claim(None, None, _ALL, LEASE_SECONDS)
        self._each_since(first, lambda number: self.complete(number, cells))

    def _each_since(self, first: int, end: Callable[[int], None]) -> None:
        """End the jobs of all leases from the first on."""
        self.every_row_is_what_the_model_says()
        for place in range(len(self.leases) - first):
            end(2 * place)
            self.every_row_is_what_the_model_says()

    async def _claim(
        self, person: UUID | None, able: Sequence[str] | None, limit: int, seconds: int = 60
    ) -> Sequence[ImageJob]:
        if person is None:
            return await self.lab.claim_any(limit, models=able, seconds=seconds)
        return await self.lab.claim(person, limit, models=able, seconds=seconds)

    def _handed_out(
        self, person: UUID | None, entry: ImageJob, when: Between, seconds: int
    ) -> None:
        job = self.model.jobs[entry.job.id]
        job.run("w", entry.job.lease, when, when.later(seconds))
        self.model.move(job, S.PROCESSING)
        self.leases.append((person, entry))
        self.touched.add(job.project_id)

    def _expect_turns(self, jobs: Sequence[Job], when: Between) -> None:
        """Check that the turns are over in the order of the jobs, and remember when."""
        last = {job.line: place for place, job in enumerate(jobs, start=1)}
        found = self.read().lines
        bases = set()
        for line, place in last.items():
            self.model.lines[line] = when.later(0, 1e-3)
            bases.add(found[line]["served_at"] - timedelta(microseconds=place))
        assert len(bases) == bool(jobs)

    @rule(claimers=st.lists(_workers, min_size=2, max_size=3), limit=_limits)
    def claim_at_once(self, claimers: Sequence[int | None], limit: int) -> None:
        """Whoever claims at the same time, each gets the first jobs of lines, and no job twice."""
        self.see_to_it_that_some_wait()
        persons = [None if worker is None else self.people[worker] for worker in claimers]

        async def claim() -> Sequence[Sequence[ImageJob]]:
            return await asyncio.gather(*(self._claim(each, None, limit) for each in persons))

        when, claims = self.does(claim)
        now = when.latest
        handed_out: dict[Any, set[UUID]] = defaultdict(set)
        for person, entries in zip(persons, claims, strict=True):
            available = {job.id for job in self.model.next(person, None, 100, now)}
            assert {entry.job.id for entry in entries} <= available
            for entry in entries:
                line = self.model.jobs[entry.job.id].line
                assert entry.job.id not in handed_out[line]
                handed_out[line].add(entry.job.id)
        for line, ids in handed_out.items():
            waited = [job for job in self.model.next(None, None, 100, now) if job.line == line]
            first = sorted(waited, key=lambda job: job.waits_since)[: len(ids)]
            assert ids == {job.id for job in first}
        most = max(len(self.model.next(each, None, limit, now)) for each in persons)
        assert sum(map(len, claims)) >= min(1, most)
        for person, entries in zip(persons, claims, strict=True):
            for entry in entries:
                self._handed_out(person, entry, when, LEASE_SECONDS)
        self._adopt_turns(when)

    def _adopt_turns(self, when: Between) -> None:
        found = self.read().lines
        for line, at in self.model.lines.items():
            if found[line]["served_at"] != at:
                self.model.lines[line] = when.later(0, 1e-3)

    @rule()
    def take_back_what_is_over(self) -> None:
        when, count = self.does(lambda: lease.expire(self.lab.database))
        over = [
            job
            for job in self.model.jobs.values()
            if job.lease
            and isinstance(job.lease_expires_at, datetime)
            and job.lease_expires_at <= when.earliest
        ]
        assert count == len(over)
        for job in over:
            self.model.fail(job, "LEASE_LOST", when, retry=True, rest=False)

    def _lease(self, number: int) -> tuple[UUID, ImageJob]:
        """Return a lease and who comes with it: one that holds, as likely as not, or any."""
        if not self.leases:
            self.see_to_it_that_some_wait()
            self.claim(None, None, _ALL, LEASE_SECONDS)
            self.every_row_is_what_the_model_says()
        now = datetime.now(UTC)
        held = [
            (person, entry)
            for person, entry in self.leases
            if self.model.held(entry.job.id, entry.job.lease, now)
        ]
        among = held if held and number % 2 else self.leases
        person, entry = among[-1 - number // 2 % len(among)]
        of = self.model.projects.get(entry.job.project_id)
        self.touched.update([] if of is None else [of.id])
        return person or (of.owner_id if of else self.people[0]), entry

    def _held(self, person: UUID, entry: ImageJob, when: Between) -> Job | None:
        job = self.model.held(entry.job.id, entry.job.lease, when.latest)
        member = job and person in self.model.projects[job.project_id].members
        return job if member else None

    def _expect(self, accepted: bool, job: Job | None) -> None:
        """Check that what came with a lease was accepted where it holds; else nothing changed."""
        assert accepted == (job is not None)
        if not accepted:
            assert self.read() == self.rows

    @rule(number=numbers, progress=st.sampled_from((None, 0.25, 1.0)))
    def extend(self, number: int, progress: float | None) -> None:
        _, entry = self._lease(number)
        when, accepted = self.does(lambda: self.lab.extend(entry, progress))
        job = self.model.held(entry.job.id, entry.job.lease, when.latest)
        self._expect(accepted, job)
        if job is not None:
            job.lease_expires_at = when.later(LEASE_SECONDS)
            job.progress = job.progress if progress is None else progress

    @rule(number=numbers, cells=_cells)
    def complete(self, number: int, cells: int) -> None:
        person, entry = self._lease(number)
        when, done = self.does(lambda: self.lab.complete(entry, person, cells))
        job = self._held(person, entry, when)
        self._expect(done is not None, job)
        if job is not None:
            self._completed(job, done, cells, when)

    def _completed(self, job: Job, done: ImageRecord | None, cells: int, when: Between) -> None:
        assert done is not None
        assert done.segmentation_id is not None
        run = self.read().runs[done.segmentation_id]
        assert (run["image_id"], run["project_id"]) == (job.image_id, job.project_id)
        assert (run["model"], run["threshold"]) == (job.model, job.threshold)
        assert run["cell_count"] == cells
        self.model.runs[done.segmentation_id] = run
        job.end(JobState.SUCCEEDED, when)
        self.model.move(job, status_of(cells))
        self.model.images[job.image_id].segmentation_id = done.segmentation_id

    @rule(number=numbers)
    def complete_twice_at_once(self, number: int) -> None:
        """Of two that complete with one lease, one succeeds if it holds."""
        person, entry = self._lease(number)

        async def complete() -> Sequence[ImageRecord | None]:
            return await asyncio.gather(
                *(self.lab.complete(entry, person, cells) for cells in (0, 1))
            )

        when, results = self.does(complete)
        job = self._held(person, entry, when)
        accepted = [(cells, done) for cells, done in enumerate(results) if done is not None]
        assert len(accepted) <= 1
        self._expect(bool(accepted), job)
        if job is not None:
            [(cells, done)] = accepted
            self._completed(job, done, cells, when)

    @rule(number=numbers)
    def complete_what_is_just_cancelled(self, number: int) -> None:
        """Either comes first, and the other changes nothing."""
        person, entry = self._lease(number)
        of = self.model.projects.get(entry.job.project_id)
        if of is None:
            return
        owner = of.owner_id

        async def both() -> tuple[ImageRecord | None, int]:
            return await asyncio.gather(
                self.lab.complete(entry, person),
                self.lab.cancel(of.id, owner, image_ids=[entry.image.id]),
            )

        when, (done, cancelled) = self.does(both)
        job = self._held(person, entry, when)
        image = self.model.images.get(entry.image.id)
        other = None if image is None else self.model.active_job(image)
        if done is not None:
            assert job is not None
            assert not cancelled
            self._completed(job, done, 3, when)
        else:
            assert cancelled == (other is not None)
            self._expect(cancelled > 0, other)
        if cancelled and other:
            self.cancelled(other, when)

    @rule(number=numbers, retryable=st.sampled_from((True, True, False)))
    def fail(self, number: int, retryable: bool) -> None:
        person, entry = self._lease(number)
        when, done = self.does(lambda: self.lab.fail(entry, person, retryable=retryable))
        job = self._held(person, entry, when)
        self._expect(done is not None, job)
        if job is not None:
            self.model.fail(job, "TIMEOUT", when, retry=retryable)

    @rule(number=numbers)
    def give_back(self, number: int) -> None:
        person, entry = self._lease(number)
        when, done = self.does(lambda: self.lab.give_back(entry, person))
        job = self._held(person, entry, when)
        self._expect(done is not None, job)
        if job is not None:
            job.wait(job.queued_at)
            job.attempt -= 1
            self.model.move(job, S.QUEUED)

    @rule(number=numbers, other=numbers)
    def come_with_the_lease_of_another_job(self, number: int, other: int) -> None:
        person, entry = self._lease(number)
        _, wrong = self._lease(other)
        if entry.job.id == wrong.job.id:
            return
        mixed = replace(entry, job=replace(entry.job, lease=wrong.job.lease))

        async def come() -> list[object]:
            return [
                await self.lab.complete(mixed, person),
                await self.lab.fail(mixed, person),
                await self.lab.give_back(mixed, person),
                await self.lab.extend(mixed) or None,
            ]

        _, results = self.does(come)
        assert results == [None] * 4
        self._expect(False, None)
