"""The kinds of addresses that settings hold: each function checks one, and raises ValueError."""

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

# In an address as headers have it, hosts beyond ASCII are in Punycode, and nothing parts it.
_HOST: Final = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[!-~]*")


def database(value: str) -> str:
    """Return a PostgreSQL address as SQLAlchemy wants it for asyncpg."""
    parts = _split(value)
    if parts.scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        raise ValueError("must begin with postgresql://, or be the word embedded")
    return _rewritten(parts, "postgresql+asyncpg", sslmode="ssl")


def broker_of(database_url: str) -> str:
    """Return the address of a database's own LISTEN and NOTIFY, as asyncpg wants it."""
    return _rewritten(_split(database_url), "postgresql", ssl="sslmode")


def broker(value: str) -> str:
    """Check an address for broadcaster."""
    scheme = _split(value).scheme
    if scheme not in {"memory", "postgres", "postgresql", "redis", "rediss"}:
        raise ValueError("must begin with memory://, postgresql://, redis:// or rediss://")
    return value


def blobs(value: str) -> str:
    """Check the address of a blob store."""
    parts = _split(value)
    local = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    if not local and not (parts.scheme == "s3" and parts.netloc):
        raise ValueError("must be as file:///a/folder or s3://bucket/prefix")
    return value


def public(value: str) -> str:
    """Return the address under which clients reach the hub, without a slash at the end."""
    parts = _split(value)
    if not _of_web(value, parts) or parts.query or parts.fragment:
        raise ValueError("must be as https://example.org/hub, in ASCII")
    return value.rstrip("/")


def origin(value: str) -> str:
    """Return an origin whose pages may call the hub, or the asterisk for any."""
    parts = _split(value)
    if value != "*" and (not _of_web(value, parts) or parts.path.strip("/") or parts.query):
        raise ValueError("must be origins as https://example.org, in ASCII, separated by commas")
    return value.rstrip("/")


def _of_web(value: str, parts: SplitResult) -> bool:
    if parts.scheme not in {"http", "https"} or not _PLAIN.fullmatch(value):
        return False
    return _HOST.fullmatch(parts.netloc) is not None


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    return parts


def _rewritten(parts: SplitResult, scheme: str, **renamed: str) -> str:
    query = [(renamed.get(name, name), text) for name, text in parse_qsl(parts.query)]
    return parts._replace(scheme=scheme, query=urlencode(query)).geturl()
