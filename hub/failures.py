"""Failures that clients are told of in general terms only: what the log keeps of them."""

import logging

from persistence.trouble import DatabaseTrouble
from realtime.feed import SourceAway
from realtime.reports import Report

logger = logging.getLogger(__name__)


class FailureLog:
    """Logs what went wrong in a request: a bug with its traceback, the database's troubles briefly.

    While the database is away, every request fails for the same reason: a line now and then, with
    a count, tells it all.
    """

    def __init__(self) -> None:
        self._troubles = Report(logger)

    def __call__(self, error: BaseException, request_id: str) -> None:
        """Log the error of the request with this id."""
        if isinstance(error, DatabaseTrouble | SourceAway):
            self._troubles("A request failed for the database's sake", error)
        else:
            logger.error(
                "Unexpected error; the client was told its request id.",
                exc_info=error,
                extra={"request_id": request_id},
            )
