"""A model of the queue, in plain Python: what every row has to say after whatever was done."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from persistence.records import JobState, ProjectRole, SegmentationStatus

S = SegmentationStatus
IN_QUEUE = {S.QUEUED: JobState.QUEUED, S.PROCESSING: JobState.PROCESSING}
ENDS = {
    S.SEGMENTED: JobState.SUCCEEDED,
    S.NO_SEGMENTATION: JobState.SUCCEEDED,
    S.FAILED: JobState.FAILED,
    S.UPLOADED: JobState.CANCELLED,
}
MOST_ATTEMPTS = 3
RESTS = {1: (2.5, 7.5), 2: (10, 30)}

Line = tuple[UUID, str, int, UUID]
"""A project, a model, a priority and a person."""


@dataclass(frozen=True)
class Between:
    """An instant that was not known exactly before it was read."""

    earliest: datetime
    latest: datetime

    def later(self, least: float, most: float | None = None) -> "Between":
        """Return the instant that is so many seconds later."""
        longest = least if most is None else most
        return Between(
            self.earliest + timedelta(seconds=least), self.latest + timedelta(seconds=longest)
        )


When = datetime | Between | None


def seen(expected: Any, found: Any) -> Any:
    """Check that what was found is what was expected, and return it."""
    if isinstance(expected, Between):
        assert found is not None
        assert expected.earliest <= found <= expected.latest
        return found
    assert found == expected
    return expected


@dataclass
class Job:
    """A row of the queue; ``by_hand`` counts the attempts that people made or made room for."""

    id: UUID
    project_id: UUID
    image_id: UUID
    batch_id: UUID
    requested_by: UUID
    model: str
    priority: int
    queued_at: When
    available_at: When
    threshold: float = 0.5
    state: JobState = JobState.QUEUED
    attempt: int = 0
    progress: float | None = None
    worker: str | None = None
    lease: UUID | None = None
    lease_expires_at: When = None
    failure_code: str | None = None
    started_at: When = None
    finished_at: When = None
    by_hand: int = 0

    @property
    def line(self) -> Line:
        return (self.project_id, self.model, self.priority, self.requested_by)

    @property
    def waits_since(self) -> tuple[Any, UUID]:
        return self.available_at, self.id

    @property
    def active(self) -> bool:
        return self.state in {JobState.QUEUED, JobState.PROCESSING}

    def wait(self, since: When, rest: Between | None = None, failure: str | None = None) -> None:
        self.state = JobState.QUEUED
        self.queued_at, self.available_at = since, rest or since
        self.progress = self.worker = self.lease = self.lease_expires_at = self.started_at = None
        self.failure_code = failure

    def run(self, worker: str | None, lease: UUID | None, now: Between, until: When) -> None:
        self.state = JobState.PROCESSING
        self.attempt += 1
        self.worker, self.lease, self.lease_expires_at = worker, lease, until
        self.started_at, self.failure_code = now, None

    def end(self, state: JobState, now: Between, failure: str | None = None) -> None:
        assert self.active, "finished jobs never move again"
        self.state, self.finished_at, self.failure_code = state, now, failure
        self.lease = self.lease_expires_at = None


@dataclass
class Image:
    """A row of the images."""

    id: UUID
    project_id: UUID
    status: SegmentationStatus = S.UPLOADED
    job_id: UUID | None = None
    segmentation_id: UUID | None = None
    failure_code: str | None = None


@dataclass
class Project:
    """A project, and who is in it."""

    id: UUID
    owner_id: UUID
    members: dict[UUID, ProjectRole]
    revision: int


class Model:
    """All rows. What is deleted stays in ``jobs`` only."""

    def __init__(self) -> None:
        self.projects: dict[UUID, Project] = {}
        self.images: dict[UUID, Image] = {}
        self.jobs: dict[UUID, Job] = {}
        self.lines: dict[Line, When] = {}
        self.runs: dict[UUID, Mapping[str, Any]] = {}

    def images_of(self, project_id: UUID, statuses: Collection[S] = tuple(S)) -> list[Image]:
        """Return the project's images with one of these statuses, oldest first."""
        found = (i for i in self.images.values() if i.project_id == project_id)
        return sorted((i for i in found if i.status in statuses), key=lambda i: i.id)

    def active_job(self, image: Image) -> Job | None:
        found = [j for j in self.jobs.values() if j.image_id == image.id and j.active]
        assert len(found) <= 1, "an image has at most one active job"
        return found[0] if found else None

    def works_for(self, person: UUID | None, project_id: UUID) -> bool:
        """Tell whether a worker may have jobs of the project; None serves all."""
        role = self.projects[project_id].members.get(person) if person else ProjectRole.OWNER
        return role is not None and role.includes(ProjectRole.EDITOR)

    def waiting(
        self, person: UUID | None = None, models: Collection[str] | None = None
    ) -> list[Job]:
        """Return what waits for a worker, and what rests, too."""
        return [
            job
            for job in self.jobs.values()
            if job.state is JobState.QUEUED
            and self.works_for(person, job.project_id)
            and (models is None or job.model in models)
        ]

    def served(self) -> dict[UUID, datetime]:
        """Return when each person had the last turn."""
        last: dict[UUID, datetime] = {}
        for (_, _, _, person), at in self.lines.items():
            if isinstance(at, datetime):
                last[person] = max(at, last.get(person, at))
        return last

    def next(
        self, person: UUID | None, models: Collection[str] | None, limit: int, now: datetime
    ) -> list[Job]:
        """Return what a claim hands out: of each priority, one job of each person in turn."""
        available = [j for j in self.waiting(person, models) if seen_before(j.available_at, now)]
        return in_turn(available, self.served())[:limit]

    def places(self, model: str) -> list[UUID]:
        """Return the order in which one after the other is handed out, as if none rested."""
        left, served, order = self.waiting(None, [model]), self.served(), []
        while left:
            job = in_turn(left, served)[0]
            left.remove(job)
            order.append(job.id)
            served[job.requested_by] = datetime.max.replace(tzinfo=UTC) - timedelta(
                seconds=len(left)
            )
        return order

    def held(self, job_id: UUID, lease: UUID | None, now: datetime) -> Job | None:
        """Return the job where this lease holds."""
        job = self.jobs[job_id]
        holds = job.state is JobState.PROCESSING and lease is not None and job.lease == lease
        return job if holds and not seen_before(job.lease_expires_at, now) else None

    def touch(self, images: Sequence[Image]) -> None:
        """Raise the revisions of the projects of these images."""
        for project_id, count in Counter(image.project_id for image in images).items():
            self.projects[project_id].revision += count

    def move(self, job: Job, status: S, failure: str | None = None) -> None:
        """Move the image of a job, which is the last that moved it."""
        image = self.images[job.image_id]
        image.status, image.job_id, image.failure_code = status, job.id, failure
        self.touch([image])

    def restore(self, job: Job) -> None:
        """Move the image of a cancelled job to what it was before."""
        latest = self.images[job.image_id].segmentation_id
        cells = None if latest is None else self.runs[latest]["cell_count"]
        self.move(job, S.UPLOADED if cells is None else status_of(cells))

    def fail(self, job: Job, code: str, now: Between, *, retry: bool, rest: bool = True) -> None:
        if retry and job.attempt < MOST_ATTEMPTS:
            job.wait(now, now.later(*RESTS[job.attempt]) if rest else now, code)
            self.move(job, S.QUEUED)
        else:
            job.end(JobState.FAILED, now, code)
            self.move(job, S.FAILED, code)

    def by_hand(self, image: Image, status: S, job_id: UUID | None, now: Between) -> None:
        """Move an image by hand, and its job with it where it was named."""
        job = self.active_job(image)
        image.status, image.job_id, image.failure_code = status, job_id, None
        if job is None:
            return
        if job.id != job_id:
            job.end(JobState.CANCELLED, now)
        elif status is S.QUEUED:
            job.wait(now)
            job.by_hand += 1
        elif status is S.PROCESSING:
            since = job.queued_at
            job.wait(since)
            job.run(None, None, now, None)
            job.by_hand += 1
        else:
            job.end(ENDS[status], now)

    def forget(self, image: Image, now: Between) -> None:
        """Delete an image; its job stays, cancelled."""
        if job := self.active_job(image):
            job.end(JobState.CANCELLED, now, job.failure_code)
        del self.images[image.id]
        self.runs = {id_: r for id_, r in self.runs.items() if r["image_id"] != image.id}

    def forget_project(self, project_id: UUID, now: Between) -> None:
        for image in self.images_of(project_id):
            self.forget(image, now)
        self.lines = {line: at for line, at in self.lines.items() if line[0] != project_id}
        del self.projects[project_id]

    def step(self, seconds: float) -> None:
        """Let time pass: everything was so much longer ago."""
        for job in self.jobs.values():
            for name in ("queued_at", "available_at", "lease_expires_at", "started_at"):
                setattr(job, name, earlier(getattr(job, name), seconds))
            job.finished_at = earlier(job.finished_at, seconds)
        self.lines = {line: earlier(at, seconds) for line, at in self.lines.items()}

    def instants(self) -> Iterable[datetime]:
        """Return when something changes by itself: leases end, rests are over."""
        for job in self.jobs.values():
            if job.active:
                for at in (job.available_at, job.lease_expires_at):
                    if isinstance(at, datetime):
                        yield at


def in_turn(jobs: Iterable[Job], served: dict[UUID, datetime]) -> list[Job]:
    """Return jobs in the order in which one claim hands them out."""
    of: dict[tuple[int, UUID], list[Job]] = defaultdict(list)
    for job in jobs:
        of[job.priority, job.requested_by].append(job)
    never = datetime.min.replace(tzinfo=UTC)
    turns: list[tuple[Any, ...]] = []
    for (priority, person), theirs in of.items():
        for turn, job in enumerate(sorted(theirs, key=lambda job: job.waits_since)):
            turns.append((-priority, turn, served.get(person, never), job.waits_since, job))
    return [turn[-1] for turn in sorted(turns, key=lambda turn: turn[:-1])]


def seen_before(instant: When, now: datetime) -> bool:
    return isinstance(instant, datetime) and instant <= now


def earlier(instant: When, seconds: float) -> When:
    assert not isinstance(instant, Between)
    return instant and instant - timedelta(seconds=seconds)


def status_of(cells: int) -> S:
    return S.SEGMENTED if cells else S.NO_SEGMENTATION
