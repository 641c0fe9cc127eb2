"""Clients that follow a hub, whatever happens to it, and believe nothing that breaks a rule."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import cycle

import msgspec
import websockets
from msgspec import Raw, Struct
from websockets.asyncio.client import ClientConnection

from tests.faults.model import (
    PROJECT_UPDATED,
    SEGMENTATION_UPDATED,
    Chronicle,
    Images,
    Numbers,
    Violation,
    differing,
)
from tests.faults.truth import Truth

RETRIED_CLOSES = {1001, 1006, 1011, 1012, 1013, 4408}
PASSING_ERRORS = {"SERVICE_UNAVAILABLE"}
"""Errors of an operation that say nothing about it: the client starts it again."""
SHUT_OUT = {"FORBIDDEN", "NOT_FOUND"}
GIVEN_UP_SECONDS = 20.0

_SUBPROTOCOL = websockets.Subprotocol("graphql-transport-ws")
_NUMBERS, _IMAGES = "numbers", "images"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class _Message(Struct):
    type: str
    id: str = ""
    payload: Raw = Raw(b"null")


class _Error(Struct):
    message: str
    extensions: dict[str, object]


class _Interrupted(Exception):
    """An operation ended with an error that will pass."""


_messages = msgspec.json.Decoder(_Message)
_errors = msgspec.json.Decoder(list[_Error])


class Client:
    """One socket: the numbers of a project or of all, and the images of a project if so wanted.

    It goes from one of the addresses to the next when its socket closes with a code on which
    clients reconnect, or can't be opened. ``guest``: may be shut out of the project and let in
    again; its images are followed while the project is in sight. ``interruptions`` counts what
    ended sockets and operations.
    """

    def __init__(
        self,
        urls: Sequence[str],
        token: str,
        chronicle: Chronicle,
        *,
        project: str | None = None,
        images_of: str | None = None,
        user: str = "",
        guest: bool = False,
    ) -> None:
        self.user = user
        self.numbers = Numbers(chronicle, project)
        self.images = Images(chronicle, images_of) if images_of else None
        self.interruptions: Counter[str] = Counter()
        self._urls = cycle([f"ws{url.removeprefix('http')}/graphql" for url in urls])
        self._hello = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
        self._guest = guest
        self._news = asyncio.Event()
        self._failures = 0
        self._follows_images = False
        self._retry_at: float | None = None

    async def run(self) -> None:
        """Follow the hub until cancelled. Raises Violation."""
        while True:
            try:
                await self._live(next(self._urls))
            except websockets.ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                if code not in RETRIED_CLOSES:
                    raise Violation(f"the socket was closed with {code}") from closed
                self.interruptions[str(code)] += 1
            except (OSError, TimeoutError, EOFError, websockets.InvalidHandshake) as error:
                self.interruptions[type(error).__name__] += 1
            except _Interrupted as error:
                self.interruptions[str(error)] += 1
            # What was in sight is out of sight, true as it may still be.
            self.numbers.lose_sight()
            self._failures += 1
            await asyncio.sleep(self._pause())

    async def until_it_knows(self, truth: Truth) -> float:
        """Wait until what was told is the truth; return when that was, by ``time.monotonic``."""
        try:
            async with asyncio.timeout(GIVEN_UP_SECONDS):
                while not self.knows(truth):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"never told the truth: {self.ignorance(truth)}") from None
        return time.monotonic()

    def knows(self, truth: Truth) -> bool:
        """Tell whether what was told is the truth."""
        return self.numbers.stats == self._visible(truth) and (
            self.images is None
            or self.images.project not in self.numbers.stats
            or self.images.images == truth.images[self.images.project]
        )

    def ignorance(self, truth: Truth) -> list[str]:
        """Return in what the told differs from the truth, and what happened to the client."""
        differences = differing(self.numbers.stats, self._visible(truth))
        if self.images is not None:
            differences += differing(self.images.images, truth.images[self.images.project])[:10]
        return [*differences, f"interruptions: {dict(self.interruptions)}"]

    def _visible(self, truth: Truth) -> Mapping[str, object]:
        if self.numbers.project:
            return {self.numbers.project: truth.stats[self.numbers.project]}
        return {project: truth.stats[project] for project in truth.visible.get(self.user, ())}

    async def _live(self, url: str) -> None:
        async with websockets.connect(
            url,
            subprotocols=[_SUBPROTOCOL],
            compression=None,
            proxy=None,
            open_timeout=10,
            close_timeout=1,
            ping_interval=None,
        ) as socket:
            await _say(socket, self._hello)
            while True:
                try:
                    async with asyncio.timeout_at(self._retry_at):
                        frame = await socket.recv()
                except TimeoutError:
                    await self._follow_images(socket)
                    continue
                await self._take(socket, _messages.decode(frame))

    async def _take(self, socket: ClientConnection, message: _Message) -> None:
        match message.type:
            case "next":
                await self._told(socket, message)
            case "connection_ack":
                await self._begin(socket)
            case "ping":
                await _say(socket, {"type": "pong"})
            case "error":
                self._refused(message)
            case _:
                raise Violation(f"{message.type} of {message.id}")

    async def _begin(self, socket: ClientConnection) -> None:
        self._failures = 0
        self._follows_images = False
        await _subscribe(socket, _NUMBERS, PROJECT_UPDATED, projectId=self.numbers.project)
        if self.numbers.project:
            await self._follow_images(socket)

    async def _told(self, socket: ClientConnection, message: _Message) -> None:
        if message.id == _NUMBERS:
            self.numbers.take(message.payload)
            await self._follow_images(socket)
        elif self.images is not None:
            self.images.take(message.payload)
        self._news.set()

    async def _follow_images(self, socket: ClientConnection) -> None:
        """Subscribe to the images if they are wanted, to be had, and not followed yet."""
        self._retry_at = None
        if self.images is None or self._follows_images:
            return
        if self.numbers.project or self.images.project in self.numbers.stats:
            self._follows_images = True
            images = self.images
            await _subscribe(
                socket, _IMAGES, SEGMENTATION_UPDATED, projectId=images.project, after=images.cursor
            )

    def _refused(self, message: _Message) -> None:
        [error] = _errors.decode(message.payload)
        code = str(error.extensions["code"])
        if code in PASSING_ERRORS:
            raise _Interrupted(code)
        if not (self._guest and code in SHUT_OUT and message.id == _IMAGES):
            raise Violation(f"{message.id}: {code}: {error.message}")
        self._follows_images = False
        self._retry_at = asyncio.get_running_loop().time() + self._pause()

    def _pause(self) -> float:
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**self._failures)
        return random.uniform(0.5, 1.0) * longest


async def seconds_until_all_know(clients: Sequence[Client], truth: Truth, since: float) -> float:
    """Wait until all clients know the truth; return how long after ``since`` the last one did."""
    times = await asyncio.gather(*(client.until_it_knows(truth) for client in clients))
    return max(0.0, max(times) - since)


async def _subscribe(socket: ClientConnection, key: str, query: str, **variables: object) -> None:
    payload = {"query": query, "variables": variables}
    await _say(socket, {"type": "subscribe", "id": key, "payload": payload})


async def _say(socket: ClientConnection, message: Mapping[str, object]) -> None:
    await socket.send(msgspec.json.encode(message).decode())
