"""The progress of an upload: small messages that nothing depends on, so nothing keeps them."""

import asyncio
import time
from collections.abc import AsyncGenerator
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from persistence import upload
from persistence.upload import UploadRecord
from realtime.bus import Bus
from realtime.latest import follow
from resolvers.context import Context
from resolvers.inputs import upload_id_of

_SECONDS_BETWEEN_REPORTS = 0.1
_SECONDS_BETWEEN_LOOKS = 5.0


class UploadProgress(Struct, frozen=True, kw_only=True):
    """How far an upload has come. ``upload_id`` was chosen by the client."""

    upload_id: str
    files_total: int
    files_stored: int = 0
    files_rejected: int = 0
    bytes_received: int = 0
    done: bool = False


_decoder = msgspec.json.Decoder(UploadProgress)


def channel_of(user_id: UUID, upload_id: str) -> str:
    """Return the channel for the progress of a user's upload; short, whatever the id is."""
    return f"upload:{uuid5(user_id, upload_id)}"


class ProgressReport:
    """Tells how far an upload has come, at most ten times a second, and at the end."""

    def __init__(self, bus: Bus, user_id: UUID, upload_id: str | None, *, files_total: int) -> None:
        self._bus = bus
        self._channel = None if upload_id is None else channel_of(user_id, upload_id)
        self._upload_id = upload_id or ""
        self._files_total = files_total
        self._files_stored = 0
        self._files_rejected = 0
        self._reported_at = 0.0
        self.bytes_received = 0

    def received(self, size: int) -> None:
        """Count bytes that came in."""
        self.bytes_received += size
        self._report()

    def stored(self) -> None:
        """Count a file that was accepted."""
        self._files_stored += 1
        self._report()

    def rejected(self) -> None:
        """Count a file that was rejected."""
        self._files_rejected += 1
        self._report()

    def done(self) -> None:
        """Report that the upload is finished."""
        self._report(done=True)

    def _report(self, *, done: bool = False) -> None:
        now = time.monotonic()
        if self._channel is None or not (
            done or now - self._reported_at >= _SECONDS_BETWEEN_REPORTS
        ):
            return
        self._reported_at = now
        progress = UploadProgress(
            upload_id=self._upload_id,
            files_total=self._files_total,
            files_stored=self._files_stored,
            files_rejected=self._files_rejected,
            bytes_received=self.bytes_received,
            done=done,
        )
        self._bus.publish(self._channel, msgspec.json.encode(progress).decode())


async def upload_progress(context: Context, upload_id: str) -> AsyncGenerator[UploadProgress, None]:
    """Stream how far one of the viewer's own uploads has come, until it is done.

    May begin before the upload does. The end is read from the database, so it is never missed.
    """
    user_id = context.user_id
    upload_id = upload_id_of(upload_id)
    services = context.services
    async with follow(services.bus, channel_of(user_id, upload_id)) as messages:
        progress = UploadProgress(upload_id=upload_id, files_total=0)
        told: UploadProgress | None = None
        look = True
        while True:
            if look:
                async with context.database.reading() as connection:
                    finished = await upload.find(connection, user_id, upload_id)
                if finished is not None:
                    yield _finished(finished)
                    return
            if not progress.done and progress != told:
                told = progress
                yield progress
            try:
                async with asyncio.timeout(_SECONDS_BETWEEN_LOOKS):
                    progress = _decoder.decode(await anext(messages))
                look = progress.done
            except TimeoutError:
                look = True


def _finished(record: UploadRecord) -> UploadProgress:
    return UploadProgress(
        upload_id=record.upload_id,
        files_total=record.files_total,
        files_stored=len(record.image_ids),
        files_rejected=len(record.rejected),
        bytes_received=record.bytes_received,
        done=True,
    )
