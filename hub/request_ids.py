"""Request ids: for the log lines of a request, and for the client that wants to report it."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub import logs
from schema.caller import caller_of

_HEADER = "x-request-id"


class RequestIds:
    """ASGI middleware: gives each request and each socket an id, for its log lines and its answer.

    A sane X-Request-ID is taken over, so that the logs of proxies match.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = caller_of(scope, Headers(scope=scope)).request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault(_HEADER, request_id)
            await send(message)

        others = [pair for pair in scope["headers"] if pair[0] != _HEADER.encode()]
        scope = {**scope, "headers": [*others, (_HEADER.encode(), request_id.encode())]}
        token = logs.request_id.set(request_id)
        try:
            await self._app(scope, receive, send_with_id if scope["type"] == "http" else send)
        finally:
            logs.request_id.reset(token)
