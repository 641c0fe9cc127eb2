"""What can go wrong between a client and a hub.

ClientError
 ├─ HubUnreachable   no answer, or one of a proxy that could not reach the hub
 ├─ NotAHub          an answer that no hub gives: the address is wrong
 └─ Refused          the hub's own answer is an error, which has a code
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httpx
from gql.transport.exceptions import (
    TransportConnectionFailed,
    TransportError,
    TransportQueryError,
    TransportServerError,
)
from websockets.exceptions import ConnectionClosed

UNAUTHENTICATED = "UNAUTHENTICATED"
BAD_USER_INPUT = "BAD_USER_INPUT"
CONFLICT = "CONFLICT"
FORBIDDEN = "FORBIDDEN"
NOT_FOUND = "NOT_FOUND"
# What may have happened already is asked for by an id of its own: it does not happen twice.
_PASSING_CODES = (
    "RATE_LIMITED",
    "SERVICE_UNAVAILABLE",
    "OUTCOME_UNKNOWN",
    "TIMEOUT",
    "INTERNAL_SERVER_ERROR",
)
_PASSING_STATUSES = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_SOCKET_FORBIDDEN = 4403


class ClientError(Exception):
    """A call that did not succeed; the message says why, in one line."""

    passes = False
    """Whether the same call may succeed later."""


class HubUnreachable(ClientError):
    """The hub does not answer; what was asked may have been done all the same."""

    passes = True


class NotAHub(ClientError):
    """Something answered, but not as a hub does."""


class Refused(ClientError):
    """The hub answered with an error; ``code`` is its ``extensions.code``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.passes = code in _PASSING_CODES


def understood(error: Exception, url: str) -> ClientError:
    """Return what an error of the transport means, for a hub at this address."""
    match error:
        case TransportQueryError():
            return _refusal(error.errors or (), url)
        case TransportServerError():
            return _status_of(error, url)
        case TransportConnectionFailed() | TimeoutError():
            return _lost(error.__cause__ or error, url)
        case TransportError():
            return NotAHub(f"What answers at {url} is no hub.")
    raise error


def _refusal(errors: Sequence[Mapping[str, Any]], url: str) -> ClientError:
    match errors:
        case [{"message": str(message), "extensions": {"code": str(code)}}, *_]:
            return Refused(code, message)
    return NotAHub(f"What answers at {url} is no hub: its errors have no code.")


def _status_of(error: TransportServerError, url: str) -> ClientError:
    status = error.code or 0
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING_STATUSES:
        return HubUnreachable(f"{url} answers with status {status}.")
    return NotAHub(f"What answers at {url} is no hub: it answers with status {status}.")


def _lost(cause: BaseException, url: str) -> ClientError:
    match cause:
        case httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return NotAHub(f"{url} is no address of a hub.")
        case ConnectionClosed(rcvd=frame) if frame is not None and frame.code == _SOCKET_FORBIDDEN:
            return Refused(UNAUTHENTICATED, "The credentials are not, or no longer, good.")
        case httpx.TimeoutException() | TimeoutError():
            return HubUnreachable(f"{url} gave no answer in time.")
    reason = str(cause).rstrip(".") or type(cause).__name__
    return HubUnreachable(f"{url} can't be reached: {reason}.")
