"""Authorization while it streams: what must end does, what must not goes on, nothing leaks.

People listen at one hub, over a WebSocket and by event streams; what they may is changed through
another one. Right behind it things are changed through either, and none of that reaches them.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.faults.api import Failed
from tests.faults.conftest import Measured
from tests.faults.listener import (
    COMPLETE,
    Heard,
    Operations,
    over_event_streams,
    over_websocket,
)
from tests.faults.servers import Postgres, Valkey, running
from tests.faults.stage import Cast, Stage, a_stage, begun
from tests.live.pictures import png

Change = Callable[[Stage, Cast], Awaitable[None]]
Interval = Callable[[], AbstractAsyncContextManager[None]]
Listening = Mapping[str, Heard]

CREDENTIALS_GONE = {"websocket": "4403", "streams": "UNAUTHENTICATED"}


def _none() -> AbstractAsyncContextManager[None]:
    return nullcontext()


async def revoke(stage: Stage, cast: Cast) -> None:
    await stage.revoke(cast.project, cast.person)


async def change_role(stage: Stage, cast: Cast) -> None:
    for role in ("EDITOR", "OWNER", "VIEWER"):
        await stage.share(cast.project, cast.person, role)


async def delete(stage: Stage, cast: Cast) -> None:
    owner = stage.api(stage.owner.token)
    await owner.do("deleteProject", "{ projectId }", projectId=cast.project)


async def sign_out(stage: Stage, cast: Cast) -> None:
    assert await stage.api().do("signOut", "", refreshToken=cast.secret) is True


async def withdraw_key(stage: Stage, cast: Cast) -> None:
    person = stage.api(cast.person.token)
    await person.do("revokeApiKey", "{ apiKey { id } }", apiKeyId=cast.secret)


async def expire(stage: Stage, cast: Cast) -> None:
    assert cast.expires_at is not None
    await asyncio.sleep((cast.expires_at - datetime.now(UTC)).total_seconds())


async def reuse_refresh_token(stage: Stage, cast: Cast) -> None:
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        await stage.api().do("refreshSession", "{ expiresAt }", refreshToken=cast.secret)


MEMBERSHIPS: dict[str, tuple[Change, str | None]] = {
    "access revoked": (revoke, "FORBIDDEN"),
    "role changed": (change_role, None),
    "project deleted": (delete, COMPLETE),
}
"""What happens, and how the subscriptions that name the project end."""
CREDENTIALS: dict[str, tuple[str, Change]] = {
    "session signed out": ("session", sign_out),
    "API key withdrawn": ("key", withdraw_key),
    "token expired": ("brief", expire),
    "refresh token used twice": ("rotated", reuse_refresh_token),
}
"""With which credentials people listen, and how these come to hold no more."""


class Play:
    """Somebody listens in all ways, beside the owner and beside themselves with other credentials.

    ``interval`` is entered when all is told that there is, and before anything changes.
    """

    def __init__(self, stage: Stage, cast: Cast, interval: Interval = _none) -> None:
        self._stage = stage
        self._cast = cast
        self._interval = interval
        self._newest = 0
        self._changed_at = 0.0

    async def memberships_change(self, change: Change, end: str | None) -> float:
        """Change what the person may; return how many seconds it took until what must had ended."""
        cast = self._cast
        async with self._listening() as (both, witness, _):
            await self._change(change)
            last = [] if end is COMPLETE else await self._act(witness)
            sibling = await self._act_beside()
            for heard in both.values():
                for name in cast.of_project:
                    if end is None:
                        await self._hears_all(heard, last)
                    else:
                        assert await heard[name].ended() == end, name
                await self._goes_on(heard, sibling)
                if end is not None:
                    self._ended_well(heard, end)
        return self._seconds(both, cast.of_project) if end else 0.0

    async def credentials_end(self, change: Change, *, leaks: bool = False) -> float:
        """Have the credentials hold no more; return how many seconds it took until all had ended.

        With ``leaks`` what happens before that may be told.
        """
        cast = self._cast
        async with self._listening() as (both, witness, others):
            await self._change(change)
            last = await self._act(witness)
            sibling = await self._act_beside()
            for transport, heard in both.items():
                for name, each in heard.items():
                    assert await each.ended() == CREDENTIALS_GONE[transport], name
                if not leaks:
                    assert self._leaked(heard, queued=0) == []
            await self._hears_all(others, last)
            await self._goes_on(others, sibling)
        return self._seconds(both, {**cast.of_project, **cast.of_others})

    @asynccontextmanager
    async def _listening(
        self,
    ) -> AsyncIterator[tuple[Mapping[str, Listening], Listening, Listening]]:
        cast, url = self._cast, self._stage.listening.url
        operations = {**cast.of_project, **cast.of_others}
        seen = {**cast.of_project, "sibling": cast.of_others["sibling"]}
        async with (
            over_websocket(url, cast.token, operations) as socket,
            over_event_streams(url, cast.token, operations) as streams,
            over_websocket(url, cast.other_token, operations) as others,
            over_websocket(url, self._stage.owner.token, seen) as witness,
        ):
            for heard in (socket, streams, others, witness):
                await begun(heard)
            self._newest = witness["numbers"].events[-1]["revision"]
            async with self._interval():
                yield {"websocket": socket, "streams": streams}, witness, others

    async def _change(self, change: Change) -> None:
        await change(self._stage, self._cast)
        self._changed_at = time.monotonic()

    async def _act(self, witness: Listening) -> list[int]:
        """Queue images through either hub, have the guest come; return the images' revisions.

        Returns when the witness knows.
        """
        stage, cast = self._stage, self._cast
        hubs = (stage.listening, stage.other)
        revisions = [
            await stage.queue(image, hub) for image, hub in zip(cast.images, hubs, strict=True)
        ]
        async with stage.coming(cast.project, stage.listening):
            await self._hears_all(witness, revisions)
        return revisions

    async def _act_beside(self) -> int:
        """Change the image of the sibling, and upload to it; return the image's revision."""
        stage, cast = self._stage, self._cast
        revision = await stage.queue(cast.sibling_image, stage.other)
        await stage.api(cast.other_token, at=stage.listening).do(
            "uploadImages",
            "{ images { id } }",
            files=[png()],
            projectId=cast.sibling,
            uploadId=cast.upload,
        )
        return revision

    async def _hears_all(self, heard: Listening, revisions: Sequence[int]) -> None:
        last = revisions[-1]
        await heard["images"].until(lambda events: events[-1]["revision"] >= last)
        await heard["numbers"].until(lambda events: events[-1]["revision"] >= last)
        for name in ("queue", "panel"):
            await heard[name].until(lambda events: events[-1]["queued"] == len(revisions))
        for name in {"presence", "all presence"} & heard.keys():
            await heard[name].until(self._guest_is_in)

    async def _goes_on(self, heard: Listening, revision: int) -> None:
        """Wait until what is not about the project was told of the sibling."""
        sibling = self._cast.sibling
        await heard["sibling"].until(lambda events: events[-1]["revision"] >= revision)
        await heard["all numbers"].until(
            lambda events: any(
                event["projectId"] == sibling and event["revision"] >= revision for event in events
            )
        )
        await heard["dashboard"].until(lambda events: events[-1]["queuedCount"] >= 1)
        assert await heard["upload"].ended() == COMPLETE
        assert heard["upload"].events[-1] == {"done": True, "filesStored": 1}
        for name in ("sibling", "all numbers", "all presence", "dashboard"):
            assert heard[name].end is None, name

    def _ended_well(self, heard: Listening, end: str) -> None:
        operation = "DELETED" if end is COMPLETE else "REVOKED"
        goodbyes = [
            event["operation"]
            for name in ("numbers", "all numbers")
            for event in heard[name].events
            if event["projectId"] == self._cast.project and event["updates"] is None
        ]
        assert goodbyes == [operation] * 2
        assert heard["numbers"].events[-1]["updates"] is None
        assert self._leaked(heard, queued=1) == []

    def _leaked(self, heard: Listening, *, queued: int) -> list[Any]:
        """Return what was told of the time behind the change, apart from that it ended."""
        numbers = [
            event
            for event in heard["numbers"].events + heard["all numbers"].events
            if event["projectId"] == self._cast.project
            and event["updates"]
            and event["revision"] > self._newest
        ]
        images = [event for event in heard["images"].events if event["revision"] > self._newest]
        queue = [
            event for name in ("queue", "panel") for event in heard[name].events if event["queued"]
        ]
        presence = [
            event
            for name in ("presence", "all presence")
            for event in heard[name].events
            if self._guest_is_in([event])
        ]
        dashboard = [event for event in heard["dashboard"].events if event["queuedCount"] > queued]
        return numbers + images + queue + presence + dashboard

    def _guest_is_in(self, events: Sequence[Any]) -> bool:
        return any({"id": self._stage.guest.id} in event["users"] for event in events)

    def _seconds(self, both: Mapping[str, Listening], ended: Operations) -> float:
        latest = max(heard[name].ended_at for heard in both.values() for name in ended)
        return max(0.0, latest - self._changed_at)


class Brokers(NamedTuple):
    folder: Path
    postgres: Postgres
    valkey: Valkey


@pytest.fixture(scope="module")
async def brokers() -> AsyncIterator[Brokers]:
    """Both kinds of brokers, in a folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="cellhub-faults-") as name:
        folder = Path(name)
        postgres, valkey = Postgres(folder), Valkey(folder / "valkey")
        async with running(postgres), running(valkey):
            yield Brokers(folder, postgres, valkey)


@pytest.fixture(scope="module", params=["valkey", "postgres"])
async def stage(request: pytest.FixtureRequest, brokers: Brokers) -> AsyncIterator[Stage]:
    """Two hubs over each broker in turn; where people listen nothing arrives if it is deaf."""
    postgres, valkey = brokers.postgres, brokers.valkey
    url = valkey.url if request.param == "valkey" else postgres.broker_url
    faults = ["--drop-messages"] if request.param == "deaf" else []
    folder = brokers.folder / f"hubs-{request.param}"
    folder.mkdir()
    async with a_stage(folder, postgres.url, url, faults=faults) as made:
        yield made


@pytest.mark.parametrize("change", MEMBERSHIPS)
async def test_what_one_may_changes_exactly_what_one_is_told(change: str, stage: Stage) -> None:
    play = Play(stage, await stage.cast())
    await play.memberships_change(*MEMBERSHIPS[change])


@pytest.mark.parametrize("change", CREDENTIALS)
async def test_credentials_that_hold_no_more_end_what_they_began_and_nothing_else(
    change: str, stage: Stage
) -> None:
    credentials, happens = CREDENTIALS[change]
    play = Play(stage, await stage.cast(credentials))
    await play.credentials_end(happens)


@pytest.mark.parametrize("stage", ["valkey"], indirect=True)
async def test_while_the_broker_hangs_all_ends_in_time_and_nothing_later_is_told(
    stage: Stage, brokers: Brokers, converged: Measured
) -> None:
    try:
        async with everything_changes(stage, converged):
            brokers.valkey.suspend()
    finally:
        brokers.valkey.resume()


@pytest.mark.parametrize("stage", ["deaf"], indirect=True)
async def test_what_no_message_told_of_ends_in_time_and_nothing_later_is_told(
    stage: Stage, converged: Measured
) -> None:
    async with everything_changes(stage, converged):
        pass


@asynccontextmanager
async def everything_changes(stage: Stage, converged: Measured) -> AsyncIterator[None]:
    """Have everything change at once behind the block, which is entered when all listen."""
    credentials = {name: each for name, each in CREDENTIALS.items() if each[1] is not expire}
    barrier = asyncio.Barrier(len(MEMBERSHIPS) + len(credentials) + 1)

    @asynccontextmanager
    async def interval() -> AsyncIterator[None]:
        await barrier.wait()
        await barrier.wait()
        yield

    async def membership(name: str) -> None:
        play = Play(stage, await stage.cast(), interval)
        if seconds := await play.memberships_change(*MEMBERSHIPS[name]):
            converged(name, seconds)

    async def credential(name: str) -> None:
        kind, happens = CREDENTIALS[name]
        play = Play(stage, await stage.cast(kind), interval)
        # No order holds between the end of a session and the changes of projects.
        converged(name, await play.credentials_end(happens, leaks=True))

    async with asyncio.TaskGroup() as group:
        for name in MEMBERSHIPS:
            group.create_task(membership(name))
        for name in credentials:
            group.create_task(credential(name))
        await barrier.wait()
        yield
        await barrier.wait()
