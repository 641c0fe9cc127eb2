"""An address opens exactly the file it was made for, as what it was made for, until it expires."""

from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers import addresses
from resolvers.addresses import (
    PREFIX,
    AddressSigner,
    ExpiredAddress,
    InvalidAddress,
    SignedFile,
)

_LIFETIME = 600
_SIGNER = AddressSigner(b"a secret of this hub", _LIFETIME)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(addresses, "time", clock)
    return clock


def _take_apart(address: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
    return unquote(parts.path.removeprefix(PREFIX)), query


def _open(address: str) -> SignedFile:
    return _SIGNER.verify(*_take_apart(address))


@given(key=_TEXT, filename=_TEXT, mime_type=_TEXT)
def test_an_address_is_good_for_what_it_was_made_for(
    key: str, filename: str, mime_type: str
) -> None:
    found = _open(_SIGNER.path(key, filename, mime_type))
    assert (found.key, found.filename, found.mime_type) == (key, filename, mime_type)
    assert _LIFETIME <= found.seconds_left <= 2 * _LIFETIME


@given(_TEXT, _TEXT, _TEXT)
def test_an_address_needs_no_quoting(key: str, filename: str, mime_type: str) -> None:
    address = _SIGNER.path(key, filename, mime_type)
    assert address.isascii()
    assert address.startswith(PREFIX)
    assert not set(address) & set(" \"'<>#\\\r\n")
    assert len(parse_qs(address.partition("?")[2], keep_blank_values=True)) == 4


@pytest.mark.parametrize("part", ["name", "type", "expires", "signature"])
def test_no_part_of_an_address_can_be_changed_or_left_out(part: str) -> None:
    key, query = _take_apart(_SIGNER.path("a/b", "c.tif", "image/tiff"))
    for other in ("", "1", query[part] + "0", query[part][:-1], "é", "\ufffd"):
        with pytest.raises(InvalidAddress):
            _SIGNER.verify(key, {**query, part: other})
    with pytest.raises(InvalidAddress):
        _SIGNER.verify(key, {name: value for name, value in query.items() if name != part})


def test_an_address_opens_no_other_file() -> None:
    _, query = _take_apart(_SIGNER.path("a/b", "c.tif", "image/tiff"))
    for other in ("a/c", "a/b/", "a//b", "", "../a/b", "a/b?name=c.tif"):
        with pytest.raises(InvalidAddress):
            _SIGNER.verify(other, query)


def test_parts_cannot_be_shifted_into_one_another() -> None:
    key, query = _take_apart(_SIGNER.path("a", "b&type=text/html", "image/png"))
    with pytest.raises(InvalidAddress):
        _SIGNER.verify(key, {**query, "name": "b", "type": "text/html&type=image/png"})


def test_another_hub_makes_other_addresses() -> None:
    address = AddressSigner(b"a secret of another hub", _LIFETIME).path("a", "b", "image/png")
    with pytest.raises(InvalidAddress):
        _open(address)


def test_addresses_are_equal_within_a_window_and_last_a_lifetime_at_least(clock: Clock) -> None:
    clock.now -= clock.now % _LIFETIME
    first = _SIGNER.path("a", "b", "image/png")
    clock.now += _LIFETIME - 0.001
    assert _SIGNER.path("a", "b", "image/png") == first
    assert _open(first).seconds_left == _LIFETIME + 1
    clock.now += 0.001
    assert _SIGNER.path("a", "b", "image/png") != first
    clock.now += _LIFETIME - 1
    assert _open(first).seconds_left == 1
    clock.now += 1
    with pytest.raises(ExpiredAddress):
        _open(first)


def test_a_forged_address_is_invalid_before_it_is_expired(clock: Clock) -> None:
    key, query = _take_apart(_SIGNER.path("a", "b", "image/png"))
    clock.now += 10 * _LIFETIME
    with pytest.raises(InvalidAddress):
        _SIGNER.verify(key, {**query, "name": "c"})
