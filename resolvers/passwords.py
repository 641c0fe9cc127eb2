"""Passwords: which ones will do, and their argon2 hashes."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from msgspec import Struct
from pwdlib import PasswordHash

from resolvers.errors import BadUserInput

T = TypeVar("T")

SHORTEST = 10
LONGEST = 1024
_FEWEST_DIFFERENT = 4
_COMMON = frozenset(
    {
        "0123456789",
        "0987654321",
        "123456789a",
        "1234567890",
        "12345678910",
        "1234567891",
        "123123123123",
        "1q2w3e4r5t",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "administrator",
        "changeme123",
        "iloveyou123",
        "letmein123",
        "microscope",
        "microscopy",
        "password01",
        "password12",
        "password123",
        "password1234",
        "passwordpassword",
        "q1w2e3r4t5",
        "qwerty1234",
        "qwerty12345",
        "qwerty123456",
        "qwertyuiop",
        "welcome123",
    }
)


def check_password(password: str, *, email: str, name: str) -> None:
    """Raise BadUserInput for a password that is too short, too long, or the first to be guessed.

    There are no rules of composition: length is what counts (NIST SP 800-63B, 5.1.1.2).
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadUserInput(f"The password must have {SHORTEST} to {LONGEST} characters.")
    folded = password.casefold()
    if folded in {email.casefold(), email.partition("@")[0].casefold(), name.casefold()}:
        raise BadUserInput("The password must differ from the e-mail address and the name.")
    if folded in _COMMON or len(set(folded)) < _FEWEST_DIFFERENT:
        raise BadUserInput("This password is among the first that are guessed: choose another.")


class Verification(Struct, frozen=True, kw_only=True):
    """Whether a password matched, and a new hash where the old one's parameters are outdated."""

    matches: bool
    new_hash: str | None


class Passwords:
    """Hashes and verifies in threads of its own.

    One hash takes 64 MiB: ``workers`` bounds how many are under way, cancelled requests included.
    """

    def __init__(self, hasher: PasswordHash | None = None, *, workers: int = 2) -> None:
        self._hasher = hasher or PasswordHash.recommended()
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="passwords")
        self._nobodys = self._hasher.hash("the password of nobody")

    async def hash(self, password: str) -> str:
        """Return the password's hash, parameters and salt included."""
        return await self._run(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, password: str, password_hash: str | None) -> Verification:
        """Tell whether the password has this hash; None, for nobody, takes as long to deny."""
        if len(password) > LONGEST:
            # Nobody has such a one, and to normalize it could take hours.
            password, password_hash = "", None
        known = self._nobodys if password_hash is None else password_hash
        matches, new_hash = await self._run(
            lambda: self._hasher.verify_and_update(_bytes(password), known)
        )
        return Verification(matches=matches and password_hash is not None, new_hash=new_hash)

    def close(self) -> None:
        """Let hashes under way finish, drop those that wait, and end the threads."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _bytes(password: str) -> bytes:
    # One password may be typed as different code points, on different keyboards.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
