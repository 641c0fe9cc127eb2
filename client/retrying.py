"""Trying again what may succeed later."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import Struct
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_never,
    wait_exponential,
    wait_random,
)

from client.errors import ClientError

T = TypeVar("T")

OnWait = Callable[[ClientError, float], None]
"""Told of an error that may pass, and of the seconds until the next try."""


class Patience(Struct, frozen=True, kw_only=True):
    """How often to try, and how long to wait in between: twice as long each time, and some more.

    With ``attempts`` None it goes on until it succeeds, or fails for good.
    """

    attempts: int | None = 8
    first_seconds: float = 0.5
    longest_seconds: float = 20.0

    async def call(self, attempt: Callable[[], Awaitable[T]], on_wait: OnWait) -> T:
        """Return what the first attempt that succeeds returns; raise what the last one raises."""

        async def try_once() -> T:
            return await attempt()

        def report(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, ClientError) and state.next_action:
                on_wait(error, state.next_action.sleep)

        retrying = AsyncRetrying(
            retry=retry_if_exception(_passes),
            stop=stop_never if self.attempts is None else stop_after_attempt(self.attempts),
            # Many who lost the same hub should not all come back to it at once, ever.
            wait=wait_exponential(self.first_seconds, max=self.longest_seconds)
            + wait_random(0, self.first_seconds),
            before_sleep=report,
            reraise=True,
        )
        return await retrying(try_once)


def _passes(error: BaseException) -> bool:
    return isinstance(error, ClientError) and error.passes
