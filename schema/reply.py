"""Sending one response, also to a client that has not finished its request."""

from collections.abc import Mapping
from http import HTTPStatus

from msgspec import Struct
from starlette.datastructures import Headers
from starlette.types import Message, Send

from schema.body import Body

_DRAINED_BYTES = 8 * 2**20
_DRAINED_SECONDS = 5.0


class Reply(Struct, frozen=True):
    """A response, ready to be sent."""

    status: HTTPStatus
    content: bytes
    headers: Mapping[str, str]


async def send_reply(send: Send, reply: Reply, request_headers: Headers, body: Body) -> None:
    """Send the reply, and take a bounded part of an unread body off the wire.

    A connection that is closed on a client which still sends is reset, and the client may never
    see the answer. So the rest is drained where it is short, and for a while where it is not,
    before the connection ends.
    """
    rest = _rest(request_headers, body)
    headers = {**reply.headers, "content-length": str(len(reply.content))}
    if rest is None or rest > _DRAINED_BYTES:
        headers["connection"] = "close"
    await send(response_start(reply.status, headers))
    await send({"type": "http.response.body", "body": reply.content, "more_body": rest != 0})
    if rest != 0:
        if not _awaits_permission(request_headers, body):
            await body.discard(_DRAINED_BYTES, _DRAINED_SECONDS)
        await send({"type": "http.response.body", "body": b""})


def _rest(headers: Headers, body: Body) -> int | None:
    """Return how many bytes are still to come; None where nobody knows, or they may never."""
    if body.ended or not ("content-length" in headers or "transfer-encoding" in headers):
        return 0
    if _awaits_permission(headers, body):
        return None
    length = headers.get("content-length", "")
    return max(int(length) - body.received, 0) if length.isdecimal() else None


def _awaits_permission(headers: Headers, body: Body) -> bool:
    return body.received == 0 and headers.get("expect", "").lower() == "100-continue"


def response_start(status: HTTPStatus, headers: Mapping[str, str]) -> Message:
    """Return the message that begins a response."""
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status.value, "headers": raw}
