"""Which media type answers, and with which status, by the GraphQL over HTTP specification."""

from enum import StrEnum
from http import HTTPStatus

from schema.results import Result


class MediaType(StrEnum):
    """What responses come as, the preferred one first."""

    RESPONSE = "application/graphql-response+json"
    JSON = "application/json"
    EVENT_STREAM = "text/event-stream"


_RANGES = {
    "*/*": MediaType.RESPONSE,
    "application/*": MediaType.RESPONSE,
    "text/*": MediaType.EVENT_STREAM,
}


def negotiate(accept: str) -> MediaType | None:
    """Return what the client likes best of what there is; None where it takes nothing of it.

    A client that does not say gets the preferred one.
    """
    if not accept.strip():
        return MediaType.RESPONSE
    liked: dict[MediaType, float] = {}
    for entry in accept.split(","):
        name, _, parameters = entry.partition(";")
        if media_type := _known(name.strip().lower()):
            liked[media_type] = max(_quality(parameters), liked.get(media_type, 0.0))
    best = max(liked, key=liked.__getitem__, default=None)
    return best if best is not None and liked[best] > 0 else None


def status_of(result: Result, media_type: MediaType) -> HTTPStatus:
    """Return the status of a result.

    In application/json only 200 is trusted to be GraphQL's, and clients of event streams read
    nothing of another response.
    """
    if result.executed or media_type is not MediaType.RESPONSE:
        return HTTPStatus.OK
    return HTTPStatus.BAD_REQUEST


def _known(name: str) -> MediaType | None:
    ranged = _RANGES.get(name)
    return ranged or next((media_type for media_type in MediaType if media_type == name), None)


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
