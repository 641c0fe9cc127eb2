"""The application: what answers where, over services that live as long as it does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypedDict
from uuid import UUID

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hub import logs, request_ids
from hub.deepzoom import DeepZoomEndpoint
from hub.exports import ExportEndpoint
from hub.failures import FailureLog
from hub.files import FileEndpoint
from hub.health import Readiness, alive
from hub.metrics import Metrics
from hub.services import open_services
from hub.settings import Settings
from hub.upkeep import cut_off_revoked, in_background, take_back_lost_jobs
from hub.web import FOLDER, Explorable, Pages
from realtime.bus import Bus
from realtime.outlet import Outlet
from resolvers.account import REVOKED_CHANNEL
from resolvers.authentication import authenticate
from resolvers.context import Context, Services, Viewer
from schema.caller import caller_of
from schema.connections import Connections
from schema.execution import Executor
from schema.http import GraphQLHTTPEndpoint, HTTPLimits
from schema.limits import DocumentLimits
from schema.multipart import MultipartLimits
from schema.roots import build_schema
from schema.updates import present
from schema.websocket import GraphQLWebSocketEndpoint
from schema.websocket_session import SocketLimits

logger = logging.getLogger(__name__)


class State(TypedDict):
    """What the lifespan hands to each request."""

    http: GraphQLHTTPEndpoint
    sockets: GraphQLWebSocketEndpoint
    files: FileEndpoint
    exports: ExportEndpoint
    deepzoom: DeepZoomEndpoint
    readiness: Readiness
    metrics: Metrics


class _FromState:
    """An ASGI application that the lifespan builds: a route to it can stand before it does."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["state"][self._name](scope, receive, send)


async def _ready(request: Request) -> Response:
    readiness: Readiness = request.state.readiness
    return await readiness.endpoint(request)


async def _metrics(request: Request) -> Response:
    metrics: Metrics = request.state.metrics
    return await metrics.endpoint(request)


class _SocketsFirst:
    """An ASGI application whose WebSockets go straight to their endpoint.

    What Starlette and its middleware would hold for each takes a tenth of a socket's memory, and so
    do its headers.

    The server cancels what it can't wait for any longer when it ends; the connections have ended
    by then. That is no fault, for which it would take it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._endpoint(scope)(scope, receive, send)
        except asyncio.CancelledError:
            if scope["type"] == "lifespan":
                raise
            logger.warning("Given up, since the hub ends and this still runs.")

    def _endpoint(self, scope: Scope) -> ASGIApp:
        if scope["type"] != "websocket" or scope["path"] != f"{scope['root_path']}/graphql":
            return self._app
        request_id = caller_of(scope, Headers(scope=scope)).request_id
        logs.request_id.set(request_id)
        host = [pair for pair in scope["headers"] if pair[0] == b"host"]
        scope["headers"] = [*host, (b"x-request-id", request_id.encode())]
        endpoint: ASGIApp = scope["state"]["sockets"]
        return endpoint


def create_app(
    settings: Settings, *, pages: Path = FOLDER, on_started: Callable[[], None] = lambda: None
) -> ASGIApp:
    """Build the application from settings that leave nothing open (``hub.preparation``).

    ``pages`` is the folder with the built pages; ``on_started`` is called once all is there, before
    the first request.
    """

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        async with open_services(settings) as services:
            endpoints = _endpoints(settings, services)
            sockets, streams = endpoints["sockets"], endpoints["http"].streams

            def cut_off(revoked: str) -> None:
                key = UUID(revoked)
                for open_ones in (sockets, streams):
                    open_ones.forbid(lambda viewer: key in (viewer.session_id, viewer.api_key_id))

            async with (
                services.bus.listen(REVOKED_CHANNEL, cut_off),
                in_background(
                    take_back_lost_jobs(services.database),
                    cut_off_revoked(services, sockets, streams),
                    endpoints["metrics"].keep_fresh(),
                ),
            ):
                on_started()
                yield endpoints
                await sockets.close_all()

    web = Pages(settings, pages)
    app = Starlette(
        routes=[
            Route("/", web.welcome),
            Route("/graphql", Explorable(_FromState("http"), web)),
            Route("/assets/{name}", web.asset),
            Route("/sign-in", web.welcome),
            Route("/projects/{rest:path}", web.welcome),
            Route("/files/{key:path}", _FromState("files")),
            Route("/exports/{what}/{key}", _FromState("exports")),
            Route("/deepzoom/{token}/{what:path}", _FromState("deepzoom")),
            Route("/healthz", alive),
            Route("/readyz", _ready),
            Route("/metrics", _metrics),
            Route("/{unknown:path}", web.welcome),
        ],
        middleware=[
            Middleware(request_ids.RequestIds),
            *([_cors(settings)] if settings.allowed_origins else []),
        ],
        lifespan=lifespan,
    )
    return _SocketsFirst(app)


def _cors(settings: Settings) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origins=list(settings.allowed_origins),
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["X-Request-ID"],
    )


def _endpoints(settings: Settings, services: Services) -> State:
    metrics = Metrics()
    report = FailureLog()
    executor = Executor(build_schema(), DocumentLimits(), report, metrics.operation_ended, present)

    async def viewer_of(authorization: str | None) -> Viewer | None:
        return await authenticate(services, authorization)

    def make_context(
        *,
        viewer: Viewer | None,
        request_id: str,
        client_address: str,
        base_url: str,
        last_event_id: int | None = None,
        subscriber: Outlet | None = None,
    ) -> Context:
        return Context(
            services=services,
            viewer=viewer,
            request_id=request_id,
            client_address=client_address,
            base_url=settings.public_url or base_url,
            last_event_id=last_event_id,
            subscriber=subscriber,
        )

    connections = Connections(
        settings.max_connections_per_user, operations=settings.max_operations_per_user
    )
    sockets = GraphQLWebSocketEndpoint(
        executor,
        authenticate=viewer_of,
        make_context=make_context,
        connections=connections,
        on_unexpected=report,
        limits=SocketLimits(),
    )
    http = GraphQLHTTPEndpoint(
        executor,
        authenticate=viewer_of,
        make_context=make_context,
        connections=connections,
        on_unexpected=report,
        limits=HTTPLimits(
            json_bytes=settings.max_request_bytes,
            multipart=MultipartLimits(files=settings.max_files_per_upload),
        ),
    )
    _follow(metrics, services, sockets, http)
    return State(
        http=http,
        sockets=sockets,
        files=FileEndpoint(services.blobs, services.addresses),
        exports=ExportEndpoint(services),
        deepzoom=DeepZoomEndpoint(services),
        readiness=Readiness(
            {
                "database": services.database.check,
                "bus": partial(_check_bus, services.bus),
                "blobs": services.blobs.check,
            }
        ),
        metrics=metrics,
    )


def _follow(
    metrics: Metrics,
    services: Services,
    sockets: GraphQLWebSocketEndpoint,
    http: GraphQLHTTPEndpoint,
) -> None:
    """Have the metrics show what is kept elsewhere."""
    bus = services.bus
    for name, meaning, read in (
        ("websocket_connections", "WebSockets that are open", lambda: sockets.open_sockets),
        ("event_streams", "Streams of server-sent events that are open", lambda: len(http.streams)),
        ("asyncio_tasks", "Tasks of the event loop", lambda: len(asyncio.all_tasks())),
        ("watched_projects", "Projects watched", lambda: len(services.project_feeds)),
    ):
        metrics.follow(name, meaning, read)
    for name, meaning, read in (
        ("bus_rebuilds", "Times the connection to the broker came about", lambda: bus.rebuilds),
        ("bus_messages_received", "Messages received from the broker", lambda: bus.received),
        ("bus_messages_dropped", "Messages published but never sent", lambda: bus.dropped),
    ):
        metrics.follow_total(name, meaning, read)
    metrics.follow(
        "bus_healthy",
        "1 while the broker is there, for every worker",
        lambda: float(bus.healthy),
        over_workers="livemin",
    )


async def _check_bus(bus: Bus) -> None:
    if not bus.healthy:
        raise ConnectionError("The broker is away; what it would tell is read every second.")
