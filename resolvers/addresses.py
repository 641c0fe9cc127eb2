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
    """The address was good once; the image still hands out a new one."""

    code = "ADDRESS_EXPIRED"


class SignedFile(Struct, frozen=True, kw_only=True):
    """What an address stands for; ``seconds_left`` is how much longer it is good."""

    key: str
    filename: str
    mime_type: str
    seconds_left: int


class AddressSigner:
    """Makes addresses, and tells those made here from others.

    An address is good for at least ``lifetime_seconds`` and at most twice as long: its expiry is
    rounded up, so that equal queries give equal addresses, which browsers find in their caches.
    """

    def __init__(self, secret: bytes, lifetime_seconds: int) -> None:
        self._lifetime = lifetime_seconds
        self._mac = hmac.new(secret, _PURPOSE, sha256)

    def path(self, key: str, filename: str, mime_type: str) -> str:
        """Return path and query of the file's address on this hub.

        ``filename`` is what a browser saves it as; ``mime_type`` is what it will be served as.
        """
        now = int(time.time())
        expires = now - now % self._lifetime + 2 * self._lifetime
        unsigned = _unsigned(key, filename, mime_type, str(expires))
        return f"{unsigned}&signature={self._sign(unsigned)}"

    def verify(self, key: str, query: Mapping[str, str]) -> SignedFile:
        """Return what the address stands for.

        ``key`` is its path behind PREFIX and ``query`` its query, both decoded. Raise
        InvalidAddress or ExpiredAddress.
        """
        name, kind, expires = (query.get(part, "") for part in ("name", "type", "expires"))
        expected = self._sign(_unsigned(key, name, kind, expires))
        given = query.get("signature", "")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise InvalidAddress("This address is not valid. Copy it whole, or ask for a new one.")
        seconds_left = int(expires) - int(time.time())
        if seconds_left <= 0:
            raise ExpiredAddress("This address has expired. Query the image again for a new one.")
        return SignedFile(key=key, filename=name, mime_type=kind, seconds_left=seconds_left)

    def _sign(self, unsigned: str) -> str:
        mac = self._mac.copy()
        mac.update(unsigned.encode())
        return mac.hexdigest()


def _unsigned(key: str, filename: str, mime_type: str, expires: str) -> str:
    # Quoted, so that no two files can be written as the same text.
    name, kind = quote(filename, safe=""), _quoted(mime_type)
    return f"{PREFIX}{quote(key)}?name={name}&type={kind}&expires={quote(expires, safe='')}"


@lru_cache(maxsize=64)
def _quoted(mime_type: str) -> str:
    return quote(mime_type, safe="")
