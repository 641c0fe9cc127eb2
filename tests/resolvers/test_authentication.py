"""What an Authorization header proves."""

import base64
import dataclasses
import json
from datetime import timedelta

import pytest

from persistence import account as accounts
from persistence.database import Database
from persistence.ids import new_id
from persistence.records import ApiKeyRecord
from persistence.sql import Statement
from resolvers import account
from resolvers.authentication import authenticate
from resolvers.context import Services
from resolvers.errors import Unauthenticated
from resolvers.tokens import AccessTokens, derive, hash_secret
from tests.resolvers.accounts import Clock, called, sign_up, viewer_of


async def api_key(services: Services) -> str:
    viewer = await viewer_of(services, await sign_up(services))
    made = await account.create_api_key(called(services, viewer=viewer), name="worker")
    return made.secret


async def stored(services: Services, secret: str) -> ApiKeyRecord:
    async with services.database.reading() as connection:
        found = await accounts.find_api_key(connection, hash_secret(secret))
    assert found is not None
    return found


async def test_no_header_proves_nobody(services: Services) -> None:
    assert await authenticate(services, None) is None


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {} ", " Bearer {}"])
async def test_the_scheme_is_bearer_in_any_case(services: Services, form: str) -> None:
    grant = await sign_up(services)
    viewer = await authenticate(services, form.format(grant.access_token))
    assert viewer is not None
    assert viewer.user_id == grant.user.id


@pytest.mark.parametrize(
    "header",
    ["", " ", "Bearer", "Bearer ", "Basic YTpi", "x", "Bearer\tx", "Bearer \ud800", "Bearer chk_é"],
    ids=ascii,
)
async def test_a_header_of_another_form_is_told_the_right_one(
    services: Services, header: str
) -> None:
    with pytest.raises(Unauthenticated, match="Send 'Authorization: Bearer …'"):
        await authenticate(services, header)


@pytest.mark.parametrize("token", ["x", "a.b.c", "null", "chr_x", "Chk_x", "x" * 100_000])
async def test_what_is_no_token_is_refused(services: Services, token: str) -> None:
    with pytest.raises(Unauthenticated, match="not a valid access token"):
        await authenticate(services, f"Bearer {token}")


async def test_a_token_signed_by_someone_else_is_refused(services: Services) -> None:
    grant = await sign_up(services)
    viewer = await viewer_of(services, grant)
    assert viewer.session_id is not None
    forger = AccessTokens(derive("a guess", "jwt"), lifetime_seconds=900)
    forged, _ = forger.issue(viewer.user_id, viewer.session_id, services.clock())
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
    unsigned = f"{header}.{grant.access_token.split('.')[1]}."
    for token in (forged, unsigned):
        with pytest.raises(Unauthenticated, match="not a valid access token"):
            await authenticate(services, f"Bearer {token}")


async def test_a_token_of_another_users_session_is_refused(services: Services) -> None:
    ada = await viewer_of(services, await sign_up(services))
    assert ada.session_id is not None
    mixed, _ = services.tokens.issue(new_id(), ada.session_id, services.clock())
    with pytest.raises(Unauthenticated, match="session has ended"):
        await authenticate(services, f"Bearer {mixed}")


async def test_an_expired_token_is_told_to_refresh(services: Services, clock: Clock) -> None:
    clock.turn(seconds=-services.limits.access_token_seconds)
    grant = await sign_up(services)
    with pytest.raises(Unauthenticated, match="expired: call refreshSession"):
        await viewer_of(services, grant)


async def test_the_tokens_and_keys_of_an_account_that_is_gone_are_refused(
    services: Services,
) -> None:
    grant = await sign_up(services)
    viewer = await viewer_of(services, grant)
    made = await account.create_api_key(called(services, viewer=viewer), name="worker")
    async with services.database.transaction() as unit:
        await unit.connection.execute(Statement("DELETE FROM users"))
    for credentials in (grant.access_token, made.secret):
        with pytest.raises(Unauthenticated):
            await authenticate(services, f"Bearer {credentials}")


async def test_an_api_key_that_is_unknown_or_revoked_is_refused(services: Services) -> None:
    secret = await api_key(services)
    async with services.database.transaction() as unit:
        await unit.connection.execute(Statement("UPDATE api_keys SET revoked_at = now()"))
    for refused in (secret, "chk_unknown", "chk_"):
        with pytest.raises(Unauthenticated, match="unknown or revoked"):
            await authenticate(services, f"Bearer {refused}")


async def test_the_last_use_of_a_key_is_known_to_the_minute(
    services: Services, clock: Clock
) -> None:
    secret = await api_key(services)
    assert (await stored(services, secret)).last_used_at is None
    first_use = clock.now
    for seconds, known in [(0, 0), (59, 0), (1, 60), (30, 60)]:
        clock.turn(seconds=seconds)
        await authenticate(services, f"Bearer {secret}")
        last_used_at = (await stored(services, secret)).last_used_at
        assert last_used_at == first_use + timedelta(seconds=known)


async def test_a_key_in_use_is_only_read(services: Services) -> None:
    secret = await api_key(services)
    await authenticate(services, f"Bearer {secret}")
    async with services.database.transaction() as unit:
        await unit.connection.execute(Statement("LOCK TABLE api_keys IN EXCLUSIVE MODE"))
        assert await authenticate(services, f"Bearer {secret}")


async def test_a_use_that_cannot_be_noted_is_granted_all_the_same(
    services: Services, database_url: str
) -> None:
    secret = await api_key(services)
    hasty = Database(database_url, on_commit=lambda _: None, statement_timeout_seconds=0.1)
    try:
        async with services.database.transaction() as unit:
            await unit.connection.execute(Statement("LOCK TABLE api_keys IN EXCLUSIVE MODE"))
            hurried = dataclasses.replace(services, database=hasty)
            assert await authenticate(hurried, f"Bearer {secret}")
    finally:
        await hasty.close()
    assert (await stored(services, secret)).last_used_at is None


async def test_tokens_hold_in_every_process_that_has_the_secret(services: Services) -> None:
    grant = await sign_up(services)
    tokens = AccessTokens(
        derive("the operator's secret", "jwt"),
        lifetime_seconds=services.limits.access_token_seconds,
    )
    assert await viewer_of(dataclasses.replace(services, tokens=tokens), grant)
