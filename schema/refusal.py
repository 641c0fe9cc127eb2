"""Requests that are refused before anything is executed."""

from collections.abc import Mapping
from http import HTTPStatus

from resolvers.errors import Forbidden, HubError, RateLimited, Unauthenticated
from schema.errors import BAD_USER_INPUT

_STATUSES = {
    Unauthenticated.code: HTTPStatus.UNAUTHORIZED,
    Forbidden.code: HTTPStatus.FORBIDDEN,
    RateLimited.code: HTTPStatus.TOO_MANY_REQUESTS,
}


class Refusal(Exception):
    """An HTTP status with one error: what the request lacks."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        code: str = BAD_USER_INPUT,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}


def bad_request(error: HubError) -> Refusal:
    """Return the refusal of a request that is malformed."""
    return Refusal(HTTPStatus.BAD_REQUEST, error.message, error.code)


def refusal_of(error: HubError) -> Refusal:
    """Return the refusal of a request that this error stands against, whatever it asks for."""
    status = _STATUSES.get(error.code, HTTPStatus.BAD_REQUEST)
    return Refusal(status, error.message, error.code)


def unauthenticated(message: str, challenge: str) -> Refusal:
    """Return the refusal of who has to sign in; the challenge says with what."""
    headers = {"www-authenticate": challenge}
    return Refusal(HTTPStatus.UNAUTHORIZED, message, Unauthenticated.code, headers)
