"""What the demo makes of events: models take what can be true, audits find the rest."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from hub.demo.audit import contradictions, differences
from hub.demo.events import (
    Dashboard,
    Found,
    ImagePart,
    ImageState,
    ProjectUpdate,
    Queue,
    SegmentationUpdate,
    Stats,
    UploadProgress,
)
from hub.demo.facts import Facts
from hub.demo.models import Contradiction, Images, Progress, Projects

NOW = datetime.now(UTC)


# What a model takes


def stats(**values: int) -> Stats:
    return Stats(**dict.fromkeys(Stats.__struct_fields__, 0) | values)


def project_update(operation: str, revision: int, **values: Any) -> ProjectUpdate:
    numbers = None if operation in ("DELETED", "REVOKED") else stats(revision=revision)
    update = ProjectUpdate("prj_1", None, operation, NOW, revision, numbers)
    return replace(update, **values)


def image_update(
    operation: str, revision: int, status: str | None = "UPLOADED"
) -> SegmentationUpdate:
    image = None if status is None else ImagePart("a.png", 5)
    return SegmentationUpdate("img_1", operation, status, None, NOW, revision, image)


def progress(received: int, *, done: bool = False) -> UploadProgress:
    return UploadProgress("u", 1, 0, 0, received, done)


@pytest.mark.parametrize(
    "updates",
    [
        [project_update("UPDATED", 1)],
        [project_update("SNAPSHOT", 1), project_update("SNAPSHOT", 2)],
        [project_update("SNAPSHOT", 1), project_update("UPDATED", 1)],
        [project_update("SNAPSHOT", 2), project_update("UPDATED", 1)],
        [project_update("CREATED", 1), project_update("REVOKED", 2), project_update("UPDATED", 3)],
        [project_update("SNAPSHOT", 1, updates=stats(revision=2))],
    ],
)
def test_updates_of_a_project_must_follow_each_other(updates: list[ProjectUpdate]) -> None:
    model = Projects()
    for update in updates[:-1]:
        model.take(update)
    with pytest.raises(Contradiction):
        model.take(updates[-1])


@pytest.mark.parametrize(
    "updates",
    [
        [image_update("UPDATED", 1)],
        [image_update("CREATED", 1), image_update("CREATED", 2)],
        [image_update("CREATED", 1), image_update("UPDATED", 1)],
        [image_update("CREATED", 2), image_update("UPDATED", 1)],
        [image_update("CREATED", 1), image_update("UPDATED", 2, None)],
        [
            image_update("CREATED", 1),
            image_update("DELETED", 2, None),
            image_update("UPDATED", 3),
        ],
    ],
)
def test_updates_of_an_image_must_follow_each_other(updates: list[SegmentationUpdate]) -> None:
    model = Images()
    for update in updates[:-1]:
        model.take(update)
    with pytest.raises(Contradiction):
        model.take(updates[-1])


WORKED_ON = [image_update("CREATED", 1), image_update("UPDATED", 2, "PROCESSING")]


def report(**values: Any) -> SegmentationUpdate:
    return replace(WORKED_ON[-1], **{"progress": 0.5, **values})


def test_reports_of_progress_repeat_the_last_revision_and_change_nothing() -> None:
    model = Images()
    for update in WORKED_ON:
        model.take(update)
    known = dict(model.states)
    model.take(report())
    model.take(report(progress=0.75))
    assert model.states == known
    model.take(replace(image_update("CREATED", 3), image_id="img_2"))
    model.take(report(revision=3))
    assert model.states[report().image_id].revision == 2
    model.take(image_update("UPDATED", 4, "SEGMENTED"))


@pytest.mark.parametrize(
    ("before", "untrue"),
    [
        ([], report()),
        (WORKED_ON[:1], report(revision=1)),
        (WORKED_ON, report(revision=1)),
        (WORKED_ON, report(revision=3)),
        (WORKED_ON, report(progress=None)),
        (WORKED_ON, report(operation="SNAPSHOT")),
        (WORKED_ON, report(status="SEGMENTED")),
        (WORKED_ON, report(status=None, image=None)),
        (WORKED_ON, report(image=ImagePart("a.png", 6))),
        (WORKED_ON, report(image=ImagePart("a.png", 5, Found(7, 0.1)))),
        ([*WORKED_ON, image_update("DELETED", 3, None)], report(revision=3)),
        ([*WORKED_ON, image_update("UPDATED", 3, "SEGMENTED")], report(revision=3)),
        (
            [*WORKED_ON, image_update("UPDATED", 3, "SEGMENTED")],
            report(revision=3, status="SEGMENTED"),
        ),
    ],
)
def test_nothing_else_may_pass_for_a_report_of_progress(
    before: list[SegmentationUpdate], untrue: SegmentationUpdate
) -> None:
    model = Images()
    for update in before:
        model.take(update)
    with pytest.raises(Contradiction):
        model.take(untrue)


def test_an_upload_must_not_go_backwards() -> None:
    for before, after in ((progress(5), progress(4)), (progress(5, done=True), progress(5))):
        model = Progress()
        model.take(before)
        with pytest.raises(Contradiction):
            model.take(after)


# What an audit finds


IMAGE = ImageState("img_1", "SEGMENTED", 5, 3, 7)
DASHBOARD = Dashboard(1, 1, 1, 0, 0, 5)
TRUTH = Facts(
    stats=stats(image_count=1, segmented_count=1, storage_bytes=5, revision=3),
    images={IMAGE.id: IMAGE},
    image_total=1,
    dashboard=DASHBOARD,
    queue=Queue(0, 0),
)


def test_what_is_told_right_has_no_difference() -> None:
    assert differences("Ada", replace(TRUTH), TRUTH) == []
    assert contradictions(TRUTH) == []
    assert contradictions(replace(TRUTH, stats=None)) == []


@pytest.mark.parametrize(
    ("told", "difference"),
    [
        (
            replace(
                TRUTH, stats=stats(image_count=2, segmented_count=1, storage_bytes=5, revision=3)
            ),
            "Ada, stats: image_count is 2, and should be 1.",
        ),
        (
            replace(TRUTH, images={"img_1": replace(IMAGE, status="FAILED")}),
            "Ada, image img_1: status is FAILED, and should be SEGMENTED.",
        ),
        (
            replace(TRUTH, images={"img_1": replace(IMAGE, cell_count=8)}),
            "Ada, image img_1: cell_count is 8, and should be 7.",
        ),
        (replace(TRUTH, queue=Queue(2, 0)), "Ada, queue: queued is 2, and should be 0."),
        (replace(TRUTH, images={}), "Ada: the image img_1 is missing."),
        (
            replace(TRUTH, images={"img_1": IMAGE, "img_2": IMAGE}),
            "Ada: the image img_2 is gone.",
        ),
        (replace(TRUTH, image_total=4), "Ada: 4 images, and should be 1."),
        (
            replace(TRUTH, dashboard=replace(DASHBOARD, queued_count=7)),
            "Ada, dashboard: queued_count is 7, and should be 0.",
        ),
    ],
)
def test_each_difference_is_told(told: Facts, difference: str) -> None:
    assert differences("Ada", told, TRUTH) == [difference]


def test_counters_that_differ_from_what_they_count_are_told() -> None:
    wrong = stats(image_count=2, queued_count=2, storage_bytes=6, revision=3)
    assert contradictions(replace(TRUTH, stats=wrong)) == [
        "The project's row says 2 images, its images' rows 1.",
        "The project's row says 6 bytes, its images' rows 5.",
        "The project's row says 2 QUEUED, its images' rows 0.",
        "The project's row says 0 SEGMENTED, its images' rows 1.",
    ]
