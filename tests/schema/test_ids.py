"""Opaque ids."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.ids import new_id
from resolvers.errors import NotFound
from schema.ids import InvalidId, Kind, decode, encode, kind_of


@given(st.sampled_from(Kind), st.uuids())
def test_an_id_leads_back_to_its_kind_and_key(kind: Kind, key: UUID) -> None:
    encoded = encode(kind, key)

    assert kind_of(encoded) is kind
    assert decode(kind, encoded) == key


def test_an_id_is_a_prefix_and_32_digits() -> None:
    assert encode(Kind.IMAGE, UUID(int=10)) == "img_0000000000000000000000000000000a"
    assert {kind.value for kind in Kind} == {
        "usr_", "prj_", "img_", "seg_", "job_", "bat_", "key_",
    }  # fmt: skip


def test_an_id_of_another_kind_is_of_nothing() -> None:
    with pytest.raises(InvalidId):
        decode(Kind.PROJECT, encode(Kind.IMAGE, new_id()))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "img_",
        "img",
        "xyz_0000000000000000000000000000000a",
        "img_0000000000000000000000000000000A",
        "img_000000000000000000000000000000a",
        "img_0000000000000000000000000000000a0",
        "img_0000000000000000000000000000000a\n",
        "img_00000000-0000-0000-0000-00000000000a",
        "img_+000000000000000000000000000000a",
        "img_0_00000000000000000000000000000a",
        "img_\u06600000000000000000000000000000000",
        "x" * 100_000,
    ],
)
def test_a_malformed_id_is_of_nothing(value: str) -> None:
    with pytest.raises(NotFound) as refused:
        decode(Kind.IMAGE, value)
    assert len(refused.value.message) < 200
