"""The contract's scalars, as literals, as variables and as results."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.requests import GraphQLRequest
from schema.results import Result, encode
from tests.schema.toy import executor_of
from tests.schema.world import Context, World

VARIABLES = """
    query ($instant: DateTime!, $big: BigInt!, $shape: GeoJSON!, $color: Color!) {
      leaves(instant: $instant, big: $big, shape: $shape, color: $color)
      { instant big shape color }
    }
"""
GOOD: dict[str, Any] = {
    "instant": "2026-01-31T12:00:00.123Z",
    "big": 1,
    "shape": {"type": "Point", "coordinates": [1, 2.5]},
    "color": "RED",
}


async def _execute(query: str, variables: dict[str, Any] | None = None) -> Result:
    world = World()
    request = GraphQLRequest(query=query, variables=variables)
    result = await executor_of(world).execute(request, Context(world, "r1"))
    assert world.unexpected == []
    return result


async def _returned(**changed: object) -> dict[str, Any]:
    result = await _execute(VARIABLES, GOOD | changed)
    leaves: dict[str, Any] = msgspec.json.decode(encode(result))["data"]["leaves"]
    return leaves


async def _refused(**changed: object) -> str:
    result = await _execute(VARIABLES, GOOD | changed)
    assert not result.executed
    assert result.errors
    assert result.errors[0].code == "BAD_USER_INPUT"
    return result.errors[0].message


async def test_scalars_come_back_as_they_were_sent() -> None:
    assert await _returned() == GOOD


async def test_literals_mean_the_same_as_variables() -> None:
    result = await _execute("""
        query ($y: Float!) {
          leaves(instant: "2026-01-31T12:00:00.123Z", big: 9007199254740991, color: BLUE,
                 shape: {type: "Point", coordinates: [1, $y]})
          { instant big shape color }
        }
    """, {"y": 2.5})  # fmt: skip

    assert result.data == {
        "leaves": GOOD | {"big": 2**53 - 1, "color": "BLUE"},
    }


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31t12:00:00.5z", "2026-01-31T12:00:00.500Z"),
        ("2026-01-31T14:00:00+02:00", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123Z"),
    ],
)
async def test_an_instant_is_answered_in_utc_and_milliseconds(sent: str, meant: str) -> None:
    assert (await _returned(instant=sent))["instant"] == meant


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7))])))
async def test_every_instant_survives_to_the_millisecond(instant: datetime) -> None:
    try:
        meant = instant.astimezone(UTC)
    except OverflowError:
        return
    answered = (await _returned(instant=instant.isoformat()))["instant"]

    assert datetime.fromisoformat(answered) == meant.replace(
        microsecond=meant.microsecond // 1000 * 1000
    )


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31T12:00:00",
        "2026-01-31",
        "20260131T120000Z",
        "2026-W05-6T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T25:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "\u0662\u066026-01-31T12:00:00Z",
        "now",
        "",
        1769860800,
        None,
    ],
)
async def test_an_instant_without_offset_or_sense_is_refused(value: object) -> None:
    assert "instant" in await _refused(instant=value)


@pytest.mark.parametrize(("sent", "meant"), [(-1, -1), (2**53 - 1, 2**53 - 1), (5.0, 5)])
async def test_a_big_int_is_a_whole_number(sent: float, meant: int) -> None:
    assert (await _returned(big=sent))["big"] == meant


@pytest.mark.parametrize("value", [2**53, -(2**53), 1.5, "1", True, None, [1], math.inf])
async def test_what_is_no_whole_number_is_no_big_int(value: object) -> None:
    assert "big" in await _refused(big=value)


@pytest.mark.parametrize("value", [None, [], "Point", {}, {"type": "Circle"}, {"type": ["Point"]}])
async def test_geojson_is_an_object_with_a_known_type(value: object) -> None:
    assert "shape" in await _refused(shape=value)


async def test_geojson_literals_are_finite() -> None:
    result = await _execute("""{
        leaves(instant: "2026-01-31T12:00:00Z", big: 1, color: RED,
               shape: {type: "Point", coordinates: [1, 1e999]}) { big }
    }""")

    assert result.errors
    assert "finite" in result.errors[0].message


async def test_stored_geojson_goes_out_byte_by_byte() -> None:
    result = await _execute("{ storedShape }")

    assert encode(result) == b'{"data":{"storedShape":{"type":"Point","coordinates":[1.50,2]}}}'


@pytest.mark.parametrize("value", [None, "file.png", {"name": "x"}])
async def test_an_upload_without_a_multipart_request_is_refused(value: object) -> None:
    result = await _execute(
        "mutation ($file: Upload!) { uploadOne(file: $file) { name } }", {"file": value}
    )

    assert result.errors
    assert result.errors[0].code == "BAD_USER_INPUT"
