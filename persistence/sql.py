"""SQL on a connection: statements with named parameters, rows whose columns are attributes.

The driver, asyncpg, prepares each statement once on each connection and remembers it.
"""

import asyncio
import re
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

import asyncpg

from persistence.trouble import StatementFailed, trouble_of

_NONE: Final[Mapping[str, object]] = {}
_PARAMETER = re.compile(r"(?<![:\w]):([a-z]\w*)")
_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    TimeoutError,
)
_CLOSING_SECONDS = 2.0

_Answer = TypeVar("_Answer")


class Statement:
    """SQL in which ``:name`` stands for a parameter. Its type is what the server makes of it."""

    def __init__(self, sql: str) -> None:
        numbers: dict[str, int] = {}
        self.sql = _PARAMETER.sub(
            lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", sql
        )
        self.parameters: Sequence[str] = tuple(numbers)


class Row(asyncpg.Record):
    """A row, whose columns are attributes."""

    def __getattr__(self, column: str) -> Any:
        try:
            return self[column]
        except KeyError:
            raise AttributeError(column) from None


class Rows(list[Row]):
    """What a statement returned."""

    def one(self) -> Row:
        """Return the only row."""
        (row,) = self
        return row

    def one_or_none(self) -> Row | None:
        """Return the only row, if there is one."""
        return self.one() if self else None

    def scalar_one(self) -> Any:
        """Return the first value of the only row."""
        return self.one()[0]

    def scalar_one_or_none(self) -> Any | None:
        """Return the first value of the only row, if there is one."""
        return self.scalar_one() if self else None

    def scalars(self) -> list[Any]:
        """Return the first value of each row."""
        return [row[0] for row in self]


class Connection:
    """A connection to run repository functions on.

    What it is told to do raises DatabaseTrouble, or StatementFailed. ``committing`` says that it
    commits: if the connection is lost meanwhile, nobody knows the outcome.

    It is told one thing at a time. Who is cancelled meanwhile does not cancel the statement: that
    would take another connection, and leave on the server what it was about to prepare. It goes on,
    and before the connection is of use again it has to ``settle``.
    """

    def __init__(self, driver: "asyncpg.Connection[Row]") -> None:
        self._driver = driver
        self._running: asyncio.Task[Any] | None = None

    @property
    def closed(self) -> bool:
        """Whether either side has closed it. The driver knows, without a trip to the server."""
        return self._driver.is_closed()

    @property
    def idle(self) -> bool:
        """Whether it is open, runs no statement and is in no transaction."""
        return not (self._running or self.closed or self._driver.is_in_transaction())

    async def execute(
        self,
        statement: Statement,
        parameters: Mapping[str, object] = _NONE,
        *,
        committing: bool = False,
    ) -> Rows:
        """Execute a statement; return its rows, none where it has no RETURNING."""
        values = [parameters[name] for name in statement.parameters]
        running = self._start(self._driver.fetch(statement.sql, *values))
        return Rows(await self._outcome(running, committing=committing))

    async def begin(self, how: str = "READ COMMITTED") -> None:
        """Begin a transaction of this isolation level."""
        await self._control(f"BEGIN ISOLATION LEVEL {how}")

    async def commit(self) -> None:
        """Commit the transaction; an error where the server rolls it back instead."""
        done = await self._control("COMMIT", committing=True)
        if done != "COMMIT":
            raise RuntimeError("a statement of the transaction had failed: it was rolled back")

    async def roll_back(self) -> None:
        """Undo the transaction, if there is one."""
        if not self.closed and self._driver.is_in_transaction():
            await self._control("ROLLBACK")

    async def settle(self) -> None:
        """Wait for the end of a statement whose caller was cancelled, and undo its transaction."""
        if self._running is not None:
            with suppress(StatementFailed):
                await self._outcome(self._running)
        await self.roll_back()

    async def close(self) -> None:
        """Close it, whether the server listens or not; what it is at is cancelled."""
        if self._running is not None:
            self._running.cancel()
        with suppress(*_FAILURES, OSError):
            await self._driver.close(timeout=_CLOSING_SECONDS)

    async def _control(self, command: str, *, committing: bool = False) -> str:
        """Execute a command that has neither parameters nor rows; return what was done."""
        return await self._outcome(
            self._start(self._driver.execute(command)), committing=committing
        )

    def _start(self, work: Coroutine[Any, Any, _Answer]) -> asyncio.Task[_Answer]:
        if self._running is not None:
            work.close()
            raise RuntimeError("the connection is at something already")
        running = self._running = asyncio.create_task(work)
        return running

    async def _outcome(
        self, running: asyncio.Task[_Answer], *, committing: bool = False
    ) -> _Answer:
        try:
            return await asyncio.shield(running)
        except _FAILURES as error:
            self._fail(error, committing=committing)
            raise StatementFailed(error) from None
        finally:
            if running.done():
                self._running = None

    def _fail(self, error: Exception, *, committing: bool) -> None:
        """Raise what an error means, if the database is to blame for it."""
        if isinstance(error, TimeoutError | asyncpg.InternalClientError):
            # It has fallen silent, or said good-bye just now: nothing more is to be had of it.
            self._driver.terminate()
        trouble = trouble_of(error, lost=self.closed, committing=committing)
        if trouble is not None:
            raise trouble from error
