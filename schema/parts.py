"""The parts of a multipart/form-data body (RFC 7578), pulled one after the other."""

from collections.abc import Iterator
from email.message import Message
from http import HTTPStatus
from typing import Any

from msgspec import Struct
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from schema.body import Body
from schema.refusal import Refusal

_LONGEST_BOUNDARY = 70
_LONGEST_HEADER = 4096


class Part(Struct, frozen=True):
    """The head of a part. ``disposition`` is its whole Content-Disposition header."""

    name: str
    filename: str | None
    disposition: str


def boundary_of(content_type: str) -> str:
    """Return what separates the parts, from the value of a Content-Type header."""
    _, options = parse_options_header(content_type)
    boundary: str = options.get("boundary", "")
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
        raise Refusal(HTTPStatus.BAD_REQUEST, "The Content-Type needs a boundary.")
    return boundary


class Parts:
    """The parts of a multipart body, one after the other; pulls the body as it is asked to."""

    def __init__(self, body: Body, boundary: str) -> None:
        self._body = body
        self._parser = PushMultipartParser(boundary, max_header_size=_LONGEST_HEADER)
        self._events: Iterator[Part | bytes | None] = iter(())
        self._inside = False

    async def next(self) -> Part | None:
        """Return the next part, skipping what is left of this one; None after the last.

        Raises Refusal where the body is malformed, and what ``Body.read`` raises.
        """
        while self._inside:
            await self.chunk()
        event = await self._event()
        if not isinstance(event, Part):
            return None
        self._inside = True
        return event

    async def chunk(self) -> bytes:
        """Return the next bytes of the part, none at its end."""
        if self._inside and isinstance(event := await self._event(), bytes):
            return event
        self._inside = False
        return b""

    async def _event(self) -> Part | bytes | None:
        """Return the head of a part, bytes of it, or None for its end and for the body's."""
        try:
            while True:
                for event in self._events:
                    return event
                chunk = await self._body.read()
                self._events = map(_part_or_bytes, self._parser.parse(chunk))
                if not chunk:
                    # At the end the parser has nothing to say but that it came too early.
                    return next(self._events, None)
        except ParserLimitReached as error:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body: {error}.") from None
        except MultipartError as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"The body: {error}.") from None


def file_name(part: Part) -> str:
    """Return what the client calls the file, without directories; raises Refusal if nothing."""
    name = _extended_name(part.disposition) or part.filename or ""
    if any(ord(character) < ord(" ") or character == "\x7f" for character in name):
        raise Refusal(HTTPStatus.BAD_REQUEST, "A file's name contains control characters.")
    # Some browsers send a path, with the slashes of their system. It is not made a PurePath, which
    # interns names: Python 3.12 before 3.12.7 never forgets those.
    names = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    base = names[-1] if names else ".."
    if base == "..":
        raise Refusal(HTTPStatus.BAD_REQUEST, f"The part {part.name[:64]!r} has no file name.")
    return base


def _extended_name(disposition: str) -> str | None:
    """Return a name given as ``filename*`` (RFC 5987, 2231), which the parser does not know."""
    if "filename*" not in disposition.lower():
        return None
    message = Message()
    message["content-disposition"] = disposition
    parameters: list[tuple[str, Any]] = message.get_params([], header="content-disposition")
    names = [value for name, value in parameters if name == "filename"]
    extended = next((value for value in names if isinstance(value, tuple)), None)
    if extended is None:
        return names[-1] if names else None
    charset, _, escaped = extended
    try:
        encoded: bytes = escaped.encode("latin-1")
        return encoded.decode(charset or "ascii")
    except (ValueError, LookupError):
        raise Refusal(
            HTTPStatus.BAD_REQUEST, "A file's name is not in the charset it names."
        ) from None


def _part_or_bytes(event: MultipartSegment | bytes | None) -> Part | bytes | None:
    if event is None or isinstance(event, bytes):
        return event
    return Part(event.name or "", event.filename, event.header("Content-Disposition"))
