"""Logging of what can happen ten thousand times a second."""

import logging
import time


class Report:
    """Logs a trouble at once, then at most one line every ``seconds``, with a count of the rest."""

    def __init__(self, logger: logging.Logger, *, seconds: float = 10.0) -> None:
        self._logger = logger
        self._seconds = seconds
        self._quiet_until = 0.0
        self._held_back = 0

    def __call__(self, trouble: str, error: BaseException | None = None) -> None:
        """Log the trouble as a warning, unless one was logged a moment ago."""
        now = time.monotonic()
        if now < self._quiet_until:
            self._held_back += 1
            return
        self._quiet_until = now + self._seconds
        more, self._held_back = self._held_back, 0
        reason = "" if error is None else f": {error!r}"
        since = f" ({more} more since the last such line)" if more else ""
        self._logger.warning("%s%s%s", trouble, reason, since)
