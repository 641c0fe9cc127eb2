"""Who watches: people, their sockets, and what each subscription has told them so far."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Generic, TypeVar

from client.connection import HubClient, LiveConnection
from client.credentials import SIGN_UP, Grant, Person, Session
from client.errors import ClientError, Refused
from hub.demo import documents
from hub.demo.events import (
    Dashboard,
    Event,
    ProjectUpdate,
    QueueStats,
    SegmentationUpdate,
    UploadProgress,
)
from hub.demo.failure import DemoFailed
from hub.demo.models import Contradiction, Images, Latest, Model, Progress, Projects
from hub.demo.table import Board

_SECONDS = 10.0
_WORK_SECONDS = 90.0
_ENDS = ("SEGMENTED", "NO_SEGMENTATION", "FAILED")
_PASSWORD = "the cells divide at dawn"

E = TypeVar("E", bound=Event)
M = TypeVar("M", bound=Model[Any])


class Stream(Generic[E, M]):
    """One subscription of one person, and what it told so far.

    ``ended`` is the code of the error that it ended with; ``problems`` are events that can't be.
    """

    def __init__(
        self, who: str, what: str, source: AsyncGenerator[E, None], model: M, board: Board
    ) -> None:
        self.name = f"{who}'s {what}"
        self.model = model
        self.problems: list[str] = []
        self.ended: str | None = None
        self._who = who
        self._what = what
        self._board = board
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._follow(source))

    @property
    def is_over(self) -> bool:
        """Whether nothing comes any more."""
        return self._task.done()

    async def until(
        self, condition: Callable[[], bool], expected: str, seconds: float = _SECONDS
    ) -> None:
        """Wait until the condition holds; raise DemoFailed where that takes too long."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    if self.is_over:
                        raise DemoFailed(f"{self.name} ended before it told of {expected}.")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            line = f"{self.name} did not tell of {expected} within {seconds:.0f} s."
            raise DemoFailed(line) from None

    async def until_ended(self, code: str) -> None:
        """Wait until the stream has ended with this error."""
        await self.until(lambda: self.ended == code, f"its end, {code}")

    async def stop(self) -> None:
        """Unsubscribe."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self, source: AsyncGenerator[E, None]) -> None:
        try:
            async with aclosing(source):
                async for event in source:
                    self._board.arrived(self._who, self._what, event)
                    self._take(event)
        except ClientError as error:
            self.ended = error.code if isinstance(error, Refused) else str(error)
            self._board.ended(self._who, self._what, self.ended)
        finally:
            self._changed.set()

    def _take(self, event: E) -> None:
        try:
            self.model.take(event)
        except Contradiction as contradiction:
            self.problems.append(f"{self.name}: {contradiction}.")
        self._changed.set()


class Actor:
    """A person who is signed in and watches; what the person watches so far is in ``streams``."""

    def __init__(self, user: Person, hub: HubClient, live: LiveConnection, board: Board) -> None:
        self.name = user.name
        self.email = user.email
        self.user_id = user.id
        self.hub = hub
        self.streams: list[Stream[Any, Any]] = []
        self._live = live
        self._board = board
        self.everything = self._watch(
            "projectUpdated (all)", documents.PROJECT_UPDATED, ProjectUpdate, Projects()
        )
        self.dashboard = self._watch(
            "dashboardUpdated", documents.DASHBOARD_UPDATED, Dashboard, Latest[Dashboard]()
        )

    def watch_project(self, project_id: str) -> None:
        """Subscribe to one project, its images and its queue."""
        variables = {"projectId": project_id}
        self.project = self._watch(
            "projectUpdated", documents.PROJECT_UPDATED, ProjectUpdate, Projects(), variables
        )
        self.images = self._watch(
            "segmentationUpdated",
            documents.SEGMENTATION_UPDATED,
            SegmentationUpdate,
            Images(),
            variables,
        )
        self.queue = self._watch(
            "queueStatsUpdated",
            documents.QUEUE_STATS_UPDATED,
            QueueStats,
            Latest[QueueStats](),
            variables,
        )

    def watch_upload(self, upload_id: str) -> Stream[UploadProgress, Progress]:
        """Subscribe to an upload that is to come."""
        return self._watch(
            "uploadProgressed",
            documents.UPLOAD_PROGRESSED,
            UploadProgress,
            Progress(),
            {"uploadId": upload_id},
        )

    async def told_dashboard(self) -> None:
        """Wait until the dashboard was told for the first time."""
        model = self.dashboard.model
        await self.dashboard.until(lambda: model.last is not None, "any numbers")

    async def told_of(self, project_id: str, revision: int) -> None:
        """Wait until the stream of all projects has come to this revision of the project."""
        revisions = self.everything.model.revisions
        await self.everything.until(
            lambda: revisions.get(project_id, 0) >= revision, f"revision {revision}"
        )

    async def told_in_project(self, revision: int, *, images: bool) -> None:
        """Wait until the streams of the one project have come to this revision."""
        revisions = self.project.model.revisions
        await self.project.until(
            lambda: max(revisions.values(), default=0) >= revision, f"revision {revision}"
        )
        if images:
            await self.images.until(
                lambda: self.images.model.revision >= revision, f"revision {revision}"
            )

    async def told_of_ends(self, image_ids: Sequence[str]) -> None:
        """Wait until the segmentation of these images has come to an end, whatever that is."""
        states = self.images.model.states
        await self.images.until(
            lambda: all(states[image_id].status in _ENDS for image_id in image_ids),
            "the end of all jobs",
            _WORK_SECONDS,
        )

    def _watch(
        self,
        what: str,
        document: str,
        kind: type[E],
        model: M,
        variables: Mapping[str, str] | None = None,
    ) -> Stream[E, M]:
        source = self._live.subscribe(document, kind, variables or {})
        stream = Stream(self.name, what, source, model, self._board)
        self.streams.append(stream)
        return stream


@asynccontextmanager
async def signed_up(url: str, name: str, board: Board) -> AsyncIterator[Actor]:
    """Sign somebody up who watches all projects and the dashboard, until the end."""
    email = f"{name.lower()}@example.org"
    async with HubClient(url, seconds=30.0) as hub:
        values = {"email": email, "password": _PASSWORD, "name": name}
        grant = await hub.call(SIGN_UP, Grant, {"input": values})
        hub.credentials = Session(email, _PASSWORD, grant=grant)
        async with hub.live() as live:
            actor = Actor(grant.user, hub, live, board)
            try:
                yield actor
            finally:
                for stream in actor.streams:
                    await stream.stop()
