"""A queue and a model of it, to which the same happens, and which are compared after each step."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from persistence import queue_numbers
from persistence.job import ImageJob
from persistence.sql import Statement
from tests.lab import Lab
from tests.persistence import queue_rows
from tests.persistence.queue_model import Between, Image, Model, Project, S

T = TypeVar("T")

MODELS = ("watershed", "cellpose")
CALM = timedelta(seconds=1.5)

_STEP_JOBS = Statement("""
    UPDATE segmentation_jobs SET queued_at = queued_at - i, available_at = available_at - i,
        lease_expires_at = lease_expires_at - i, started_at = started_at - i,
        finished_at = finished_at - i
    FROM make_interval(secs => :seconds) AS i
""")
_STEP_LINES = Statement("""
    UPDATE queue_lines SET served_at = served_at - make_interval(secs => :seconds)
""")

numbers = st.integers(0, 11)
"""What is picked goes by number, modulo how many there are."""

people = st.integers(0, 2)


class ClockMachine(RuleBasedStateMachine):
    """Time passes when it is told to; after each step all rows are what the model says.

    ``run`` has a coroutine run on the loop of the laboratory.
    """

    def __init__(self, lab: Lab, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        super().__init__()
        self.lab = lab
        self.run = run
        self.model = Model()
        self.people: Sequence[UUID] = ()
        self.leases: list[tuple[UUID | None, ImageJob]] = []
        self.touched: set[UUID] = set()
        self.rows = self.read()

    def read(self) -> queue_rows.Rows:
        found: queue_rows.Rows = self.run(queue_rows.rows(self.lab))
        return found

    def does(self, work: Callable[[], Coroutine[Any, Any, T]]) -> tuple[Between, T]:
        """Do something while nothing changes by itself; return when, and what came of it."""
        now = datetime.now(UTC)
        while any(now < at < now + CALM for at in self.model.instants()):
            self.time_passes(CALM.total_seconds())
            self.rows = self.read()
            now = datetime.now(UTC)
        done: T = self.run(work())
        when = Between(now, datetime.now(UTC))
        assume(not any(now < at <= when.latest for at in self.model.instants()))
        return when, done

    @rule(seconds=st.sampled_from((1, 5, 15, 40, 70, 4000)))
    def time_passes(self, seconds: float) -> None:
        """The database's clock can't be moved, but all that was noted by it can."""

        async def step() -> None:
            async with self.lab.database.transaction() as unit:
                await unit.connection.execute(_STEP_JOBS, {"seconds": seconds})
                await unit.connection.execute(_STEP_LINES, {"seconds": seconds})

        self.run(step())
        self.model.step(seconds)

    def project(self, number: int) -> Project:
        found = list(self.model.projects.values())
        chosen = found[number % len(found)]
        self.touched.add(chosen.id)
        return chosen

    def images(self, of: Project, chosen: Sequence[int], statuses: Sequence[S]) -> list[Image]:
        found = self.model.images_of(of.id, statuses)
        return [found[n] for n in dict.fromkeys(n % len(found) for n in chosen)] if found else []

    @invariant()
    def every_row_is_what_the_model_says(self) -> None:
        if not self.people:
            return
        self.rows = self.read()
        queue_rows.compare(self.model, self.rows)

    @invariant()
    def positions_are_the_order_in_which_jobs_are_handed_out(self) -> None:
        async def positions() -> dict[UUID, int]:
            async with self.lab.database.reading() as connection:
                return dict(await queue_numbers.positions(connection, list(self.model.jobs)))

        places = [self.model.places(model) for model in MODELS]
        expected = {job_id: place for order in places for place, job_id in enumerate(order)}
        assert self.run(positions()) == expected

    @invariant()
    def counters_images_and_jobs_say_the_same(self) -> None:
        for project_id in self.touched & self.model.projects.keys():
            self.run(self.lab.audit(project_id))
        self.touched.clear()
