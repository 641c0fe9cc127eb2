"""What people do with a queue: upload, request, cancel, delete, share, set statuses by hand."""

from collections.abc import Sequence
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from persistence import image as images
from persistence import project, queue, segmentation
from persistence.change import changing
from persistence.database import UnitOfWork
from persistence.ids import FIRST_ID
from persistence.job import ImageJob
from persistence.records import ImageRecord, JobState, ProjectRole, SegmentationStatus
from persistence.segmentation import Move
from resolvers.segmentation import LEGAL
from tests.persistence import queue_rows
from tests.persistence.queue_machine import MODELS, ClockMachine, numbers, people
from tests.persistence.queue_model import IN_QUEUE, Between, Image, Job, Project, S

_picks = st.lists(numbers, min_size=1, max_size=4)
_priorities = st.sampled_from((5, 5, 5, 2, 9))
_MOST_IMAGES = 15


class PeopleMachine(ClockMachine):
    """Three people who have projects, and are members of those of others."""

    @initialize()
    def begin(self) -> None:
        async def make() -> None:
            await queue_rows.empty(self.lab)
            self.people = [await self.lab.user(name) for name in ("ada", "bob", "cleo")]

        self.run(make())
        for person in range(3):
            self.create_project(person)
        ada, bob, cleo = (made.id for made in self.model.projects.values())
        self.share(ada, 1, ProjectRole.EDITOR)
        self.share(bob, 2, ProjectRole.VIEWER)
        for each in (ada, bob, cleo):
            self._upload(each, 3)

    @rule(person=people)
    @precondition(lambda self: len(self.model.projects) < 3)
    def create_project(self, person: int) -> None:
        owner = self.people[person]
        _, made = self.does(lambda: self.lab.project(owner))
        self.model.projects[made] = Project(made, owner, {owner: ProjectRole.OWNER}, revision=0)
        self.model.projects[made].revision = self.read().projects[made]["revision"]

    @rule(at=numbers, person=people, role=st.sampled_from((*ProjectRole, None)))
    def change_member(self, at: int, person: int, role: ProjectRole | None) -> None:
        found = self.project(at)
        if found.owner_id != self.people[person] and role is not ProjectRole.OWNER:
            self.share(found.id, person, role)

    def share(self, project_id: UUID, person: int, role: ProjectRole | None) -> None:
        """Make the person a member with this role, or none."""
        shared, user_id = self.model.projects[project_id], self.people[person]
        if shared.members.get(user_id) == role:
            return

        async def share() -> None:
            if role is not None:
                await self.lab.share(project_id, shared.owner_id, user_id, role)
                return
            async with self.lab.database.transaction() as unit:
                seen = await self.lab.access(
                    unit.connection, project_id, shared.owner_id, lock=True
                )
                await project.revoke(unit, seen, actor_id=shared.owner_id, user_id=user_id)

        self.does(share)
        shared.revision += 1
        shared.members.pop(user_id, None)
        if role is not None:
            shared.members[user_id] = role

    def _project(self, at: int) -> Project:
        found = list(self.model.projects.values())
        chosen = found[at % len(found)]
        self.touched.add(chosen.id)
        return chosen

    def _images(self, of: Project, chosen: Sequence[int], statuses: Sequence[S]) -> list[Image]:
        found = self.model.images_of(of.id, statuses)
        return [found[n] for n in dict.fromkeys(n % len(found) for n in chosen)] if found else []

    @rule(at=numbers, count=st.integers(1, 3))
    def upload(self, at: int, count: int) -> None:
        if len(self.model.images) < _MOST_IMAGES:
            self._upload(self.project(at).id, count)

    def _upload(self, project_id: UUID, count: int) -> None:
        of = self.model.projects[project_id]
        _, made = self.does(lambda: self.lab.images(of.id, of.owner_id, count))
        self.model.images |= {one.id: Image(one.id, of.id) for one in made}
        of.revision += count

    @rule(
        at=numbers,
        person=people,
        chosen=st.one_of(st.none(), _picks),
        force=st.booleans(),
        model=st.sampled_from(MODELS),
        priority=_priorities,
    )
    def request(
        self,
        *,
        at: int,
        person: int,
        chosen: Sequence[int] | None,
        force: bool,
        model: str,
        priority: int,
    ) -> None:
        """Request segmentation of these images, or all: those that are segmented only by force."""
        of, by = self.project(at), self.people[person]
        if not self.model.works_for(by, of.id):
            by = of.owner_id
        wanted = [S.UPLOADED, S.FAILED, *([S.SEGMENTED, S.NO_SEGMENTATION] if force else [])]
        images = self.images(of, range(12) if chosen is None else chosen, wanted)
        if images:
            self._enqueue(images, by, model, priority, everything=chosen is None, wanted=wanted)

    @rule(
        chosen=st.one_of(st.none(), _picks),
        force=st.booleans(),
        model=st.sampled_from(MODELS),
        priorities=st.tuples(_priorities, _priorities, _priorities),
    )
    def everybody_requests(
        self,
        *,
        chosen: Sequence[int] | None,
        force: bool,
        model: str,
        priorities: tuple[int, int, int],
    ) -> None:
        for at, of in enumerate(list(self.model.projects.values())):
            person = self.people.index(of.owner_id)
            self.request(
                at=at,
                person=person,
                chosen=chosen,
                force=force,
                model=model,
                priority=priorities[person],
            )
            self.every_row_is_what_the_model_says()

    def see_to_it_that_some_wait(self) -> None:
        """Request something where nothing waits.

        Rules have no preconditions that depend on it: how much waits is a matter of time, and what
        is drawn must not be.
        """
        if self.model.waiting():
            return
        if not any(image.status not in IN_QUEUE for image in self.model.images.values()):
            self._upload(next(iter(self.model.projects)), 1)
        self.everybody_requests(chosen=None, force=True, model=MODELS[0], priorities=(5, 5, 5))

    def _enqueue(
        self,
        images: Sequence[Image],
        by: UUID,
        model: str,
        priority: int,
        *,
        everything: bool,
        wanted: Sequence[S],
    ) -> None:
        project_id = images[0].project_id

        async def enqueue() -> Sequence[ImageJob]:
            found: Sequence[ImageRecord] = [await self.lab.image(image.id) for image in images]
            if everything:
                async with self.lab.database.reading() as connection:
                    found = await queue.images_with(
                        connection, project_id, wanted, after=FIRST_ID, limit=12
                    )
            return await self.lab.enqueue(found, by, model=model, priority=priority)

        when, entries = self.does(enqueue)
        assert [entry.image.id for entry in entries] == [image.id for image in images]
        ids = [entry.job.id for entry in entries]
        assert ids == sorted(ids)
        for entry in entries:
            job = Job(
                entry.job.id,
                project_id,
                entry.image.id,
                entries[0].job.batch_id,
                by,
                model,
                priority,
                queued_at=when,
                available_at=when,
            )
            self.model.jobs[job.id] = job
            self.model.lines.setdefault(job.line, None)
            self.model.move(job, S.QUEUED)

    @rule(at=numbers, chosen=st.one_of(st.none(), _picks), batch=st.booleans())
    def cancel(self, at: int, chosen: Sequence[int] | None, batch: bool) -> None:
        """Cancel the jobs of a batch, of some images, or of all."""
        self.see_to_it_that_some_wait()
        of = self.project(at)
        of_all = [j for j in self.model.jobs.values() if j.active and j.project_id == of.id]
        images = None if chosen is None else [i.id for i in self.images(of, chosen, tuple(S))]
        jobs = of_all if images is None else [j for j in of_all if j.image_id in images]
        batch_id = None
        if batch and images is None and of_all:
            batch_id = of_all[at % len(of_all)].batch_id
            jobs = [j for j in of_all if j.batch_id == batch_id]
        when, count = self.does(
            lambda: self.lab.cancel(
                of.id, of.owner_id, batch_id=batch_id, image_ids=images, limit=2
            )
        )
        assert count == len(jobs)
        for job in jobs:
            self.cancelled(job, when)

    def cancelled(self, job: Job, when: Between) -> None:
        job.end(JobState.CANCELLED, when)
        self.model.restore(job)

    @rule(at=numbers, chosen=_picks)
    def delete_images(self, at: int, chosen: Sequence[int]) -> None:
        images = self.images(self.project(at), chosen[:1], tuple(S))
        if not images:
            return

        async def delete() -> None:
            found = [await self.lab.image(image.id) for image in images]
            await self.lab.delete_images(found, self.model.projects[images[0].project_id].owner_id)

        when, _ = self.does(delete)
        self.model.touch(images)
        for image in images:
            self.model.forget(image, when)

    @rule(at=numbers)
    @precondition(lambda self: len(self.model.projects) > 2)
    def delete_project(self, at: int) -> None:
        of = self.project(at)
        self.touched.discard(of.id)
        when, _ = self.does(lambda: self.lab.delete_project(of.id, of.owner_id))
        self.model.forget_project(of.id, when)

    @rule(at=numbers, chosen=_picks, to=numbers, named=st.integers(0, 4))
    def move_by_hand(self, at: int, chosen: Sequence[int], to: int, named: int) -> None:
        """Set statuses of images in the queue by hand; jobs that are not named are cancelled."""
        self.see_to_it_that_some_wait()
        of = self.project(at)
        moves: list[tuple[Image, SegmentationStatus, UUID | None]] = []
        for image in self.images(of, chosen, tuple(IN_QUEUE)):
            job = self.model.active_job(image)
            assert job is not None
            status = LEGAL[image.status][to % len(LEGAL[image.status])]
            moves.append((image, status, job.id if named or status in IN_QUEUE else None))
        if not moves:
            return

        async def attempt(unit: UnitOfWork, lock: bool) -> None:
            seen = await self.lab.access(unit.connection, of.id, of.owner_id, lock=lock)
            found = await images.find(unit.connection, [image.id for image, _, _ in moves])
            made = [
                Move(
                    image=found[image.id],
                    status=status,
                    job_id=job_id,
                    segmentation_id=image.segmentation_id,
                )
                for image, status, job_id in moves
            ]
            await segmentation.move(unit, seen, made, actor_id=of.owner_id)
            await queue.follow(unit, made)

        when, _ = self.does(lambda: changing(self.lab.database, attempt))
        for image, status, job_id in moves:
            self.model.by_hand(image, status, job_id, when)
        self.model.touch([image for image, _, _ in moves])
