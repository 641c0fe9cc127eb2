"""What goes wrong with the database itself, whatever is asked of it.

DatabaseTrouble
 ├─ Unavailable      it is away, or has no time: the same may work in a moment
 ├─ OutcomeUnknown   it broke off during a commit, which may or may not have happened
 └─ TooSlow          it took too long over a statement and gave it up

Beside these: StatementFailed, where the statement itself is to blame.
"""

import asyncpg

_GIVEN_UP = "57014"
# Connections that break, and sessions that the server ends.
_ENDED = ("08", "57P")


class DatabaseTrouble(Exception):
    """Nobody's mistake. ``message`` tells a person what to do, the cause what the driver said."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.__cause__!r}"


class Unavailable(DatabaseTrouble):
    """The database is away, or has no time; what was asked of it was not done."""

    def __init__(self, reason: str = "The database is away") -> None:
        super().__init__(f"{reason}: try again in a few seconds.")


class OutcomeUnknown(DatabaseTrouble):
    """The database broke off during a commit."""

    def __init__(self) -> None:
        super().__init__(
            "The database broke off while it saved this, which may or may not have happened:"
            " look before you try again."
        )


class TooSlow(DatabaseTrouble):
    """The database took too long over a statement, and has given it up; it changed nothing."""

    def __init__(self) -> None:
        super().__init__("The database took too long over this and gave it up: ask for less.")


class StatementFailed(Exception):
    """The server refused a statement. ``state`` is the SQLSTATE, empty where it was never sent.

    It tells what the driver says, but for the values: what people said, and hashes of their
    secrets, have no place in a log.
    """

    def __init__(self, error: Exception) -> None:
        self.state = state_of(error)
        # Refused by the driver itself, a value that does not fit is quoted.
        unfit = type(error) is asyncpg.DataError
        message = "a value does not fit its parameter" if unfit else error.args[0]
        super().__init__(f"{type(error).__name__}: {message}")


def trouble_of(
    error: Exception, *, lost: bool = False, committing: bool = False
) -> DatabaseTrouble | None:
    """Return what an error of the driver means; None where the statement is to blame.

    ``lost``: the connection is closed. ``committing``: the statement commits.
    """
    if state_of(error) == _GIVEN_UP:
        return TooSlow()
    if lost or state_of(error).startswith(_ENDED):
        return OutcomeUnknown() if committing else Unavailable()
    return None


def state_of(error: Exception) -> str:
    """Return the SQLSTATE that an error of the driver carries, if any."""
    return getattr(error, "sqlstate", None) or ""
