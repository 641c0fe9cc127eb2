"""The errors a user can cause. Everything else is masked.

HubError                 code
 ├─ Unauthenticated      UNAUTHENTICATED   no credentials, or none that hold (any more)
 ├─ Forbidden            FORBIDDEN         seen, but not allowed
 ├─ NotFound             NOT_FOUND         not there, or not for this viewer's eyes
 ├─ BadUserInput         BAD_USER_INPUT    the arguments can't be right
 ├─ Conflict             CONFLICT          right arguments, at the wrong moment
 ├─ QuotaExceeded        QUOTA_EXCEEDED    more than this account or project may hold
 ├─ RateLimited          RATE_LIMITED      too often
 └─ CursorExpired        CURSOR_EXPIRED    older than what is remembered of deletions
"""

from typing import ClassVar


class HubError(Exception):
    """An error with a code for programs and a message that tells a person what to do."""

    code: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthenticated(HubError):
    """No credentials, or none that hold any more."""

    code = "UNAUTHENTICATED"


class Forbidden(HubError):
    """The viewer sees the thing but may not do this to it."""

    code = "FORBIDDEN"


class NotFound(HubError):
    """There is no such thing, or the viewer may not know of it."""

    code = "NOT_FOUND"


class BadUserInput(HubError):
    """The arguments can't be right, whatever the state."""

    code = "BAD_USER_INPUT"


class Conflict(HubError):
    """The state does not allow it now."""

    code = "CONFLICT"


class QuotaExceeded(HubError):
    """More than the account or the project may hold."""

    code = "QUOTA_EXCEEDED"


class RateLimited(HubError):
    """Too many attempts; the message says when to try again."""

    code = "RATE_LIMITED"


class CursorExpired(HubError):
    """The revision is older than what the hub still knows of deletions."""

    code = "CURSOR_EXPIRED"
