"""The demo from beginning to end, on a hub that runs."""

from contextlib import suppress
from pathlib import Path

from hub.demo import samples
from hub.demo.audience import Actor, signed_up
from hub.demo.audit import contradictions, differences, known_to, of_fields
from hub.demo.facts import answered, counted
from hub.demo.failure import DemoFailed
from hub.demo.models import Progress
from hub.demo.process import RunningHub
from hub.demo.story import Story
from hub.demo.table import Board

_BENS_FILES = 2


async def perform(hub: RunningHub, folder: Path, board: Board) -> list[str]:
    """Tell the story and add up; return what does not, a line each.

    Raises DemoFailed where somebody is not told in time, and ClientError.
    """
    files = samples.images()
    async with signed_up(hub.url, "Ada", board) as ada, signed_up(hub.url, "Ben", board) as ben:
        story = Story(ada, ben, board)
        await story.share()
        adas = files[:-_BENS_FILES] + samples.broken(folder)
        images = await story.upload(adas, files[-_BENS_FILES:])
        await story.segment(images)
        await story.overstep(images[0])
        findings = await _audit(hub, story, ada, board) + await _audit(hub, story, ben, board)
        await story.delete(images[1], images[2], images[5])
        await story.revoke()
        await story.go_on(images[3])
        findings += await _audit(hub, story, ada, board) + await _audit(hub, story, ben, board)
        streams = [*ada.streams, *ben.streams]
        findings += [problem for stream in streams for problem in stream.problems]
        findings += [
            f"{stream.name} ended too early, with {stream.ended or 'no error'}."
            for stream in streams
            if stream.is_over
            and stream not in (ben.project, ben.images)
            and not isinstance(stream.model, Progress)
        ]
        return findings + story.leaks() + story.findings


async def _audit(hub: RunningHub, story: Story, actor: Actor, board: Board) -> list[str]:
    """Compare what somebody was told, and what is answered now, with the database's rows."""
    board.tell(f"What {actor.name} was told is compared with queries and the database's rows.")
    truth = await counted(hub.data_dir, story.project_id, actor.user_id)
    dashboard = actor.dashboard.model
    # Dashboards have no revision, and come a little later.
    with suppress(DemoFailed):
        await actor.dashboard.until(lambda: dashboard.last == truth.dashboard, "the sums")
    answers = await answered(actor.hub, story.project_id)
    every = actor.everything.model.stats.get(story.project_id)
    return [
        *contradictions(truth),
        *differences(f"{actor.name}'s queries", answers, truth),
        *differences(f"{actor.name}'s events", known_to(actor, story.project_id), truth),
        *of_fields(f"{actor.name}'s events of all projects", every, truth.stats),
    ]
