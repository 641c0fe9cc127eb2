import asyncio
import threading
from collections.abc import Iterator

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from resolvers.errors import BadUserInput
from resolvers.passwords import Passwords, check_password

CHEAP = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
PASSWORD = "the cells divide at dawn"


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(CHEAP)
    yield made
    made.close()


def check(password: str) -> None:
    check_password(password, email="ada.lovelace@example.com", name="Ada King Lovelace")


@pytest.mark.parametrize(
    "password",
    ["x7 k2 pq 9", "correct horse battery staple", "密码密码密码很长很安全", "ab12" * 256],
)
def test_a_password_of_10_to_1024_characters_will_do(password: str) -> None:
    check(password)


@pytest.mark.parametrize("password", ["", "123abcDE!", "ab12" * 256 + "x"])
def test_a_password_of_another_length_is_refused(password: str) -> None:
    with pytest.raises(BadUserInput, match="10 to 1024 characters"):
        check(password)


@pytest.mark.parametrize(
    "password", ["Ada.Lovelace@example.com", "ada.lovelace", "ADA KING LOVELACE"]
)
def test_the_name_and_the_email_address_are_no_passwords(password: str) -> None:
    with pytest.raises(BadUserInput, match="must differ"):
        check(password)


@pytest.mark.parametrize("password", ["Password123", "1234567890", "aaaaaaaaaaaa", "abababababab"])
def test_what_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(BadUserInput, match="choose another"):
        check(password)


async def test_a_password_matches_its_hash_and_no_other_does(passwords: Passwords) -> None:
    made = await passwords.hash(PASSWORD)
    assert PASSWORD not in made
    assert (await passwords.verify(PASSWORD, made)).matches
    assert not (await passwords.verify(PASSWORD + " ", made)).matches
    assert not (await passwords.verify("", made)).matches


async def test_equal_passwords_have_different_hashes(passwords: Passwords) -> None:
    assert await passwords.hash(PASSWORD) != await passwords.hash(PASSWORD)


async def test_nobody_has_a_password(passwords: Passwords) -> None:
    assert not (await passwords.verify("the password of nobody", None)).matches


async def test_one_password_may_be_typed_as_different_code_points(passwords: Passwords) -> None:
    made = await passwords.hash("caf\N{LATIN SMALL LETTER E WITH ACUTE} au lait")
    assert (await passwords.verify("cafe\N{COMBINING ACUTE ACCENT} au lait", made)).matches


async def test_text_that_is_not_unicode_is_a_wrong_password_and_no_crash(
    passwords: Passwords,
) -> None:
    made = await passwords.hash(PASSWORD)
    assert not (await passwords.verify("\ud800", made)).matches


async def test_a_hash_of_today_needs_no_new_one(passwords: Passwords) -> None:
    verified = await passwords.verify(PASSWORD, await passwords.hash(PASSWORD))
    assert verified.new_hash is None


async def test_a_match_with_outdated_parameters_brings_a_new_hash(passwords: Passwords) -> None:
    outdated = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1),))
    old = outdated.hash(PASSWORD)
    assert (await passwords.verify("a wrong password", old)).new_hash is None
    verified = await passwords.verify(PASSWORD, old)
    assert verified.matches
    assert verified.new_hash is not None
    assert (await passwords.verify(PASSWORD, verified.new_hash)).new_hash is None


class Gated(Argon2Hasher):
    """The real hasher behind a gate, with a count of those who wait at it."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.inside = self.most_inside = 0
        self.lock = threading.Lock()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self.lock:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        self.entered.release()
        self.gate.wait()
        made = super().hash(password, salt=salt)
        with self.lock:
            self.inside -= 1
        return made


async def test_cancelled_callers_do_not_let_more_hashes_run_at_once() -> None:
    hasher = Gated()
    passwords = Passwords(PasswordHash((hasher,)), workers=2)
    hasher.entered.acquire()
    hasher.gate.clear()
    try:
        callers = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(6)]
        for _ in range(2):
            await asyncio.to_thread(hasher.entered.acquire)
        for caller in callers[:2]:
            caller.cancel()
        await asyncio.gather(*callers[:2], return_exceptions=True)
        hasher.gate.set()
        assert len(await asyncio.gather(*callers[2:])) == 4
    finally:
        hasher.gate.set()
        passwords.close()
    assert hasher.most_inside == 2


def test_the_parameters_are_those_recommended_where_none_are_given() -> None:
    passwords = Passwords(workers=1)
    try:
        made = asyncio.run(passwords.hash(PASSWORD))
    finally:
        passwords.close()
    assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
