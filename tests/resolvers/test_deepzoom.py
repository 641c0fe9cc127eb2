"""An address of a picture opens the image that it was made for, until it expires."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers import addresses
from resolvers.addresses import AddressSigner, ExpiredAddress, InvalidAddress
from resolvers.deepzoom import DESCRIPTOR, PREFIX, DeepZoomSigner
from tests.resolvers.test_addresses import Clock

_LIFETIME = 600
_SIGNER = DeepZoomSigner(b"a secret of this hub", _LIFETIME)
_ONE, _OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(addresses, "time", clock)
    return clock


def token_of(path: str) -> str:
    assert path.startswith(PREFIX)
    token, _, descriptor = path.removeprefix(PREFIX).partition("/")
    assert descriptor == DESCRIPTOR
    return token


@given(st.uuids(), st.uuids())
def test_an_address_is_good_for_what_it_was_made_for(project: UUID, image: UUID) -> None:
    found = _SIGNER.verify(token_of(_SIGNER.path(project, image)))
    assert (found.project_id, found.image_id) == (project, image)
    assert _LIFETIME <= found.seconds_left <= 2 * _LIFETIME


@given(st.text())
def test_no_other_text_is_an_address(text: str) -> None:
    with pytest.raises(InvalidAddress):
        _SIGNER.verify(text)


@given(st.data())
def test_no_character_of_an_address_can_be_changed(data: st.DataObject) -> None:
    token = token_of(_SIGNER.path(_ONE, _OTHER))
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("0123456789abcdef-").filter(lambda one: one != token[at]))
    with pytest.raises(InvalidAddress):
        _SIGNER.verify(token[:at] + other + token[at + 1 :])


def test_another_secret_and_another_purpose_make_other_addresses() -> None:
    token = token_of(_SIGNER.path(_ONE, _OTHER))
    with pytest.raises(InvalidAddress):
        DeepZoomSigner(b"a secret of another hub", _LIFETIME).verify(token)
    unsigned = token.rpartition("-")[0]
    files = AddressSigner(b"a secret of this hub", _LIFETIME)
    assert files._seal.signature(unsigned) != token.rpartition("-")[2]


def test_addresses_are_equal_within_a_window_and_last_a_lifetime_at_least(clock: Clock) -> None:
    clock.now -= clock.now % _LIFETIME
    first = _SIGNER.path(_ONE, _OTHER)
    clock.now += _LIFETIME - 0.001
    assert _SIGNER.path(_ONE, _OTHER) == first
    assert _SIGNER.verify(token_of(first)).seconds_left == _LIFETIME + 1
    clock.now += 0.001
    assert _SIGNER.path(_ONE, _OTHER) != first
    clock.now += _LIFETIME
    with pytest.raises(ExpiredAddress):
        _SIGNER.verify(token_of(first))
