"""Signing up, in and out, sessions that go on, and API keys."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from persistence.sql import Statement
from resolvers import account
from resolvers.account import SessionGrant
from resolvers.authentication import authenticate
from resolvers.context import Services
from resolvers.errors import BadUserInput, Conflict, Forbidden, Unauthenticated
from tests.resolvers.accounts import (
    PASSWORD,
    Clock,
    WatchedHasher,
    called,
    refresh,
    sign_in,
    sign_out,
    sign_up,
    viewer_of,
)

WRONG = "e-mail address or the password is wrong"
NOT_GOOD = "refresh token is not good any more"


async def execute(services: Services, sql: str) -> list[object]:
    async with services.database.transaction() as unit:
        result = await unit.connection.execute(Statement(sql))
        return result.scalars()


# Signing up


async def test_who_signs_up_is_signed_in(services: Services) -> None:
    grant = await sign_up(services)
    assert (grant.user.name, grant.user.email) == ("Ada", "Ada@example.com")
    viewer = await viewer_of(services, grant)
    assert (viewer.user_id, viewer.expires_at) == (grant.user.id, grant.expires_at)
    assert viewer.api_key_id is None


async def test_an_access_token_expires_when_the_limits_say(
    services: Services, clock: Clock
) -> None:
    grant = await sign_up(services)
    lifetime = grant.expires_at - clock().replace(microsecond=0)
    assert lifetime.total_seconds() == services.limits.access_token_seconds


async def test_an_email_address_has_one_account_however_it_is_spelt(services: Services) -> None:
    await sign_up(services, "Ada@example.com")
    for spelling in ("Ada@example.com", "ADA@EXAMPLE.COM", " ada@Example.com "):
        with pytest.raises(Conflict, match="has an account already: sign in"):
            await sign_up(services, spelling)


async def test_of_two_who_sign_up_at_once_with_one_email_address_one_gets_it(
    services: Services,
) -> None:
    outcomes = await asyncio.gather(
        *(sign_up(services, email) for email in ("ada@example.com", "Ada@Example.com")),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "SessionGrant"]
    assert await execute(services, "SELECT count(*) FROM users") == [1]
    assert await execute(services, "SELECT count(*) FROM sessions") == [1]


@pytest.mark.parametrize(
    "changes",
    [{"email": "ada"}, {"name": " "}, {"name": "A\0da"}, {"password": "short"}],
    ids=str,
)
async def test_input_that_can_not_be_right_creates_nothing(
    services: Services, changes: dict[str, str]
) -> None:
    valid = {"email": "ada@example.com", "name": "Ada", "password": PASSWORD}
    with pytest.raises(BadUserInput):
        await account.sign_up(called(services), **(valid | changes))
    assert await execute(services, "SELECT count(*) FROM users") == [0]
    assert await execute(services, "SELECT count(*) FROM attempts") == [0]


async def test_nothing_secret_is_stored_as_it_is(services: Services) -> None:
    grant = await sign_up(services)
    [hashed] = await execute(services, "SELECT password_hash FROM users")
    assert str(hashed).startswith("$argon2id$")
    assert await execute(services, "SELECT token_hash FROM refresh_tokens") != [grant.refresh_token]


# Signing in


async def test_the_right_password_opens_a_session_of_its_own(services: Services) -> None:
    first = await sign_up(services)
    second = await sign_in(services)
    assert second.user == first.user
    assert (await viewer_of(services, second)).session_id != (
        await viewer_of(services, first)
    ).session_id


async def test_the_email_address_may_be_spelt_in_any_case(services: Services) -> None:
    signed_up = await sign_up(services, "Ada@example.com")
    assert (await sign_in(services, email="aDA@EXAMPLE.COM")).user == signed_up.user


async def test_a_wrong_password_and_an_unknown_email_address_are_answered_alike(
    services: Services,
) -> None:
    await sign_up(services)
    answers = []
    for email in ("ada@example.com", "grace@example.com"):
        with pytest.raises(Unauthenticated, match=WRONG) as caught:
            await sign_in(services, "a wrong password", email=email)
        answers.append((type(caught.value), caught.value.message))
    assert answers[0] == answers[1]
    assert await execute(services, "SELECT count(*) FROM sessions") == [1]


async def test_an_unknown_email_address_costs_the_same_verification_of_a_real_hash(
    services: Services, hasher: WatchedHasher
) -> None:
    await sign_up(services)
    for email in ("ada@example.com", "grace@example.com"):
        with pytest.raises(Unauthenticated):
            await sign_in(services, "a wrong password", email=email)
    known, unknown = (str(verified) for verified in hasher.verified)
    assert known != unknown
    parameters = "$argon2id$v=19$m=8,t=1,p=1$"
    assert known.startswith(parameters)
    assert unknown.startswith(parameters)
    assert len(known) == len(unknown)


async def test_what_is_no_email_address_is_told_so(services: Services) -> None:
    with pytest.raises(BadUserInput, match="not an e-mail address"):
        await sign_in(services, email="ada")


async def test_signing_in_renews_a_hash_with_outdated_parameters(services: Services) -> None:
    await sign_up(services)
    outdated = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1),))
    async with services.database.transaction() as unit:
        await unit.connection.execute(
            Statement("UPDATE users SET password_hash = :hash"), {"hash": outdated.hash(PASSWORD)}
        )
    await sign_in(services)
    [renewed] = await execute(services, "SELECT password_hash FROM users")
    assert str(renewed).startswith("$argon2id$v=19$m=8,t=1,p=1$")
    await sign_in(services)


# Refreshing


async def test_refreshing_hands_out_a_new_pair_of_the_same_session(services: Services) -> None:
    first = await sign_up(services)
    second = await refresh(services, first.refresh_token)
    assert second.user == first.user
    assert second.refresh_token != first.refresh_token
    assert await viewer_of(services, second) == await viewer_of(services, first)
    third = await refresh(services, second.refresh_token)
    assert len({grant.refresh_token for grant in (first, second, third)}) == 3


async def _is_over(services: Services, grant: SessionGrant) -> None:
    with pytest.raises(Unauthenticated, match="session has ended"):
        await viewer_of(services, grant)
    with pytest.raises(Unauthenticated, match=NOT_GOOD):
        await refresh(services, grant.refresh_token)


async def test_a_token_used_a_second_time_ends_its_session_and_no_other(
    services: Services,
) -> None:
    first, other = await sign_up(services), await sign_in(services)
    second = await refresh(services, first.refresh_token)
    third = await refresh(services, second.refresh_token)
    with pytest.raises(Unauthenticated, match=NOT_GOOD):
        await refresh(services, first.refresh_token)
    await _is_over(services, third)
    assert await viewer_of(services, other)
    await refresh(services, other.refresh_token)


async def test_of_two_refreshes_at_once_one_wins_and_the_session_ends(services: Services) -> None:
    first = await sign_up(services)
    outcomes = await asyncio.gather(
        *(refresh(services, first.refresh_token) for _ in range(2)), return_exceptions=True
    )
    [won] = [outcome for outcome in outcomes if isinstance(outcome, SessionGrant)]
    [lost] = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert isinstance(lost, Unauthenticated)
    await _is_over(services, won)


async def test_a_token_that_expired_is_refused_and_ends_nothing(
    services: Services, clock: Clock
) -> None:
    grant = await sign_up(services)
    clock.turn(seconds=services.limits.refresh_token_seconds)
    with pytest.raises(Unauthenticated, match=NOT_GOOD):
        await refresh(services, grant.refresh_token)
    assert await viewer_of(services, grant)


async def test_a_session_lives_as_long_as_it_is_refreshed(services: Services, clock: Clock) -> None:
    grant = await sign_up(services)
    for _ in range(3):
        clock.turn(seconds=services.limits.refresh_token_seconds - 1)
        grant = await refresh(services, grant.refresh_token)


@pytest.mark.parametrize("token", ["", "chr_unknown", "\0", "\ud800", "x" * 100_000], ids=ascii)
async def test_a_token_that_was_never_handed_out_is_refused(services: Services, token: str) -> None:
    with pytest.raises(Unauthenticated, match=NOT_GOOD):
        await refresh(services, token)
    assert not await sign_out(services, token)


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(
    services: Services,
) -> None:
    grant = await sign_up(services)
    with pytest.raises(Unauthenticated):
        await refresh(services, grant.access_token)
    with pytest.raises(Unauthenticated):
        await authenticate(services, f"Bearer {grant.refresh_token}")


# Signing out


async def test_signing_out_ends_the_session_at_once_and_no_other(services: Services) -> None:
    first, other = await sign_up(services), await sign_in(services)
    assert await sign_out(services, first.refresh_token) is True
    await _is_over(services, first)
    assert await viewer_of(services, other)


async def test_signing_out_again_finds_nothing_to_end(services: Services) -> None:
    grant = await sign_up(services)
    await sign_out(services, grant.refresh_token)
    assert await sign_out(services, grant.refresh_token) is False


async def test_an_earlier_token_of_the_session_signs_out_too(services: Services) -> None:
    first = await sign_up(services)
    second = await refresh(services, first.refresh_token)
    assert await sign_out(services, first.refresh_token) is True
    await _is_over(services, second)


# What is announced


@asynccontextmanager
async def announced(services: Services, grant: SessionGrant) -> AsyncIterator[list[str]]:
    """Collect what is announced of the grant's session within the block."""
    viewer = await viewer_of(services, grant)
    channel = account.REVOKED_CHANNEL
    last = asyncio.Event()
    heard: list[str] = []

    def receive(message: str) -> None:
        if message == "that was all":
            last.set()
        elif message == str(viewer.session_id):
            heard.append("revoked")

    async with services.bus.listen(channel, receive):
        yield heard
        services.bus.publish(channel, "that was all")
        await last.wait()


async def test_the_end_of_a_session_is_announced_once_when_it_is_signed_out(
    services: Services,
) -> None:
    grant = await sign_up(services)
    async with announced(services, grant) as heard:
        for _ in range(3):
            await sign_out(services, grant.refresh_token)
    assert heard == ["revoked"]


async def test_the_end_of_a_session_is_announced_once_when_a_token_is_reused(
    services: Services,
) -> None:
    grant = await sign_up(services)
    async with announced(services, grant) as heard:
        await refresh(services, grant.refresh_token)
        for _ in range(3):
            with pytest.raises(Unauthenticated):
                await refresh(services, grant.refresh_token)
    assert heard == ["revoked"]


async def test_nothing_is_announced_of_a_session_that_goes_on(services: Services) -> None:
    grant, other = await sign_up(services), await sign_in(services)
    async with announced(services, grant) as heard:
        await refresh(services, grant.refresh_token)
        await sign_out(services, other.refresh_token)
    assert heard == []


# API keys


async def test_an_api_key_acts_as_its_user(services: Services) -> None:
    grant = await sign_up(services)
    viewer = await viewer_of(services, grant)
    made = await account.create_api_key(called(services, viewer=viewer), name=" worker 1 ")
    assert made.key.name == "worker 1"
    assert made.secret.startswith("chk_")
    found = await authenticate(services, f"Bearer {made.secret}")
    assert found is not None
    assert (found.user_id, found.api_key_id) == (grant.user.id, made.key.id)
    assert (found.session_id, found.expires_at) == (None, None)


async def test_an_api_key_outlives_the_session_that_made_it(services: Services) -> None:
    grant = await sign_up(services)
    viewer = await viewer_of(services, grant)
    made = await account.create_api_key(called(services, viewer=viewer), name="worker")
    await sign_out(services, grant.refresh_token)
    assert await authenticate(services, f"Bearer {made.secret}")


async def test_an_api_key_can_not_make_api_keys(services: Services) -> None:
    viewer = await viewer_of(services, await sign_up(services))
    made = await account.create_api_key(called(services, viewer=viewer), name="worker")
    worker = await authenticate(services, f"Bearer {made.secret}")
    with pytest.raises(Forbidden, match="sign in with e-mail and password"):
        await account.create_api_key(called(services, viewer=worker), name="another")


async def test_who_is_not_signed_in_can_not_make_api_keys(services: Services) -> None:
    with pytest.raises(Unauthenticated, match="Sign in first"):
        await account.create_api_key(called(services), name="worker")


async def test_an_api_key_has_a_name(services: Services) -> None:
    viewer = await viewer_of(services, await sign_up(services))
    with pytest.raises(BadUserInput, match="name must have 1 to 200"):
        await account.create_api_key(called(services, viewer=viewer), name="")


# Who asks


async def test_the_viewer_is_whoever_asks(services: Services) -> None:
    grant = await sign_up(services)
    viewer = await viewer_of(services, grant)
    assert await account.viewer(called(services, viewer=viewer)) == grant.user


async def test_one_finds_oneself_and_no_stranger(services: Services) -> None:
    grant, stranger = await sign_up(services), await sign_up(services, "grace@example.com")
    context = called(services, viewer=await viewer_of(services, grant))
    assert await account.find(context, grant.user.id) == grant.user
    assert await account.find(context, stranger.user.id) is None


async def test_nobody_is_found_by_who_is_not_signed_in(services: Services) -> None:
    grant = await sign_up(services)
    with pytest.raises(Unauthenticated, match="Sign in first"):
        await account.find(called(services), grant.user.id)


async def test_there_is_no_viewer_where_nobody_is_signed_in(services: Services) -> None:
    with pytest.raises(Unauthenticated, match="Sign in first"):
        await account.viewer(called(services))


async def test_there_is_no_viewer_once_the_account_is_gone(services: Services) -> None:
    viewer = await viewer_of(services, await sign_up(services))
    await execute(services, "DELETE FROM users")
    with pytest.raises(Unauthenticated, match="account is gone"):
        await account.viewer(called(services, viewer=viewer))
