"""Why jobs fail, as the hub and its people are told."""

from msgspec import Struct

BAD_IMAGE = "BAD_IMAGE"
OUT_OF_MEMORY = "OUT_OF_MEMORY"
RESULT_REFUSED = "RESULT_REFUSED"
TIMEOUT = "TIMEOUT"
WORKER_ERROR = "WORKER_ERROR"


class Failure(Struct, frozen=True, kw_only=True):
    """A job's end. The message is for people; ``retryable``: another attempt may succeed."""

    code: str
    message: str
    retryable: bool


class Failed(Exception):
    """The job has failed, and the hub is to be told why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Dropped(Exception):
    """The job is no longer this worker's; the message says why."""


class HandedBack(Exception):
    """The job is to be given back as it is; the message says why."""
