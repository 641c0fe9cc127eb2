"""graphql-transport-ws without sockets: frames go in, and what to do about them comes out.

The rules are graphql-ws's PROTOCOL.md. A ``Connection`` knows which operations run; it neither
waits, nor executes, nor sends. Whoever drives it does what it says, in this order, and tells it
what came of it.
"""

from enum import Enum
from typing import Any, TypeAlias

from msgspec import Raw, Struct

from resolvers.errors import BadUserInput, RateLimited
from schema.errors import WireError, wire_error
from schema.messages import Complete, ConnectionInit, Message, Ping, Pong, Subscribe, decode_message
from schema.requests import GraphQLRequest
from schema.results import encode

SUBPROTOCOL = "graphql-transport-ws"
_LONGEST_ID = 256
_LONGEST_REASON = 123


class CloseCode(Enum):
    """Why a socket is closed."""

    GOING_AWAY = 1001
    TOO_LARGE = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    INITIALISATION_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITIALISATIONS = 4429


class SocketOperation(Struct, frozen=True, eq=False):
    """One ``subscribe`` message: an id may be used again, an operation is itself only.

    ``length`` is how many characters the message had.
    """

    id: str
    request: GraphQLRequest
    length: int = 0


class Transmit(Struct, frozen=True):
    """Send this text frame."""

    text: bytes


class Authenticate(Struct, frozen=True):
    """Find out who this is, then say ``acknowledge`` or ``forbid``."""

    authorization: str | None


class Start(Struct, frozen=True):
    """Execute the operation."""

    operation: SocketOperation


class Stop(Struct, frozen=True):
    """Nobody listens to the operation any more."""

    operation: SocketOperation


class Close(Struct, frozen=True):
    """Close the socket. The reason has at most 123 bytes."""

    code: CloseCode
    reason: str


Action: TypeAlias = Transmit | Authenticate | Start | Stop | Close


class ProtocolLimits(Struct, frozen=True, kw_only=True):
    """How much one connection may ask for.

    ``message_length`` bounds each message, in characters, ``first_length`` those of a client that
    nobody knows yet, and ``held_length`` those of all operations that run: variables are kept for
    as long, and take many times as much memory.
    """

    operations: int = 100
    message_length: int = 2**20
    first_length: int = 2**16
    held_length: int = 2**21


class _Phase(Enum):
    OPENED = "opened"
    AUTHENTICATING = "authenticating"
    READY = "ready"
    CLOSED = "closed"


class Connection:
    """One client's connection, from the handshake to its close."""

    def __init__(self, limits: ProtocolLimits) -> None:
        self._limits = limits
        self._phase = _Phase.OPENED
        self._running: dict[str, SocketOperation] = {}

    def receive(self, text: str) -> Action | None:
        """Take in a text frame."""
        if self._phase is _Phase.CLOSED:
            return None
        known = self._phase is _Phase.READY
        if len(text) > (self._limits.message_length if known else self._limits.first_length):
            return self.close(CloseCode.TOO_LARGE, "Message too large")
        try:
            return self._take(decode_message(text), len(text))
        except BadUserInput as error:
            return self.close(CloseCode.BAD_REQUEST, error.message)

    def receive_binary(self) -> Close | None:
        """Take in a binary frame, which the protocol does not know."""
        return self.close(CloseCode.BAD_REQUEST, "Text frames only")

    def acknowledge(self) -> Transmit:
        """Let the client in: operations may come."""
        self._phase = _Phase.READY
        return Transmit(b'{"type":"connection_ack"}')

    def forbid(self) -> Close | None:
        """Show the client out: it is not, or no longer, allowed in."""
        return self.close(CloseCode.FORBIDDEN, "Forbidden")

    def time_out(self) -> Close | None:
        """Close because time is over: to introduce oneself, or for which one was let in."""
        if self._phase is _Phase.READY:
            return self.forbid()
        return self.close(CloseCode.INITIALISATION_TIMEOUT, "Connection initialisation timeout")

    def opening(self, operation: SocketOperation) -> bytes:
        """Return how the operation's results begin, up to the payload; they end with a brace."""
        return b'{"id":%b,"type":"next","payload":' % encode(operation.id)

    def next(self, operation: SocketOperation, payload: bytes) -> Transmit | None:
        """Hand out a result, encoded as JSON; None where nobody listens any more."""
        return self._message(operation, b"next", payload)

    def error(self, operation: SocketOperation, errors: tuple[WireError, ...]) -> Transmit | None:
        """End the operation with errors."""
        transmit = self._message(operation, b"error", encode(errors))
        self._forget(operation)
        return transmit

    def complete(self, operation: SocketOperation) -> Transmit | None:
        """End the operation: all its results were handed out."""
        if not self._forget(operation):
            return None
        return Transmit(b'{"id":%b,"type":"complete"}' % encode(operation.id))

    def close(self, code: CloseCode, reason: str) -> Close | None:
        """End the connection; None where it has ended."""
        if self._phase is _Phase.CLOSED:
            return None
        self._phase = _Phase.CLOSED
        self._running.clear()
        return Close(code, _fitting(reason))

    def _take(self, message: Message, length: int) -> Action | None:
        match message:
            case ConnectionInit(payload):
                return self._initialise(payload or {})
            case Subscribe(operation_id, request):
                return self._subscribe(SocketOperation(operation_id, request, length))
            case Complete(operation_id):
                operation = self._running.pop(operation_id, None)
                return Stop(operation) if operation else None
            case Ping(payload):
                return self._pong(payload)
            case Pong():
                return None

    def _initialise(self, payload: dict[str, Any]) -> Action | None:
        if self._phase is not _Phase.OPENED:
            return self.close(
                CloseCode.TOO_MANY_INITIALISATIONS, "Too many initialisation requests"
            )
        self._phase = _Phase.AUTHENTICATING
        return Authenticate(_authorization(payload))

    def _subscribe(self, operation: SocketOperation) -> Action | None:
        if self._phase is not _Phase.READY:
            return self.close(CloseCode.UNAUTHORIZED, "Unauthorized")
        if not 0 < len(operation.id) <= _LONGEST_ID:
            return self.close(
                CloseCode.BAD_REQUEST, f"An id must have 1 to {_LONGEST_ID} characters"
            )
        if operation.id in self._running:
            reason = f"Subscriber for {_fitting(operation.id, 90)} already exists"
            return self.close(CloseCode.SUBSCRIBER_EXISTS, reason)
        self._running[operation.id] = operation
        if too_much := self._too_much():
            return self.error(operation, (wire_error(too_much, RateLimited.code),))
        return Start(operation)

    def _too_much(self) -> str | None:
        limits = self._limits
        if len(self._running) > limits.operations:
            return f"{limits.operations} operations run already; complete one of them first."
        if sum(operation.length for operation in self._running.values()) > limits.held_length:
            return (
                f"The operations that run have {limits.held_length} characters at most, all"
                " together; complete one of them first."
            )
        return None

    def _pong(self, payload: Raw) -> Action | None:
        encoded = bytes(payload).strip()
        if encoded == b"null":
            return Transmit(b'{"type":"pong"}')
        if not encoded.startswith(b"{"):
            return self.close(CloseCode.BAD_REQUEST, "A ping's payload must be an object")
        return Transmit(b'{"type":"pong","payload":%b}' % encoded)

    def _message(self, operation: SocketOperation, kind: bytes, payload: bytes) -> Transmit | None:
        if self._running.get(operation.id) is not operation:
            return None
        return Transmit(
            b'{"id":%b,"type":"%b","payload":%b}' % (encode(operation.id), kind, payload)
        )

    def _forget(self, operation: SocketOperation) -> bool:
        if self._running.get(operation.id) is not operation:
            return False
        del self._running[operation.id]
        return True


def _authorization(payload: dict[str, Any]) -> str | None:
    for name, value in payload.items():
        if name.lower() == "authorization" and isinstance(value, str):
            return value
    return None


def _fitting(text: str, length: int = _LONGEST_REASON) -> str:
    """Cut the text to what fits into this many bytes of UTF-8."""
    return text.encode()[:length].decode(errors="ignore")
