"""Results as server-sent events: graphql-sse's protocol, in its "distinct connections mode".

One response carries one operation: a ``next`` event for each result, ``complete`` at its end. See
https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

from msgspec import Struct
from starlette.types import Receive, Scope, Send

from realtime.outlet import Outlet
from resolvers.context import Viewer
from resolvers.errors import Unauthenticated
from schema.errors import Masking, WireError, wire_error
from schema.execution import Executor
from schema.reply import response_start
from schema.requests import GraphQLRequest
from schema.results import RequestContext, Result, encode
from schema.shutdown import EXTENSION, Shutdown
from schema.stream_outlet import StreamOutlet

HEADERS: Mapping[str, str] = {
    "content-type": "text/event-stream",
    # Proxies that compress or buffer hold events back.
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
}
COMMENT = b":\n\n"
# Browsers do not tell their listeners of an event without data.
COMPLETE = b"event: complete\ndata:\n\n"


def next_event(payload: bytes, revision: int | None = None) -> bytes:
    """Return a result, encoded as one line of JSON, as an event.

    ``revision`` is what a client that reconnects sends as Last-Event-ID, to go on behind it.
    """
    number = b"" if revision is None else b"id: %d\n" % revision
    return b"event: next\n%bdata: %b\n\n" % (number, payload)


def whole(result: Result) -> bytes:
    """Return all events of an operation that has one result."""
    return next_event(encode(result)) + COMPLETE


def _failure(error: WireError) -> bytes:
    return whole(Result(errors=(error,)))


_EXPIRED = _failure(
    wire_error(
        "The access token has expired: refresh it, and subscribe again.", Unauthenticated.code
    )
)
_WITHDRAWN = _failure(
    wire_error("These credentials hold no more: sign in again.", Unauthenticated.code)
)
# A stream without COMPLETE is one that was interrupted: clients connect again, and resume.
_UNFINISHED = b""


class WantedStream(Struct, frozen=True):
    """A subscription that is asked for, and how its contexts are made."""

    request: GraphQLRequest
    make_context: Callable[[Outlet], RequestContext]
    request_id: str


class Wire(Struct, frozen=True, eq=False):
    """The request and the response, as the server gives them."""

    scope: Scope
    receive: Receive
    send: Send


class StreamServices(Struct, frozen=True):
    """What all streams share.

    One that has nothing to tell says so after ``keep_alive_seconds``, so that proxies do not take
    it for dead.
    """

    executor: Executor
    masking: Masking
    keep_alive_seconds: float


class EventStream:
    """One response, which lasts as long as its operation.

    The next result is asked for when the client has taken the last one. The operation is
    interrupted by a deadline: that of the viewer's credentials, and at once when the client is
    gone, the server shuts down, or the stream is told to end.
    """

    def __init__(self, services: StreamServices, viewer: Viewer | None, wire: Wire) -> None:
        self.viewer = viewer
        self._services = services
        self._wire = wire
        self._deadline = asyncio.timeout_at(_expiry(viewer))
        self._operating = False
        self._last: bytes | None = None

    def end(self, last: bytes) -> None:
        """End the stream with these bytes, unless it ends already: no result is sent any more."""
        if self._last is None:
            self._last = last
            if self._operating and not self._deadline.expired():
                self._deadline.reschedule(0)

    async def run(self, wanted: WantedStream) -> None:
        """Send the head, the results, and how it ended."""
        headers = {**HEADERS, "x-request-id": wanted.request_id}
        await self._wire.send(response_start(HTTPStatus.OK, headers))
        # Some browsers take a stream for open only once something has come.
        await self._write(COMMENT)
        attendance = asyncio.create_task(self._attend())
        shutdown: Shutdown | None = self._wire.scope.get("extensions", {}).get(EXTENSION)
        if shutdown is not None:
            shutdown.on_shutdown = partial(self.end, _UNFINISHED)
        try:
            if self._last is None:
                self.end(await self._operate(wanted))
        finally:
            attendance.cancel()
            await asyncio.wait({attendance})
        await self._write(self._last or _UNFINISHED, more=False)

    async def _operate(self, wanted: WantedStream) -> bytes:
        try:
            async with self._deadline, aclosing(self._events(wanted)) as events:
                self._operating = True
                async for event in events:
                    # Whoever ended the stream may have been quicker than the deadline is.
                    if self._last is not None:
                        break
                    await self._write(event)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is masked and reported
            if isinstance(error, TimeoutError) and self._deadline.expired():
                return _EXPIRED
            masking = self._services.masking
            return _failure(masking.unexpected(error, wanted.request_id))
        finally:
            self._operating = False
        return COMPLETE

    async def _events(self, wanted: WantedStream) -> AsyncGenerator[bytes, None]:
        outlet = StreamOutlet()
        context = wanted.make_context(outlet)
        subscription = await self._services.executor.subscribe(wanted.request, context)
        if isinstance(subscription, Result):
            yield next_event(encode(subscription))
            return
        async with aclosing(outlet.read(subscription)) as results:
            async for result, revision in results:
                payload = encode(result) if isinstance(result, Result) else result
                yield next_event(payload, revision)

    async def _attend(self) -> None:
        """Keep the connection alive, and notice when the client is gone."""
        while True:
            try:
                async with asyncio.timeout(self._services.keep_alive_seconds):
                    message = await self._wire.receive()
            except TimeoutError:
                await self._write(COMMENT)
            else:
                if message["type"] == "http.disconnect":
                    self.end(_UNFINISHED)
                    return

    async def _write(self, data: bytes, *, more: bool = True) -> None:
        await self._wire.send({"type": "http.response.body", "body": data, "more_body": more})


class EventStreams:
    """The event streams that are open."""

    def __init__(self, services: StreamServices) -> None:
        self._services = services
        self._streams: set[EventStream] = set()

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def viewers(self) -> Collection[Viewer]:
        """Who is behind the streams, as far as that is proven."""
        return [stream.viewer for stream in self._streams if stream.viewer is not None]

    def forbid(self, concerned: Callable[[Viewer], bool]) -> None:
        """End the streams of these viewers with UNAUTHENTICATED: what let them in holds no more."""
        for stream in self._streams:
            if stream.viewer is not None and concerned(stream.viewer):
                stream.end(_WITHDRAWN)

    @contextmanager
    def opened(self, viewer: Viewer | None, wire: Wire) -> Iterator[EventStream]:
        """Know of a stream within the block, so that it is ended when it must."""
        stream = EventStream(self._services, viewer, wire)
        self._streams.add(stream)
        try:
            yield stream
        finally:
            self._streams.discard(stream)


def _expiry(viewer: Viewer | None) -> float | None:
    """Return the event loop's time at which the viewer's credentials expire."""
    if viewer is None or viewer.expires_at is None:
        return None
    seconds = (viewer.expires_at - datetime.now(UTC)).total_seconds()
    return asyncio.get_running_loop().time() + seconds
