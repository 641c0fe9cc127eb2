"""The dashboard adds up the projects that the user can see, and the jobs that ended in them."""

from uuid import UUID

import pytest

from persistence import dashboard
from persistence.job import ImageJob
from persistence.records import DashboardRecord, EfficiencyRecord, ProjectRole
from persistence.sql import Statement
from tests.lab import Lab

_ENDED = Statement("""
    UPDATE segmentation_jobs SET state = :state,
        queued_at = clock_timestamp() - make_interval(secs => :queued),
        started_at = clock_timestamp() - make_interval(secs => :started),
        finished_at = clock_timestamp() - make_interval(secs => :finished)
    WHERE id = :id
""")


async def ended(lab: Lab, entry: ImageJob, state: str, *ago: float | None) -> None:
    """Let a job have been queued, started and finished so many seconds ago."""
    queued, started, finished = ago
    async with lab.database.transaction() as unit:
        await unit.connection.execute(
            _ENDED,
            {
                "id": entry.job.id,
                "state": state,
                "queued": queued,
                "started": started,
                "finished": finished,
            },
        )


async def seen_by(lab: Lab, user_id: UUID) -> DashboardRecord:
    async with lab.database.reading() as connection:
        return await dashboard.dashboard(connection, user_id)


async def efficiency(lab: Lab, user_id: UUID) -> EfficiencyRecord:
    async with lab.database.reading() as connection:
        return await dashboard.efficiency(connection, user_id)


async def test_who_sees_no_project_sees_zeros(lab: Lab, project_id: UUID) -> None:
    found = await seen_by(lab, await lab.user("bob"))
    assert found == DashboardRecord(
        project_count=0,
        image_count=0,
        segmented_count=0,
        queued_count=0,
        processing_count=0,
        storage_bytes=0,
        timestamp=found.timestamp,
    )


async def test_the_dashboard_adds_up_all_projects_that_the_user_can_see(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    bob = await lab.user("bob")
    await lab.segmented(project_id, ada)
    await lab.queued(project_id, ada, 3)
    await lab.claim(ada)
    await lab.images(await lab.project(ada), ada, 2)
    shared = await lab.project(bob)
    await lab.images(shared, bob, 1)
    await lab.images(await lab.project(bob), bob, 5)
    await lab.share(shared, bob, ada, ProjectRole.VIEWER)
    found = await seen_by(lab, ada)
    assert (found.project_count, found.image_count) == (3, 7)
    assert (found.segmented_count, found.queued_count, found.processing_count) == (1, 2, 1)
    assert found.storage_bytes == 100 + (100 + 101 + 102) + (100 + 101) + 100
    [now] = await lab.rows("SELECT clock_timestamp() AS at")
    assert 0 <= (now.at - found.timestamp).total_seconds() < 60


async def test_efficiency_is_null_where_nothing_finished(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    waiting, cancelled, old = await lab.queued(project_id, ada, 3)
    await ended(lab, cancelled, "CANCELLED", 30, 20, 10)
    await ended(lab, old, "SUCCEEDED", 90_000, 88_000, 86_500)
    assert waiting
    assert await efficiency(lab, ada) == EfficiencyRecord(
        success_rate=None, mean_wait_seconds=None, mean_run_seconds=None, images_per_hour=0.0
    )


async def test_efficiency_is_measured_on_the_jobs_that_ended_in_24_hours(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    entries = await lab.queued(project_id, ada, 4)
    await ended(lab, entries[0], "SUCCEEDED", 100, 90, 70)  # waited 10, ran 20
    await ended(lab, entries[1], "SUCCEEDED", 80_000, 79_970, 79_960)  # 30, 10
    await ended(lab, entries[2], "FAILED", 60, 40, 10)  # 20, 30
    await ended(lab, entries[3], "SUCCEEDED", 50, None, 40)  # by hand: it never ran
    found = await efficiency(lab, ada)
    assert found.success_rate == 0.75
    assert found.mean_wait_seconds == pytest.approx(20, abs=0.1)
    assert found.mean_run_seconds == pytest.approx(20, abs=0.1)
    assert found.images_per_hour == 3 / 24


async def test_efficiency_is_that_of_the_projects_that_the_user_can_see(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    bob = await lab.user("bob")
    await lab.segmented(project_id, ada)
    await lab.segmented(await lab.project(bob), bob)
    assert (await efficiency(lab, bob)).images_per_hour == 1 / 24
    await lab.share(project_id, ada, bob, ProjectRole.VIEWER)
    assert (await efficiency(lab, bob)).images_per_hour == 2 / 24
