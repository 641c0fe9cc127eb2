"""A project goes whole, however large it is."""

from uuid import UUID

import pytest

from persistence import project
from tests.lab import Lab

_LEFT = """
    SELECT (SELECT count(*) FROM projects WHERE id = :id)
        + (SELECT count(*) FROM images WHERE project_id = :id)
        + (SELECT count(*) FROM segmentations WHERE project_id = :id)
        + (SELECT count(*) FROM segmentation_jobs
           WHERE project_id = :id AND state IN ('QUEUED', 'PROCESSING')) AS rows
"""


@pytest.mark.parametrize("images", [0, 1, 3, 4, 7])
async def test_all_that_is_in_a_project_goes_with_it_by_parts(
    lab: Lab, ada: UUID, monkeypatch: pytest.MonkeyPatch, images: int
) -> None:
    monkeypatch.setattr(project, "_DELETED_AT_ONCE", 3)
    doomed, other = await lab.project(ada), await lab.project(ada)
    for each in (doomed, other):
        await lab.segmented(each, ada)
        await lab.queued(each, ada)
        if images:
            await lab.images(each, ada, images)
    async with lab.database.transaction() as unit:
        seen = await lab.access(unit.connection, doomed, ada, lock=True)
        await project.delete(unit, seen, actor_id=ada)
    assert [row.rows for row in await lab.rows(_LEFT, id=doomed)] == [0]
    await lab.audit(other)
