"""Who calls: what an ASGI scope tells of a request, and how the application makes sense of it."""

import re
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import uuid4

from msgspec import Struct
from starlette.datastructures import Headers
from starlette.types import Scope

from realtime.outlet import Outlet
from resolvers.context import Viewer
from schema.results import RequestContext

_SANE_REQUEST_ID = re.compile(r"[\w.~+/=-]{1,128}", re.ASCII)
_SANE_HOST = re.compile(r"[\w.-]+(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?", re.ASCII)
_SECURE_SCHEMES = ("https", "wss")

Authenticate = Callable[[str | None], Awaitable[Viewer | None]]
"""Finds out who sends an Authorization header; None where there is none.

Raises a HubError (Unauthenticated) for credentials that do not hold.
"""


class MakeContext(Protocol):
    """Makes what resolvers get: one for each operation.

    ``last_event_id`` is the revision that a client has, which goes on with a stream of events;
    ``subscriber`` is where the events of a subscription go.
    """

    def __call__(
        self,
        *,
        viewer: Viewer | None,
        request_id: str,
        client_address: str,
        base_url: str,
        last_event_id: int | None = None,
        subscriber: Outlet | None = None,
    ) -> RequestContext:
        """Return a fresh context."""
        ...


class Caller(Struct, frozen=True, kw_only=True):
    """Where a request comes from.

    ``base_url`` is the hub's own address as the client sees it, without a slash at the end.
    """

    request_id: str
    client_address: str
    base_url: str


def caller_of(scope: Scope, headers: Headers) -> Caller:
    """Read the scope. A sane X-Request-ID is taken over, so that logs of proxies match ours."""
    request_id = headers.get("x-request-id", "")
    client = scope.get("client")
    return Caller(
        request_id=request_id if _SANE_REQUEST_ID.fullmatch(request_id) else new_request_id(),
        client_address=client[0] if client else "",
        base_url=_base_url(scope, headers),
    )


def new_request_id() -> str:
    """Return an id that no other request has."""
    return uuid4().hex


def _base_url(scope: Scope, headers: Headers) -> str:
    scheme = "https" if scope.get("scheme") in _SECURE_SCHEMES else "http"
    host = headers.get("host", "")
    if not _SANE_HOST.fullmatch(host):
        name, port = scope.get("server") or ("localhost", None)
        host = f"{name}:{port}" if port else name
    return f"{scheme}://{host}{scope.get('root_path', '')}"
