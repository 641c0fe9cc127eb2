"""Signed addresses of stored files: whoever holds one may read that file until it expires."""

import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

from msgspec import Struct

from resolvers.errors import HubError

PREFIX = "/files/"
# An address signs nothing else that this secret may sign.
_PURPOSE = b"file address\n"


class InvalidAddress(HubError):
    """The address was not made here, or was changed since."""

    code = "ADDRESS_INVALID"


class ExpiredAddress(HubError):
    """The address was good once; who queries it again gets a new one."""

    code = "ADDRESS_EXPIRED"


class SignedFile(Struct, frozen=True, kw_only=True):
    """What an address stands for; ``seconds_left`` is how much longer it is good."""

    key: str
    filename: str
    mime_type: str
    seconds_left: int


class Seal:
    """Signs texts that end with an instant until which they are good, for one purpose.

    They are good for at least ``lifetime_seconds`` and at most twice as long: the end is rounded
    up, so that equal queries give equal addresses, which browsers find in their caches.
    """

    def __init__(self, secret: bytes, purpose: bytes, lifetime_seconds: int) -> None:
        self._lifetime = lifetime_seconds
        self._mac = hmac.new(secret, purpose, sha256)

    def expiry(self) -> str:
        """Return the instant until which what is signed now is to be good."""
        now = int(time.time())
        return str(now - now % self._lifetime + 2 * self._lifetime)

    def signed(self, unsigned: str) -> str:
        """Return path and query with the signature."""
        return f"{unsigned}&signature={self.signature(unsigned)}"

    def signature(self, unsigned: str) -> str:
        """Return the signature of a text, in hex."""
        mac = self._mac.copy()
        mac.update(unsigned.encode())
        return mac.hexdigest()

    def check(self, unsigned: str, expires: str, signature: str) -> int:
        """Return for how many seconds it is still good; raise InvalidAddress or ExpiredAddress."""
        if not hmac.compare_digest(self.signature(unsigned).encode(), signature.encode()):
            raise InvalidAddress("This address is not valid. Copy it whole, or ask for a new one.")
        seconds_left = int(expires) - int(time.time())
        if seconds_left <= 0:
            raise ExpiredAddress("This address has expired. Query it again for a new one.")
        return seconds_left


class AddressSigner:
    """Makes addresses of files, and tells those made here from others."""

    def __init__(self, secret: bytes, lifetime_seconds: int) -> None:
        self._seal = Seal(secret, _PURPOSE, lifetime_seconds)

    def path(self, key: str, filename: str, mime_type: str) -> str:
        """Return path and query of the file's address on this hub.

        ``filename`` is what a browser saves it as; ``mime_type`` is what it will be served as.
        """
        return self._seal.signed(_unsigned(key, filename, mime_type, self._seal.expiry()))

    def verify(self, key: str, query: Mapping[str, str]) -> SignedFile:
        """Return what the address stands for.

        ``key`` is its path behind PREFIX and ``query`` its query, both decoded. Raise
        InvalidAddress or ExpiredAddress.
        """
        name, kind, expires = (query.get(part, "") for part in ("name", "type", "expires"))
        unsigned = _unsigned(key, name, kind, expires)
        seconds_left = self._seal.check(unsigned, expires, query.get("signature", ""))
        return SignedFile(key=key, filename=name, mime_type=kind, seconds_left=seconds_left)


def _unsigned(key: str, filename: str, mime_type: str, expires: str) -> str:
    # Quoted, so that no two files can be written as the same text.
    name, kind = quote(filename, safe=""), _quoted(mime_type)
    return f"{PREFIX}{quote(key)}?name={name}&type={kind}&expires={quote(expires, safe='')}"


@lru_cache(maxsize=64)
def _quoted(mime_type: str) -> str:
    return quote(mime_type, safe="")
