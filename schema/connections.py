"""How many connections each user has open, be they WebSockets or streams of events."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from resolvers.errors import RateLimited


class Connections:
    """The open connections of one process: ``most`` of each user, at the same time."""

    def __init__(self, most: int = 100) -> None:
        self._most = most
        self._open: Counter[UUID] = Counter()

    def enter(self, user_id: UUID) -> None:
        """Count a connection of this user until they ``leave``; raises RateLimited for too many."""
        if self._open[user_id] >= self._most:
            raise RateLimited(
                f"{self._most} connections are open already; close one of them first."
            )
        self._open[user_id] += 1

    def leave(self, user_id: UUID) -> None:
        """Count a connection of this user no more."""
        self._open[user_id] -= 1
        if not self._open[user_id]:
            del self._open[user_id]

    @contextmanager
    def of(self, user_id: UUID) -> Iterator[None]:
        """Count a connection of this user within the block; raises RateLimited for too many."""
        self.enter(user_id)
        try:
            yield
        finally:
            self.leave(user_id)
