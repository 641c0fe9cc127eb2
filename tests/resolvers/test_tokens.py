import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.ids import new_id
from resolvers.errors import Unauthenticated
from resolvers.tokens import (
    API_KEY_PREFIX,
    AUDIENCE,
    ISSUER,
    AccessTokens,
    derive,
    hash_secret,
    new_secret,
)

KEY = derive("a secret of the operator", "jwt")
TOKENS = AccessTokens(KEY, lifetime_seconds=900)
USER = new_id()
SESSION = new_id()


def claims(**changes: object) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    valid: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(USER),
        "sid": str(SESSION),
        "iat": now,
        "nbf": now,
        "exp": now + 900,
    }
    return valid | changes


def signed(payload: dict[str, Any], *, key: bytes = KEY, algorithm: str = "HS256") -> str:
    # Not jwt.encode, which refuses claims of wrong kinds: a forger would not.
    return jwt.PyJWS().encode(json.dumps(payload).encode(), key, algorithm, {"typ": "JWT"})


def segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def refuse(token: str, match: str = "not a valid access token") -> None:
    with pytest.raises(Unauthenticated, match=match):
        TOKENS.verify(token)


def test_a_token_says_whose_session_it_is_of_and_until_when_it_holds() -> None:
    now = datetime.now(UTC)
    token, expires_at = TOKENS.issue(USER, SESSION, now)
    said = TOKENS.verify(token)
    assert (said.user_id, said.session_id, said.expires_at) == (USER, SESSION, expires_at)
    assert expires_at == now.replace(microsecond=0) + timedelta(seconds=900)


def test_the_hand_made_token_of_these_tests_would_be_accepted() -> None:
    assert TOKENS.verify(signed(claims())).user_id == USER


def test_an_expired_token_is_refused_without_leeway() -> None:
    token, _ = TOKENS.issue(USER, SESSION, datetime.now(UTC) - timedelta(seconds=900))
    refuse(token, match="expired: call refreshSession")


def test_a_token_from_a_host_whose_clock_is_moments_ahead_is_accepted() -> None:
    token, _ = TOKENS.issue(USER, SESSION, datetime.now(UTC) + timedelta(seconds=8))
    assert TOKENS.verify(token).user_id == USER


def test_a_token_that_does_not_hold_yet_is_refused() -> None:
    token, _ = TOKENS.issue(USER, SESSION, datetime.now(UTC) + timedelta(minutes=1))
    refuse(token)


def test_an_unsigned_token_is_refused() -> None:
    payload = segment(claims())
    for algorithm in ("none", "None", "NONE", ""):
        header = segment({"alg": algorithm, "typ": "JWT"})
        refuse(f"{header}.{payload}.")
        refuse(f"{header}.{payload}.{signed(claims()).rpartition('.')[2]}")


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused_even_with_the_right_key(algorithm: str) -> None:
    long_key = KEY + KEY
    assert jwt.decode(
        signed(claims(), key=long_key, algorithm=algorithm),
        long_key,
        algorithms=[algorithm],
        audience=AUDIENCE,
    )
    with pytest.raises(Unauthenticated, match="not a valid"):
        AccessTokens(long_key, lifetime_seconds=1).verify(
            signed(claims(), key=long_key, algorithm=algorithm)
        )


def test_a_token_signed_with_another_key_is_refused() -> None:
    refuse(signed(claims(), key=derive("another secret", "jwt")))
    refuse(signed(claims(), key=derive("a secret of the operator", "addresses")))


def test_a_changed_token_is_refused() -> None:
    header, _, signature = signed(claims()).split(".")
    refuse(f"{header}.{segment(claims(sub=str(new_id())))}.{signature}")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another-hub"},
        {"iss": [ISSUER]},
        {"aud": "another-api"},
        {"aud": [AUDIENCE]},
        {"aud": None},
        {"sub": "not a user"},
        {"sub": 7},
        {"sid": "not a session"},
        {"sid": None},
        {"sid": 7},
        {"exp": "tomorrow"},
        {"exp": 1e300},
        {"exp": [1]},
    ],
    ids=str,
)
def test_a_claim_that_is_not_ours_is_refused(changes: dict[str, object]) -> None:
    refuse(signed(claims(**changes)))


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "sid", "iat", "nbf", "exp"])
def test_a_token_without_one_of_the_claims_is_refused(missing: str) -> None:
    payload = claims()
    del payload[missing]
    refuse(signed(payload))


@given(st.one_of(st.text(), st.binary().map(lambda b: base64.b64encode(b).decode())))
def test_any_other_text_is_refused(text: str) -> None:
    refuse(text)
    refuse(f"{text}.{text}.{text}")
    refuse(f"{segment({'alg': 'HS256', 'typ': 'JWT'})}.{text}.{text}")


def test_a_header_nested_without_end_is_refused() -> None:
    refuse(base64.urlsafe_b64encode(b"[" * 100_000).decode() + "..")


def test_a_key_that_is_too_short_for_its_purpose_is_refused() -> None:
    with pytest.raises(jwt.InvalidKeyError):
        AccessTokens(b"short", lifetime_seconds=900).issue(USER, SESSION, datetime.now(UTC))


def test_keys_differ_by_secret_and_by_purpose_and_are_stable() -> None:
    keys = {
        derive(secret, purpose) for secret in ("one", "two") for purpose in ("jwt", "addresses")
    }
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)
    # Another value here would void every access token and signed address of a running hub.
    assert derive("one", "jwt").hex().startswith("9a34a16cc13317ee")


def test_secrets_carry_their_prefix_and_256_random_bits() -> None:
    made = {new_secret(API_KEY_PREFIX) for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        assert secret.startswith("chk_")
        assert len(base64.urlsafe_b64decode(secret.removeprefix("chk_") + "=")) == 32


def test_a_secrets_hash_is_its_sha256_in_hex() -> None:
    assert hash_secret("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_ids_in_tokens_come_back_as_uuids() -> None:
    token, _ = TOKENS.issue(USER, SESSION, datetime.now(UTC))
    assert isinstance(TOKENS.verify(token).session_id, UUID)
