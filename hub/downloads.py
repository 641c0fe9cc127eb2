"""What all downloads behind signed addresses have in common.

The signature is the only credential, so any page may load them. None of them may do anything: their
types are ours, browsers don't guess others, and no script of theirs runs.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import JSONResponse, Response

ALWAYS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Disposition, Content-Length,"
    " Content-Range, ETag, Retry-After",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
_NOT_PLAIN = re.compile(r'[^\x20-\x7e]|["\\%]')


def disposition(manner: str, filename: str) -> str:
    """Name a file as RFC 6266 has it: in ASCII for the old, in UTF-8 for all others.

    ``manner`` is inline or attachment.
    """
    plain = _NOT_PLAIN.sub("_", filename)
    return f"{manner}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] = {}) -> Response:
    """Return an answer for programs and people that no cache keeps."""
    always = {**ALWAYS, "Cache-Control": "no-store", **headers}
    return JSONResponse({"code": code, "message": message}, status, always)


def only_reading() -> Response:
    """Return the answer to any method but GET and HEAD."""
    return refusal(405, "METHOD_NOT_ALLOWED", "Files can only be read.", {"Allow": "GET, HEAD"})
