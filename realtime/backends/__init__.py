"""Backends for broadcaster: bounded, and never silent about a connection that is lost.

They are used by one ``realtime.link.Link``, which publishes one message at a time and subscribes
one channel at a time. ``disconnect`` may be called at any time, and twice; ``next_published``
raises once the connection is lost.
"""

from urllib.parse import urlsplit

from broadcaster import BroadcastBackend

from realtime.backends.memory import MemoryBackend
from realtime.backends.postgres import PostgresBackend
from realtime.backends.redis import RedisBackend

_BACKENDS: dict[str, type[MemoryBackend | PostgresBackend | RedisBackend]] = {
    "memory": MemoryBackend,
    "postgres": PostgresBackend,
    "postgresql": PostgresBackend,
    "postgresql+asyncpg": PostgresBackend,
    "redis": RedisBackend,
    "rediss": RedisBackend,
}


def make_backend(url: str) -> BroadcastBackend:
    """Return the backend for the address, not yet connected; raise ValueError if there is none."""
    backend = _BACKENDS.get(urlsplit(url).scheme)
    if backend is None:
        known = ", ".join(f"{scheme}://" for scheme in _BACKENDS)
        raise ValueError(f"A broker's address begins with one of {known}.")
    return backend(url)
