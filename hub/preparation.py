"""What has to be there before the hub can run: its folder, its secret, its database."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from pydantic import SecretStr

from hub import urls
from hub.embedded_postgres import EmbeddedPostgres
from hub.settings import Settings, SettingsError


@contextmanager
def prepared(settings: Settings, *, workers: int = 1) -> Iterator[Settings]:
    """Yield settings that leave nothing open, with the embedded database running if it is used.

    Files that this process makes within the block are for its own user alone. Raises
    ``SettingsError`` and ``EmbeddedPostgresError``.
    """
    with _private(settings.data_dir):
        yield from _prepared(settings, workers)


@contextmanager
def _private(folder: Path) -> Iterator[None]:
    try:
        # Others may pass, since PostgreSQL may run as another user, but not look around.
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(error) from error
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _unusable(error: OSError) -> SettingsError:
    return SettingsError([f"CELLHUB_DATA_DIR: {error.filename} can't be used: {error.strerror}."])


def _prepared(settings: Settings, workers: int) -> Iterator[Settings]:
    try:
        key = settings.secret_key.get_secret_value() or _kept_key(settings.data_dir / "secret_key")
    except OSError as error:
        raise _unusable(error) from error
    found: dict[str, Any] = {"secret_key": SecretStr(key)}
    if not settings.embedded:
        yield _with_broker(settings.model_copy(update=found), workers)
        return
    with EmbeddedPostgres(settings.data_dir) as postgres:
        found["database_url"] = postgres.url
        yield _with_broker(settings.model_copy(update=found), workers)


def _with_broker(settings: Settings, workers: int) -> Settings:
    url = settings.broadcast_url
    if url is None:
        # It reaches everybody who shares the database, started how and when ever.
        url = urls.broker_of(settings.database_url)
    elif url.startswith("memory:") and workers > 1:
        line = "CELLHUB_BROADCAST_URL: memory:// does not reach from one worker to another."
        raise SettingsError([line])
    return settings.model_copy(update={"broadcast_url": url})


def _kept_key(path: Path) -> str:
    """Return the key in the file; if there is none, make one that nobody else may read."""
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}.") as fresh:
            fresh.write(secrets.token_urlsafe(48))
            fresh.flush()
            os.fsync(fresh.fileno())
            # Unlike a rename, a link fails if another process was faster: one key wins.
            with suppress(FileExistsError):
                path.hardlink_to(fresh.name)
    key = path.read_text().strip()
    if not key:
        raise SettingsError([f"CELLHUB_DATA_DIR: {path} is empty; put 32 random characters there."])
    return key
