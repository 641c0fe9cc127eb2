"""The demo from beginning to end, on a hub that runs."""

from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from client.connection import HubClient
from client.credentials import ApiKey
from client.images import StoredImage
from hub.demo import samples
from hub.demo.audience import Actor, Stream, signed_up
from hub.demo.audit import contradictions, differences, known_to, of_fields
from hub.demo.changes import api_key
from hub.demo.facts import answered, counted
from hub.demo.failure import DemoFailed
from hub.demo.models import Progress
from hub.demo.outlined import Outlined
from hub.demo.serving import RunningHub
from hub.demo.story import Story
from hub.demo.table import Board
from hub.demo.working import NAME, running_worker
from worker.queue import JobQueue

_BENS_FILES = 2
_LEASE_SECONDS = 60


class Outcome(Struct, frozen=True):
    """What came of the demo: what does not add up, a line each, and the pictures it has drawn."""

    findings: Sequence[str]
    drawn: Sequence[Outlined] = ()


async def perform(hub: RunningHub, folder: Path, board: Board) -> Outcome:
    """Tell the story and add up.

    Raises DemoFailed where somebody is not told in time, and ClientError.
    """
    async with signed_up(hub.url, "Ada", board) as ada, signed_up(hub.url, "Ben", board) as ben:
        story = Story(ada, ben, board)
        await story.share()
        board.tell(f"Ben makes an API key, and starts a worker: cellhub worker --url {hub.url}")
        key = await api_key(ben.hub, "Ben's worker")
        async with (
            running_worker(hub.url, key, folder) as worker,
            HubClient(hub.url, ApiKey(key)) as bens,
        ):
            images = await _upload(story, folder)
            nuclei, tissue = images["nuclei-fluorescence.tif"], images["tissue-he.jpg"]
            # There are no cells in it, however long one looks.
            retina = images.pop("retina.jpg")
            models = await story.segment([*images.values()], worker)
            await story.set_by_hand(retina)
            await story.overstep(nuclei)
            findings = await _audit(hub, story, [ada, ben], board)
            await story.delete(
                images["ihc.png"], images["microaneurysms.png"], images["nuclei-stack.tif"]
            )
            await story.revoke()
            jobs = JobQueue(bens, worker=NAME, models=models, lease_seconds=_LEASE_SECONDS)
            await story.go_on(nuclei, jobs)
            drawn = await story.outline(nuclei, tissue)
            findings += await _audit(hub, story, [ada, ben], board)
        over = (ben.project, ben.images, ben.queue)
        findings += _interruptions([*ada.streams, *ben.streams], over)
        return Outcome(findings + story.leaks() + story.findings, drawn)


async def _upload(story: Story, folder: Path) -> dict[str, StoredImage]:
    files = samples.images()
    adas = files[:-_BENS_FILES] + samples.broken(folder)
    return {image.name: image for image in await story.upload(adas, files[-_BENS_FILES:])}


def _interruptions(streams: Iterable[Stream[Any, Any]], over: Container[object]) -> list[str]:
    """Return what was wrong with single streams, of which some are to be over, a line each."""
    findings = []
    for stream in streams:
        findings += stream.problems
        if stream.is_over and stream not in over and not isinstance(stream.model, Progress):
            findings.append(f"{stream.name} ended too early, with {stream.ended or 'no error'}.")
    return findings


async def _audit(hub: RunningHub, story: Story, actors: Sequence[Actor], board: Board) -> list[str]:
    board.tell("What both were told is compared with queries and the database's rows.")
    return [line for actor in actors for line in await _audit_of(hub, story, actor)]


async def _audit_of(hub: RunningHub, story: Story, actor: Actor) -> list[str]:
    """Compare what somebody was told, and what is answered now, with the database's rows."""
    truth = await counted(hub.data_dir, story.project_id, actor.user_id)
    # Dashboards and queues have no revision, and come a little later.
    with suppress(DemoFailed):
        await actor.dashboard.until(
            lambda: known_to(actor, story.project_id).dashboard == truth.dashboard, "the sums"
        )
        await actor.queue.until(
            lambda: known_to(actor, story.project_id).queue == truth.queue, "what waits"
        )
    answers = await answered(actor.hub, story.project_id)
    every = actor.everything.model.stats.get(story.project_id)
    return [
        *contradictions(truth),
        *differences(f"{actor.name}'s queries", answers, truth),
        *differences(f"{actor.name}'s events", known_to(actor, story.project_id), truth),
        *of_fields(f"{actor.name}'s events of all projects", every, truth.stats),
    ]
