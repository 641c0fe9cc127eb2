"""Conditional and partial requests for something that has an etag and an instant of change.

RFC 9110, sections 13 (conditions) and 14 (ranges). Headers that make no sense are taken as absent.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)
_ETAG = re.compile(r'(?:W/)?("[^"]*")')


class RangeNotSatisfiable(Exception):
    """The range begins behind the end."""


def http_date(instant: datetime) -> str:
    """Write an instant, in UTC, as headers have it: to the second."""
    return format_datetime(instant, usegmt=True)


def is_unchanged(headers: Mapping[str, str], etag: str, modified: datetime) -> bool:
    """Tell whether the client's copy is still good, so that a 304 is the answer."""
    known = headers.get("if-none-match")
    if known is not None:
        return known.strip() == "*" or etag in _ETAG.findall(known)
    since = _parse_date(headers.get("if-modified-since", ""))
    return since is not None and modified.replace(microsecond=0) <= since


def wanted_range(
    headers: Mapping[str, str], etag: str, modified: datetime, size: int
) -> tuple[int, int] | None:
    """Return start and end (exclusive) of the bytes asked for; None where it is all of them.

    Several ranges at once are answered with everything, as the RFC allows. Raise
    RangeNotSatisfiable.
    """
    match = _RANGE.fullmatch(headers.get("range", ""))
    condition = headers.get("if-range")
    if match is None or (condition is not None and condition not in {etag, http_date(modified)}):
        return None
    first, last = match.groups()
    if not first:
        return _suffix(int(last), size) if last else None
    start, end = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable
    return start, end


def _suffix(length: int, size: int) -> tuple[int, int]:
    if not length or not size:
        raise RangeNotSatisfiable
    return max(size - length, 0), size


def _parse_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (OverflowError, ValueError):
        return None
    return found if found.tzinfo else None
