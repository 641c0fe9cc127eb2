"""Tokens: short-lived signed ones that open the API, and random secrets kept only as hashes."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from msgspec import Struct, convert

from resolvers.errors import Unauthenticated

ISSUER = "cellhub"
AUDIENCE = "cellhub-api"
API_KEY_PREFIX = "chk_"
REFRESH_TOKEN_PREFIX = "chr_"  # noqa: S105 - the public beginning of a secret

_ALGORITHM = "HS256"
_CLAIMS = ["iss", "aud", "exp", "iat", "nbf", "sub", "sid"]
_CLOCK_SKEW = timedelta(seconds=10)
_SECRET_BYTES = 32


def derive(secret: str, purpose: str) -> bytes:
    """Return the key (32 bytes) for one purpose; from it, no other purpose's key can be told."""
    return hmac.digest(secret.encode(), f"cellhub/{purpose}".encode(), hashlib.sha256)


def new_secret(prefix: str) -> str:
    """Return 256 random bits as text behind a prefix, by which leaks can be scanned for."""
    return prefix + secrets.token_urlsafe(_SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret, in hex. Random bits can't be guessed: no slow hash needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class AccessClaims(Struct, frozen=True, kw_only=True):
    """What a valid access token says."""

    user_id: UUID
    session_id: UUID
    expires_at: datetime


class AccessTokens:
    """Makes and verifies access tokens: JSON Web Tokens signed with HS256 and a key of 32 bytes."""

    def __init__(self, key: bytes, *, lifetime_seconds: int) -> None:
        self._key = key
        self._lifetime = timedelta(seconds=lifetime_seconds)
        self._jwt = jwt.PyJWT({"enforce_minimum_key_length": True})

    def issue(self, user_id: UUID, session_id: UUID, now: datetime) -> tuple[str, datetime]:
        """Return a token of the session, and the moment (a whole second) when it expires."""
        issued_at = now.replace(microsecond=0)
        expires_at = issued_at + self._lifetime
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": issued_at,
            # Another host's clock may be behind this one's.
            "nbf": issued_at - _CLOCK_SKEW,
            "exp": expires_at,
        }
        return self._jwt.encode(claims, self._key, algorithm=_ALGORITHM), expires_at

    def verify(self, token: str) -> AccessClaims:
        """Return what a token says; raise Unauthenticated if it is forged, foreign or expired."""
        try:
            return _read(self._decode(token))
        except jwt.ExpiredSignatureError:
            raise Unauthenticated(
                "The access token has expired: call refreshSession for a new one."
            ) from None
        except (jwt.PyJWTError, ValueError):
            raise Unauthenticated("This is not a valid access token: sign in for one.") from None

    def _decode(self, token: str) -> dict[str, Any]:
        return self._jwt.decode(
            token,
            self._key,
            algorithms=[_ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=0,
            # 'iat' is for people to read; 'nbf' says when a token begins to hold.
            options={"require": _CLAIMS, "strict_aud": True, "verify_iat": False},
        )


class _Claims(Struct):
    sub: UUID
    sid: UUID
    exp: int


def _read(token_says: dict[str, Any]) -> AccessClaims:
    claims = convert(token_says, _Claims)
    return AccessClaims(
        user_id=claims.sub,
        session_id=claims.sid,
        expires_at=datetime.fromtimestamp(claims.exp, UTC),
    )
