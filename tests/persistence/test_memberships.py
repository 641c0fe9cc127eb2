"""What many do at once that changes who can see which projects."""

import asyncio

import pytest

from persistence.records import ProjectRole
from tests.lab import Lab


@pytest.mark.parametrize("guests", [0, 2])
async def test_projects_made_shared_and_deleted_at_once_do_not_wait_for_each_other_in_a_circle(
    lab: Lab, guests: int
) -> None:
    owner = await lab.user()
    others = [await lab.user(f"guest{number}") for number in range(guests)]

    async def make_share_and_delete() -> None:
        for _ in range(15):
            project_id = await lab.project(owner)
            for other in others:
                await lab.share(project_id, owner, other, ProjectRole.VIEWER)
            await lab.delete_project(project_id, owner)

    # A deadlock is an error of one of them.
    await asyncio.gather(*(make_share_and_delete() for _ in range(6)))
    revisions = await lab.rows("SELECT memberships_revision AS revision FROM users ORDER BY id")
    assert [row.revision for row in revisions] == [2 * 6 * 15] * (1 + guests)
