"""What goes wrong with the database itself, whatever is asked of it.

DatabaseTrouble
 ├─ Unavailable      it is away, or has no time: the same may work in a moment
 ├─ OutcomeUnknown   it broke off during a commit, which may or may not have happened
 └─ TooSlow          it took too long over a statement and gave it up
"""

from sqlalchemy.exc import DBAPIError, InvalidRequestError

_GIVEN_UP = "57014"
# It shuts down, has crashed, starts up, has ended an idle session, or has too many of them.
_AWAY = ("57P01", "57P02", "57P03", "57P05", "53300")
_CONNECTION_LOST = "08"


class DatabaseTrouble(Exception):
    """Nobody's mistake. ``message`` tells a person what to do, the cause what the driver said."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __repr__(self) -> str:
        cause = self.__cause__
        return f"{type(self).__name__}: {getattr(cause, 'orig', None) or cause!r}"


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


def trouble_of(error: Exception, *, committing: bool = False) -> DatabaseTrouble | None:
    """Return what an error of a statement means; None where the database is not to blame.

    ``committing``: the statement is COMMIT, or one that commits by itself.
    """
    state = _state_of(error)
    if state == _GIVEN_UP:
        return TooSlow()
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    # The driver's own time limit, behind that of the server: there is no answer at all.
    silent = isinstance(error, TimeoutError)
    if lost or silent or _is_away(state):
        return OutcomeUnknown() if committing else Unavailable()
    return None


def is_away(error: Exception) -> bool:
    """Tell whether a connection could not be made because there is nobody to connect to now."""
    # The last is the pool's: one was made, and was gone at once.
    return isinstance(error, OSError | InvalidRequestError) or _is_away(_state_of(error))


def _is_away(state: str) -> bool:
    return state in _AWAY or state.startswith(_CONNECTION_LOST)


def _state_of(error: Exception) -> str:
    """Return the SQLSTATE that an error of SQLAlchemy's, or of the driver's, carries, if any."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) or ""
