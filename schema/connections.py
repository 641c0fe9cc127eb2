"""What each user has open: connections, be they WebSockets or streams of events, and operations."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from resolvers.errors import RateLimited


class PerUser:
    """Something of which each user has ``most`` at the same time; ``refusal`` says what to do."""

    def __init__(self, most: int, refusal: str) -> None:
        self._most = most
        self._refusal = f"{most} {refusal}"
        self._open: Counter[UUID] = Counter()

    def __len__(self) -> int:
        """How many there are, of all users."""
        return self._open.total()

    def enter(self, user_id: UUID) -> None:
        """Count one of this user until they ``leave``; raises RateLimited for too many."""
        if self._open[user_id] >= self._most:
            raise RateLimited(self._refusal)
        self._open[user_id] += 1

    def leave(self, user_id: UUID) -> None:
        """Count one of this user no more."""
        self._open[user_id] -= 1
        if not self._open[user_id]:
            del self._open[user_id]

    @contextmanager
    def of(self, user_id: UUID) -> Iterator[None]:
        """Count one of this user within the block; raises RateLimited for too many."""
        self.enter(user_id)
        try:
            yield
        finally:
            self.leave(user_id)


class Connections(PerUser):
    """The open connections of one process, and the ``operations`` that run on all of them."""

    def __init__(self, most: int = 100, *, operations: int = 1_000) -> None:
        super().__init__(most, "connections are open already; close one of them first.")
        self.operations = PerUser(
            operations,
            "operations run already on all your connections; complete one of them first.",
        )
