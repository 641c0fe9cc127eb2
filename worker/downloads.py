"""Getting the image of a job onto this machine, over a network that may fail."""

import time
from pathlib import Path

from client.errors import ClientError
from client.files import AddressExpired, Damaged, Downloads, NotTheFile
from client.retrying import OnWait
from worker import failures
from worker.failures import Failed, Failure, HandedBack
from worker.lease import PATIENCE
from worker.queue import Image

_ATTEMPTS = 3  # at what comes damaged
_GOOD_SECONDS = 60.0
"""An address that is refused within so many seconds is not one that has expired."""


async def fetch(downloads: Downloads, image: Image, path: Path, on_wait: OnWait) -> None:
    """Write the image's file to a path. Raises Failed.

    While the network fails it goes on trying: for how long is for the job's lease to say. Raises
    HandedBack where the address expired meanwhile, since jobs are handed out with new ones.
    """
    begun = time.monotonic()
    damaged = 0

    async def attempt() -> None:
        nonlocal damaged
        try:
            await downloads.download(
                image.url, path, size_bytes=image.size_bytes, checksum=image.checksum
            )
        except Damaged as error:
            damaged += 1
            if damaged == _ATTEMPTS:
                raise NotTheFile(str(error)) from error
            raise

    try:
        await PATIENCE.call(attempt, on_wait)
    except AddressExpired as error:
        if time.monotonic() - begun > _GOOD_SECONDS:
            raise HandedBack("its image's address has expired") from error
        raise _failed(error) from error
    except NotTheFile as error:
        raise _failed(error) from error


def _failed(error: ClientError) -> Failed:
    message = f"The worker could not get the image. {error}"
    return Failed(Failure(code=failures.WORKER_ERROR, message=message, retryable=True))
