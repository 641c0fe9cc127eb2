"""The brokers that a bus can have: within the process, PostgreSQL, Redis and Valkey."""

from urllib.parse import urlsplit

from realtime.backends.base import Backend
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


def make_backend(url: str) -> Backend:
    """Return the backend for the address, not yet connected; raise ValueError if there is none."""
    backend = _BACKENDS.get(urlsplit(url).scheme)
    if backend is None:
        known = ", ".join(f"{scheme}://" for scheme in _BACKENDS)
        raise ValueError(f"A broker's address begins with one of {known}.")
    return backend(url)
