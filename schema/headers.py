"""The headers of a request: what they say, and what they must."""

import re
from http import HTTPStatus

from starlette.datastructures import Headers

from resolvers.errors import BadUserInput
from schema.refusal import Refusal, bad_request

_PREFLIGHT_HEADERS = ("apollo-require-preflight", "graphql-preflight", "x-requested-with")
_REVISION = re.compile("[0-9]{1,16}")


def content_type(headers: Headers) -> str:
    """Return what the body is, without parameters; nothing where the client does not say."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def require_plain_utf8(headers: Headers) -> None:
    """Refuse a body in another encoding than UTF-8, or a compressed one."""
    charset = headers.get("content-type", "").lower().partition("charset=")[2]
    if charset and charset.partition(";")[0].strip(' "') not in ("utf-8", "utf8"):
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the body as UTF-8.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the body without compression.")


def require_preflight(headers: Headers) -> None:
    """Refuse what a foreign page can make a browser send without asking the hub first.

    Pages can't forge Sec-Fetch-Site, and those of the hub's own origin need not be asked about.
    """
    if headers.get("sec-fetch-site") == "same-origin":
        return
    if not any(headers.get(name) for name in _PREFLIGHT_HEADERS):
        raise Refusal(
            HTTPStatus.BAD_REQUEST,
            "Against cross-site requests, GET and multipart/form-data need a header"
            " 'GraphQL-Preflight: 1' (or Apollo-Require-Preflight, or X-Requested-With).",
        )


def last_event_id(headers: Headers) -> int | None:
    """Return the last revision that a client has which takes up a stream again."""
    text = headers.get("last-event-id")
    if not text:
        return None
    if _REVISION.fullmatch(text):
        return int(text)
    # To begin anew without a word would leave out what happened in between.
    raise bad_request(BadUserInput("Last-Event-ID is not the id of an event of this hub."))
