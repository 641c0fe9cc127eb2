"""Errors as clients see them: a message for people, and ``extensions.code`` for programs.

What a user can cause (a HubError, a document or variables that are wrong) is told as it is.
All else is masked: the client gets a request id, ``on_unexpected`` the exception with that id.
Where the database is to blame, the client is told so, and whether it may simply try again.
"""

from collections.abc import Callable, Iterable
from typing import Any

from graphql import FieldNode, GraphQLError
from msgspec import Struct

from persistence.trouble import DatabaseTrouble, OutcomeUnknown, TooSlow, Unavailable
from realtime.feed import SourceAway
from resolvers.errors import BadUserInput, HubError

BAD_USER_INPUT = BadUserInput.code
PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
INTERNAL = "INTERNAL_SERVER_ERROR"
UNAVAILABLE = "SERVICE_UNAVAILABLE"
_TROUBLES = {Unavailable: UNAVAILABLE, OutcomeUnknown: "OUTCOME_UNKNOWN", TooSlow: "TIMEOUT"}

OnUnexpected = Callable[[BaseException, str], None]
"""Told of every exception that is masked, with the id of its request. Must not raise."""


class Location(Struct, frozen=True):
    """A place in the document, both counted from 1."""

    line: int
    column: int


class WireError(Struct, frozen=True, omit_defaults=True):
    """An entry of a response's ``errors``."""

    message: str
    extensions: dict[str, Any]
    locations: tuple[Location, ...] | None = None
    path: tuple[str | int, ...] | None = None

    @property
    def code(self) -> str:
        """What the error is, for programs."""
        code: str = self.extensions["code"]
        return code


def wire_error(message: str, code: str) -> WireError:
    """Return an error that belongs to no place of the document."""
    return WireError(message, {"code": code})


def document_errors(errors: Iterable[GraphQLError], code: str) -> tuple[WireError, ...]:
    """Return what is wrong with a document or its variables; nothing in it needs masking."""
    return tuple(_located(error, error.message, {"code": code}) for error in errors)


class Masking:
    """Turns the errors of an execution into what clients may see."""

    def __init__(self, on_unexpected: OnUnexpected) -> None:
        self._on_unexpected = on_unexpected

    def execution_error(self, error: GraphQLError, request_id: str) -> WireError:
        """Return an error that a field, or the coercion of its arguments, ended with."""
        cause = _cause(error)
        if isinstance(cause, HubError):
            return _located(error, cause.message, {"code": cause.code})
        if isinstance(cause, GraphQLError) and _blames_arguments(cause):
            return _located(error, cause.message, {"code": BAD_USER_INPUT})
        masked = self.unexpected(cause, request_id)
        return _located(error, masked.message, masked.extensions)

    def stream_error(self, error: Exception, request_id: str) -> WireError:
        """Return what a stream of events ended with."""
        if isinstance(error, HubError):
            return wire_error(error.message, error.code)
        return self.unexpected(error, request_id)

    def unexpected(self, error: BaseException, request_id: str) -> WireError:
        """Report the exception and return what the client is told of it."""
        self._on_unexpected(error, request_id)
        if isinstance(error, SourceAway):
            error = Unavailable()
        if isinstance(error, DatabaseTrouble):
            message, code = error.message, _TROUBLES[type(error)]
        else:
            message, code = "Internal server error", INTERNAL
        return WireError(message, {"code": code, "requestId": request_id})


def _cause(error: GraphQLError) -> Exception:
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _blames_arguments(error: GraphQLError) -> bool:
    # GraphQL itself refuses arguments at their nodes, results at none or at their field's.
    return any(not isinstance(node, FieldNode) for node in error.nodes or ())


def _located(error: GraphQLError, message: str, extensions: dict[str, Any]) -> WireError:
    locations = tuple(Location(place.line, place.column) for place in error.locations or ())
    return WireError(message, extensions, locations or None, tuple(error.path or ()) or None)
