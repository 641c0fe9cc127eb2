"""GraphQL over HTTP, as https://graphql.github.io/graphql-over-http/draft/ has it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus

from graphql import OperationType
from msgspec import Struct
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from realtime.outlet import Outlet
from resolvers.context import Viewer
from resolvers.errors import BadUserInput, HubError, RateLimited, Unauthenticated
from schema.body import Body, ClientGone
from schema.caller import Authenticate, Caller, MakeContext, caller_of
from schema.connections import Connections
from schema.errors import UNAVAILABLE, Masking, OnUnexpected, WireError, wire_error
from schema.execution import Executor
from schema.headers import content_type, last_event_id, require_plain_utf8, require_preflight
from schema.multipart import MultipartLimits, read_multipart
from schema.negotiation import MediaType, negotiate, status_of
from schema.parts import Parts, boundary_of
from schema.refusal import Refusal, bad_request, refusal_of, unauthenticated
from schema.reply import Reply, send_reply
from schema.requests import GraphQLRequest, decode_query_string, decode_request
from schema.results import RequestContext, Result, encode
from schema.sse import HEADERS, EventStreams, StreamServices, WantedStream, Wire, whole

_RETRY_AFTER_SECONDS = "2"


class HTTPLimits(Struct, frozen=True, kw_only=True):
    """How large a body may be, in bytes, and how long it may stop coming, in seconds.

    ``anonymous_bytes`` is for who has not signed in: what may be asked then is short, while to
    decode a long body takes time and memory. ``keep_alive_seconds`` is how long a stream of events
    is silent at most.
    """

    json_bytes: int = 16 * 2**20
    anonymous_bytes: int = 2**16
    upload_bytes: int = 64 * 2**30
    idle_seconds: float = 60.0
    keep_alive_seconds: float = 12.0
    multipart: MultipartLimits = MultipartLimits()


class _Call(Struct, frozen=True, eq=False):
    """One request, as far as it is known before its body is read."""

    wire: Wire
    headers: Headers
    body: Body
    caller: Caller
    media_type: MediaType | None


class _Credentials(Struct, frozen=True):
    """Who sends a request, as far as that is proven; or why the proof does not hold."""

    viewer: Viewer | None = None
    refusal: Refusal | None = None


class _Answer(Struct, frozen=True):
    status: HTTPStatus
    content: bytes
    headers: Mapping[str, str] = {}


class GraphQLHTTPEndpoint:
    """The ASGI application behind /graphql: all operations by POST, all but mutations by GET.

    Subscriptions come as ``streams`` of events.
    """

    def __init__(
        self,
        executor: Executor,
        *,
        authenticate: Authenticate,
        make_context: MakeContext,
        on_unexpected: OnUnexpected,
        connections: Connections,
        limits: HTTPLimits,
    ) -> None:
        self._executor = executor
        self._authenticate = authenticate
        self._make_context = make_context
        self._masking = Masking(on_unexpected)
        self._connections = connections
        self._limits = limits
        self.streams = EventStreams(
            StreamServices(executor, self._masking, limits.keep_alive_seconds)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        call = self._call(Wire(scope, receive, send))
        try:
            answer = await self._answer(call)
        except Refusal as refusal:
            error = wire_error(refusal.message, refusal.code)
            answer = _Answer(refusal.status, _encode_error(error), refusal.headers)
        except ClientGone:
            return
        except Exception as exception:  # noqa: BLE001 - whatever it is, it is masked and reported
            answer = _failed(self._masking.unexpected(exception, call.caller.request_id))
        if answer is None:
            return
        in_new_type = call.media_type is MediaType.RESPONSE
        media_type = MediaType.RESPONSE if in_new_type else MediaType.JSON
        headers = {
            "content-type": f"{media_type}; charset=utf-8",
            "cache-control": "no-store",
            "x-request-id": call.caller.request_id,
            **answer.headers,
        }
        reply = Reply(answer.status, answer.content, headers)
        await send_reply(send, reply, call.headers, call.body)

    def _call(self, wire: Wire) -> _Call:
        headers = Headers(scope=wire.scope)
        is_upload = content_type(headers) == "multipart/form-data"
        limit = self._limits.upload_bytes if is_upload else self._limits.json_bytes
        body = Body(wire.receive, limit=limit, idle_seconds=self._limits.idle_seconds)
        media_type = negotiate(",".join(headers.getlist("accept")))
        return _Call(wire, headers, body, caller_of(wire.scope, headers), media_type)

    async def _answer(self, call: _Call) -> _Answer | None:
        """Return the answer, or None where it was a stream of events."""
        if call.media_type is None:
            offered = ", ".join(MediaType)
            raise Refusal(HTTPStatus.NOT_ACCEPTABLE, f"Accept one of: {offered}.")
        match call.wire.scope["method"], content_type(call.headers):
            case "GET", _:
                return await self._get(call, call.media_type)
            case "POST", "application/json":
                return await self._post(call, call.media_type)
            case "POST", "multipart/form-data":
                return await self._upload(call, call.media_type)
            case "POST", _:
                raise Refusal(
                    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                    "Send application/json, or multipart/form-data with files.",
                )
        raise Refusal(
            HTTPStatus.METHOD_NOT_ALLOWED, "Use POST or GET.", headers={"allow": "GET, POST"}
        )

    async def _get(self, call: _Call, media_type: MediaType) -> _Answer | None:
        require_preflight(call.headers)
        try:
            request = decode_query_string(call.wire.scope["query_string"])
        except BadUserInput as error:
            raise bad_request(error) from None
        if self._executor.operation_type(request) is OperationType.MUTATION:
            raise Refusal(
                HTTPStatus.METHOD_NOT_ALLOWED, "Use POST for mutations.", headers={"allow": "POST"}
            )
        return await self._execute(call, request, await self._credentials(call), media_type)

    async def _post(self, call: _Call, media_type: MediaType) -> _Answer | None:
        require_plain_utf8(call.headers)
        credentials = await self._credentials(call)
        try:
            request = decode_request(await self._body(call, credentials))
        except BadUserInput as error:
            raise bad_request(error) from None
        return await self._execute(call, request, credentials, media_type)

    async def _body(self, call: _Call, credentials: _Credentials) -> bytes:
        if credentials.viewer is None:
            call.body.restrict(self._limits.anonymous_bytes)
        try:
            return await call.body.read_all()
        except Refusal as error:
            if error.status is not HTTPStatus.REQUEST_ENTITY_TOO_LARGE or not credentials.refusal:
                raise
            # Most clients look for an answer only once they have sent all they have.
            await call.body.discard(self._limits.json_bytes, self._limits.idle_seconds)
            raise credentials.refusal from None

    async def _credentials(self, call: _Call) -> _Credentials:
        """Find out who it is; credentials that do not hold matter once a viewer is needed.

        So an expired token, which clients send along with everything, does not stand in the way of
        signing in or refreshing.
        """
        try:
            return _Credentials(viewer=await self._viewer(call))
        except Refusal as error:
            if error.code != Unauthenticated.code:
                raise
            return _Credentials(refusal=error)

    async def _execute(
        self,
        call: _Call,
        request: GraphQLRequest,
        credentials: _Credentials,
        media_type: MediaType,
    ) -> _Answer | None:
        if (
            media_type is MediaType.EVENT_STREAM
            and self._executor.operation_type(request) is OperationType.SUBSCRIPTION
        ):
            await self._stream(call, request, credentials)
            return None
        result = await self._executor.execute(request, self._context(call, credentials.viewer))
        errors, refusal = result.errors or (), credentials.refusal
        in_vain = not any((result.data or {}).values())
        if refusal and in_vain and any(error.code == refusal.code for error in errors):
            raise refusal
        return _answer(result, media_type)

    async def _stream(
        self, call: _Call, request: GraphQLRequest, credentials: _Credentials
    ) -> None:
        if credentials.refusal:
            raise credentials.refusal
        viewer, last_seen = credentials.viewer, last_event_id(call.headers)
        context = partial(self._context, call, viewer, last_seen)
        wanted = WantedStream(request, context, call.caller.request_id)
        try:
            with self._counted(viewer), self.streams.opened(viewer, call.wire) as stream:
                # Who it is may hold no more since that was found out and the stream is known of.
                await self._viewer(call)
                await stream.run(wanted)
        except RateLimited as error:
            raise refusal_of(error) from None

    @contextmanager
    def _counted(self, viewer: Viewer | None) -> Iterator[None]:
        """Count a stream, of somebody known, as a connection and as its one operation."""
        if viewer is None:
            yield
            return
        user_id = viewer.user_id
        with self._connections.of(user_id), self._connections.operations.of(user_id):
            yield

    async def _upload(self, call: _Call, media_type: MediaType) -> _Answer:
        require_preflight(call.headers)
        require_plain_utf8(call.headers)
        parts = Parts(call.body, boundary_of(call.headers["content-type"]))
        viewer = await self._viewer(call)
        if viewer is None:
            raise unauthenticated("Sign in before sending files.", "Bearer")
        request, uploads = await read_multipart(parts, self._limits.multipart)
        result = await self._executor.execute(request, self._context(call, viewer))
        if uploads.failure is not None and not result.data:
            return _Answer(uploads.failure.status, encode(result))
        return _answer(result, media_type)

    async def _viewer(self, call: _Call) -> Viewer | None:
        try:
            return await self._authenticate(call.headers.get("authorization"))
        except Unauthenticated as error:
            raise unauthenticated(error.message, 'Bearer error="invalid_token"') from None
        except HubError as error:
            raise refusal_of(error) from None

    def _context(
        self,
        call: _Call,
        viewer: Viewer | None,
        last_event_id: int | None = None,
        subscriber: Outlet | None = None,
    ) -> RequestContext:
        return self._make_context(
            viewer=viewer,
            request_id=call.caller.request_id,
            client_address=call.caller.client_address,
            base_url=call.caller.base_url,
            last_event_id=last_event_id,
            subscriber=subscriber,
        )


def _answer(result: Result, media_type: MediaType) -> _Answer:
    if media_type is MediaType.EVENT_STREAM:
        return _Answer(HTTPStatus.OK, whole(result), HEADERS)
    return _Answer(status_of(result, media_type), encode(result))


def _failed(error: WireError) -> _Answer:
    if error.code == UNAVAILABLE:
        headers = {"retry-after": _RETRY_AFTER_SECONDS}
        return _Answer(HTTPStatus.SERVICE_UNAVAILABLE, _encode_error(error), headers)
    return _Answer(HTTPStatus.INTERNAL_SERVER_ERROR, _encode_error(error))


def _encode_error(error: WireError) -> bytes:
    return encode(Result(errors=(error,)))
