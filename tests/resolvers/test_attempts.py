"""How often one may try to get in."""

import asyncio
import re
import secrets

import pytest

from resolvers.attempts import address_subject, sign_up_subject
from resolvers.context import Services
from resolvers.errors import Conflict, RateLimited, Unauthenticated
from resolvers.limits import Limits
from tests.resolvers.accounts import Clock, WatchedHasher, limited, sign_in, sign_up

WRONG = "a wrong password"
ADA = "ada@example.com"
NOBODY = "nobody@example.com"


async def fail(services: Services, times: int, *, email: str = ADA, address: str = "a") -> None:
    for _ in range(times):
        with pytest.raises(Unauthenticated):
            await sign_in(services, WRONG, email=email, address=address)


@pytest.fixture
def few(services: Services) -> Services:
    return limited(
        services,
        Limits(
            sign_in_failures_per_account=3, sign_in_failures_per_address=5, sign_ups_per_address=2
        ),
    )


async def test_failures_of_an_account_hold_it_up_even_with_the_right_password(
    few: Services, hasher: WatchedHasher
) -> None:
    await sign_up(few)
    await fail(few, 3)
    hasher.verified.clear()
    with pytest.raises(RateLimited, match="try again in 900 seconds"):
        await sign_in(few, address="another")
    assert hasher.verified == []


async def test_an_unknown_email_address_is_held_up_alike(few: Services) -> None:
    await sign_up(few)
    messages = set()
    for email in (ADA, NOBODY):
        await fail(few, 3, email=email, address=email)
        with pytest.raises(RateLimited) as caught:
            await sign_in(few, WRONG, email=email, address=email)
        messages.add(caught.value.message)
    assert len(messages) == 1


async def test_other_accounts_are_not_held_up(few: Services) -> None:
    await sign_up(few)
    await fail(few, 3, email=NOBODY)
    assert await sign_in(few)


async def test_failures_count_for_the_account_however_it_is_spelt(few: Services) -> None:
    await sign_up(few)
    for email in ("ada@example.com", "ADA@example.com", " Ada@EXAMPLE.com"):
        await fail(few, 1, email=email)
    with pytest.raises(RateLimited):
        await sign_in(few)


async def test_the_message_says_when_it_is_over_and_then_it_is(few: Services, clock: Clock) -> None:
    await sign_up(few)
    await fail(few, 3)
    clock.turn(minutes=10, milliseconds=1)
    with pytest.raises(RateLimited) as caught:
        await sign_in(few)
    seconds = int(re.findall(r"\d+", caught.value.message)[0])
    assert seconds == 300
    clock.turn(seconds=seconds)
    assert await sign_in(few)


async def test_signing_in_clears_the_account(few: Services) -> None:
    await sign_up(few)
    for _ in range(2):
        await fail(few, 2, address="first")
        await sign_in(few, address="second")
    await fail(few, 3, address="third")


async def test_signing_in_does_not_clear_the_address(few: Services) -> None:
    await sign_up(few)
    await fail(few, 2)
    await sign_in(few, address="a")
    await fail(few, 3, email=NOBODY)
    with pytest.raises(RateLimited):
        await sign_in(few, address="a")
    assert await sign_in(few, address="another")


async def test_signing_in_does_not_count_for_the_address(few: Services) -> None:
    await sign_up(few)
    for _ in range(10):
        await sign_in(few)


async def test_failures_of_an_address_add_up_over_accounts(few: Services) -> None:
    for number in range(5):
        await fail(few, 1, email=f"guess{number}@example.com")
    with pytest.raises(RateLimited):
        await sign_in(few, email="guess5@example.com", address="a")


async def test_many_attempts_at_once_get_no_further_than_one_by_one(
    few: Services, hasher: WatchedHasher
) -> None:
    await sign_up(few)
    hasher.verified.clear()
    outcomes = await asyncio.gather(
        *(sign_in(few, WRONG, address=f"address {i}") for i in range(12)), return_exceptions=True
    )
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds.count(Unauthenticated) == 3
    assert kinds.count(RateLimited) == 9
    assert len(hasher.verified) == 3


async def test_an_address_may_make_so_many_accounts_and_try_so_many_emails(few: Services) -> None:
    await sign_up(few)
    with pytest.raises(Conflict):
        await sign_up(few)
    with pytest.raises(RateLimited, match="try again in 900 seconds"):
        await sign_up(few, "new@example.com")
    await sign_up(few, "new@example.com", address="another")


async def test_making_accounts_and_signing_in_are_counted_apart(few: Services) -> None:
    await fail(few, 3, email=NOBODY)
    await fail(few, 2, email=ADA)
    assert await sign_up(few, address="a")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_addresses_that_one_client_may_have_at_once_are_one(one: str, other: str) -> None:
    assert address_subject(one) == address_subject(other)
    assert sign_up_subject(one) == sign_up_subject(other)


def test_addresses_of_different_clients_differ() -> None:
    addresses = ["192.0.2.1", "192.0.2.2", "2001:db8:1:2::1", "2001:db8:1:3::1", "unix", ""]
    subjects = {address_subject(address) for address in addresses}
    assert len(subjects) == len(addresses)
    assert subjects.isdisjoint({sign_up_subject(address) for address in addresses})


async def test_an_address_that_is_held_up_holds_up_no_accounts(few: Services) -> None:
    await sign_up(few)
    for number in range(5):
        await fail(few, 1, email=f"guess{number}@example.com")
    for _ in range(5):
        with pytest.raises(RateLimited):
            await sign_in(few, WRONG, address="a")
    assert await sign_in(few, address="another")


async def test_what_a_client_claims_its_address_to_be_may_be_anything(few: Services) -> None:
    claim = secrets.token_hex(10_000) + "\0\ud800"
    for number in range(5):
        await fail(few, 1, email=f"guess{number}@example.com", address=claim)
    with pytest.raises(RateLimited):
        await sign_in(few, WRONG, address=claim)
