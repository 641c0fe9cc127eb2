"""Requests that are refused before anything is executed."""

from collections.abc import Mapping
from http import HTTPStatus

from resolvers.errors import HubError
from schema.errors import BAD_USER_INPUT


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
