"""What the database says of a queue, and whether that is what a model of it says."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from uuid import UUID

from msgspec import Struct

from persistence.sql import Statement
from tests.lab import Lab
from tests.persistence.queue_model import MOST_ATTEMPTS, Image, Job, Line, Model, S, seen

_JOB = [each.name for each in fields(Job) if each.name != "by_hand"]
_IMAGE = [each.name for each in fields(Image)]
_JOBS = Statement(f"SELECT {', '.join(_JOB)} FROM segmentation_jobs")
_IMAGES = Statement(f"SELECT {', '.join(_IMAGE)} FROM images")
_PROJECTS = Statement("SELECT * FROM projects")
_LINES = Statement("SELECT * FROM queue_lines")
_RUNS = Statement("SELECT * FROM segmentations")
_EMPTY = Statement("TRUNCATE users, segmentation_jobs, activities CASCADE")

Fields = Mapping[str, Any]


class Rows(Struct, frozen=True, kw_only=True):
    """All rows of one moment, by their keys."""

    jobs: Mapping[UUID, Fields]
    images: Mapping[UUID, Fields]
    projects: Mapping[UUID, Fields]
    lines: Mapping[Line, Fields]
    runs: Mapping[UUID, Fields]


async def rows(lab: Lab) -> Rows:
    """Read all rows."""
    async with lab.database.snapshot() as connection:
        jobs, images, projects, lines, runs = [
            [dict(row) for row in await connection.execute(statement)]
            for statement in (_JOBS, _IMAGES, _PROJECTS, _LINES, _RUNS)
        ]
    return Rows(
        jobs={row["id"]: row for row in jobs},
        images={row["id"]: row for row in images},
        projects={row["id"]: row for row in projects},
        lines={
            (row["project_id"], row["model"], row["priority"], row["requested_by"]): row
            for row in lines
        },
        runs={row["id"]: row for row in runs},
    )


async def empty(lab: Lab) -> None:
    """Delete everything."""
    async with lab.database.transaction() as unit:
        await unit.connection.execute(_EMPTY)


def compare(model: Model, found: Rows) -> None:
    """Check that both say the same; instants that the model did not know exactly, it knows then."""
    _compare_jobs(model, found)
    assert found.images.keys() == model.images.keys()
    for image_id, image in model.images.items():
        assert found.images[image_id] == {name: getattr(image, name) for name in _IMAGE}
    assert {id_: dict(run) for id_, run in found.runs.items()} == model.runs, "runs never change"
    assert found.projects.keys() == model.projects.keys()
    for project_id, project in model.projects.items():
        row = found.projects[project_id]
        assert row["revision"] == project.revision
        counted = Counter(image.status for image in model.images_of(project_id))
        assert {status: row[f"{status.lower()}_count"] for status in S} == {
            status: counted[status] for status in S
        }
        assert row["image_count"] == counted.total()
    _compare_lines(model, found)


def _compare_jobs(model: Model, found: Rows) -> None:
    assert found.jobs.keys() == model.jobs.keys(), "no job is lost"
    for job_id, job in model.jobs.items():
        for name in _JOB:
            setattr(job, name, seen(getattr(job, name), found.jobs[job_id][name]))
        assert 0 <= job.attempt <= MOST_ATTEMPTS + job.by_hand
    leases = [job.lease for job in model.jobs.values() if job.lease]
    assert len(leases) == len(set(leases))


def _compare_lines(model: Model, found: Rows) -> None:
    waiting = Counter(job.line for job in model.waiting())
    assert found.lines.keys() == model.lines.keys()
    for line, served_at in model.lines.items():
        row = found.lines[line]
        assert row["waiting"] == waiting[line]
        model.lines[line] = seen(served_at, row["served_at"])
