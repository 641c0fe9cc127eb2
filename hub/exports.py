"""Exports, made and served to whoever holds a signed address.

A file of one run is made whole before its answer begins. The archive of a project is sent while it
is made: what breaks it off then can only break off the answer, too.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from obstore.exceptions import BaseError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.conditional import is_unchanged
from hub.downloads import ALWAYS, disposition, only_reading, refusal
from hub.failures import FailureLog
from hub.leaving import while_there
from persistence.trouble import DatabaseTrouble
from resolvers import export
from resolvers.addresses import ExpiredAddress, InvalidAddress
from resolvers.context import Services
from resolvers.errors import HubError, NotFound, RateLimited
from resolvers.exports.addresses import SignedProject, SignedRun
from resolvers.exports.exporter import ExportFailed
from resolvers.exports.formats import ARCHIVE

logger = logging.getLogger(__name__)

MAX_ARCHIVES = 8
MAX_ARCHIVES_OF_ONE = 2
MAX_FILES = 64
_BUSY_SECONDS = "10"
_AWAY_SECONDS = "5"
_STATUS: dict[type[HubError], int] = {
    InvalidAddress: 403,
    ExpiredAddress: 403,
    NotFound: 404,
    ExportFailed: 422,
    RateLimited: 429,
}


class _Slots:
    """How many may be at it: all together, and of one kind."""

    def __init__(self, total: int, each: int) -> None:
        self._total = total
        self._each = each
        self._taken: Counter[Hashable] = Counter()

    @asynccontextmanager
    async def one(self, whose: Hashable) -> AsyncIterator[None]:
        """Take a slot; raises RateLimited where there is none."""
        if self._taken[whose] >= self._each or self._taken.total() >= self._total:
            raise RateLimited("Too many exports run at this moment: try again when one has ended.")
        self._taken[whose] += 1
        try:
            yield
        finally:
            self._taken[whose] -= 1
            self._taken += Counter()  # forgets those that have none


class ExportEndpoint:
    """The ASGI application behind addresses of exports; its route has ``what`` and ``key``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._report = FailureLog()
        self._archives = _Slots(MAX_ARCHIVES, MAX_ARCHIVES_OF_ONE)
        self._files = _Slots(MAX_FILES, MAX_FILES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, for as long as the client is there."""
        await while_there(receive, self._answer(Request(scope), send))

    async def _answer(self, request: Request, send: Send) -> None:
        answer = _Answer(send)
        try:
            if request.method not in {"GET", "HEAD"}:
                await answer.whole(request, only_reading())
                return
            signed = self._services.export_addresses.verify(
                request.path_params["what"], request.path_params["key"], request.query_params
            )
            if isinstance(signed, SignedProject):
                await self._send_project(request, signed, answer)
            else:
                await self._send_run(request, signed, answer)
        except (HubError, DatabaseTrouble, BaseError, OSError) as error:
            if answer.begun:
                # All that is left to tell the client so is to close the connection.
                logger.warning("An export broke off: %s", error)
            else:
                await answer.whole(request, self._refusal(error, request))

    def _refusal(self, error: Exception, request: Request) -> Response:
        if isinstance(error, HubError):
            later = {"Retry-After": _BUSY_SECONDS} if isinstance(error, RateLimited) else {}
            return refusal(_STATUS[type(error)], error.code, error.message, later)
        self._report(error, request.headers.get("x-request-id", ""))
        message = "The hub can't get at what is exported: try again in a few seconds."
        return refusal(503, "SERVICE_UNAVAILABLE", message, {"Retry-After": _AWAY_SECONDS})

    async def _send_run(self, request: Request, signed: SignedRun, answer: "_Answer") -> None:
        found = await export.find_run(self._services, signed)
        etag = f'"{found.run.id.hex}-{found.format.lower()}"'
        headers = {
            **ALWAYS,
            "Cache-Control": f"private, immutable, max-age={signed.seconds_left}",
            "ETag": etag,
        }
        if is_unchanged(request.headers, etag, found.run.created_at):
            await answer.whole(request, Response(status_code=304, headers=headers))
            return
        headers |= _named(found.media_type, found.filename)
        if request.method == "HEAD":
            await answer.begin(headers)
            await answer.end()
            return
        async with (
            self._files.one("anybody"),
            export.run_file(self._services, found) as file,
        ):
            await answer.begin({**headers, "Content-Length": str(file.size)})
            await file.send_to(answer.send)
            await answer.end()

    async def _send_project(
        self, request: Request, signed: SignedProject, answer: "_Answer"
    ) -> None:
        found = await export.find_project(self._services, signed)
        headers = {
            **ALWAYS,
            "Cache-Control": "private, no-store",
            **_named(ARCHIVE.media_type, found.filename),
        }
        if request.method == "HEAD":
            await answer.begin(headers)
            await answer.end()
            return
        async with self._archives.one(signed.viewer_id):
            await answer.begin(headers)
            await export.send_project(self._services, found, answer.send)
            await answer.end()


class _Answer:
    """One answer on its way. Sending waits while the client has not read what was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def whole(self, request: Request, response: Response) -> None:
        """Send an answer that is ready."""
        self.begun = True
        await response(request.scope, request.receive, self._send)

    async def begin(self, headers: dict[str, str]) -> None:
        """Send the head of an answer that works out."""
        self.begun = True
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": raw})

    async def send(self, piece: bytes) -> None:
        """Send a part of the content."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """Send the end, without which a client knows that something is missing."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _named(media_type: str, filename: str) -> dict[str, str]:
    return {
        "Content-Type": media_type,
        "Content-Disposition": disposition("attachment", filename),
        "Accept-Ranges": "none",
    }
