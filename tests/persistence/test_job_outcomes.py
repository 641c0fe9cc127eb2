"""The sums of how jobs ended, by half hours, say what the jobs say."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persistence import dashboard
from persistence.records import EfficiencyRecord, JobState, ProjectRole
from persistence.sql import Statement
from tests.lab import Lab

JOBS = 6
DAY = 86_400

_MOVE = Statement("""
    UPDATE segmentation_jobs SET state = :state, queued_at = at - make_interval(secs => :waited),
        started_at = CASE WHEN :began THEN at END,
        finished_at = CASE WHEN :ended THEN at + make_interval(secs => :ran) END
    FROM (SELECT statement_timestamp() - make_interval(secs => :ago)) AS a(at)
    WHERE id = ANY(:ids)
""")
_COUNTED = Statement("""
    SELECT count(*) AS ended, count(*) FILTER (WHERE state = 'SUCCEEDED') AS succeeded,
        avg(EXTRACT(EPOCH FROM started_at - queued_at))::float8 AS mean_wait_seconds,
        avg(EXTRACT(EPOCH FROM finished_at - started_at))::float8 AS mean_run_seconds
    FROM project_members m JOIN segmentation_jobs j ON j.project_id = m.project_id
    WHERE m.user_id = :user_id AND state IN ('SUCCEEDED', 'FAILED')
        AND finished_at > statement_timestamp() - INTERVAL '24 hours'
""")

moves = st.tuples(
    st.sets(st.integers(0, JOBS - 1), min_size=1),
    st.sampled_from((JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.PROCESSING)),
    st.one_of(st.integers(0, 2_000), st.integers(DAY - 1_500, DAY + 1_500), st.integers(0, DAY)),
    st.integers(0, 5_000),
    st.integers(0, 1_000),
    st.booleans(),
)


async def told(lab: Lab, user_id: UUID) -> EfficiencyRecord:
    async with lab.database.reading() as connection:
        return await dashboard.efficiency(connection, user_id)


async def expect_what_is_counted(lab: Lab, user_id: UUID) -> None:
    found = await told(lab, user_id)
    async with lab.database.reading() as connection:
        row = (await connection.execute(_COUNTED, {"user_id": user_id})).one()
    assert found.success_rate == (row.succeeded / row.ended if row.ended else None)
    assert found.images_per_hour == row.succeeded / 24
    assert found.mean_wait_seconds == pytest.approx(row.mean_wait_seconds)
    assert found.mean_run_seconds == pytest.approx(row.mean_run_seconds)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(moves, max_size=12))
async def test_the_efficiency_is_that_of_the_jobs_however_they_move(
    lab: Lab, story: Sequence[tuple[set[int], JobState, int, int, int, bool]]
) -> None:
    ada, bob = await lab.user("ada"), await lab.user("bob")
    mine, shared = await lab.project(ada), await lab.project(bob)
    await lab.share(shared, bob, ada, ProjectRole.VIEWER)
    entries = [*await lab.queued(mine, ada, JOBS // 2), *await lab.queued(shared, bob, JOBS // 2)]
    for numbers, state, ago, waited, ran, began in story:
        async with lab.database.transaction() as unit:
            parameters = {
                "ids": [entries[number].job.id for number in numbers],
                "state": state,
                "ended": state is not JobState.PROCESSING,
                "ago": ago,
                "waited": waited,
                "ran": ran,
                "began": began,
            }
            await unit.connection.execute(_MOVE, parameters)
        for person in (ada, bob):
            await expect_what_is_counted(lab, person)


async def test_sums_of_long_ago_are_purged_and_no_others(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    await lab.segmented(project_id, ada)
    before = await told(lab, ada)
    async with lab.database.transaction() as unit:
        await dashboard.purge(unit.connection, before=datetime.now(UTC) - timedelta(days=2))
    assert await told(lab, ada) == before
    async with lab.database.transaction() as unit:
        await dashboard.purge(unit.connection, before=datetime.now(UTC) + timedelta(days=1))
    assert await lab.rows("SELECT * FROM job_outcomes") == []
