"""The scalars of the contract. ``SCALARS`` goes into ``StrawberryConfig(scalar_map=…)``.

A scalar's ``serialize`` fails only where the hub itself is wrong, which is masked; its parsers say
what a client should have sent.
"""

import math
import re
from datetime import UTC, datetime
from typing import Any, NewType, cast

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from msgspec import Raw
from strawberry.types.scalar import ScalarDefinition

from resolvers.uploads import UploadHandle

BigInt = NewType("BigInt", int)
GeoJSON = NewType("GeoJSON", dict[str, Any])
JSON = NewType("JSON", dict[str, Any])
Upload = NewType("Upload", UploadHandle)

_LARGEST = 2**53 - 1
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?\d*([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_GEOJSON_TYPES = frozenset(
    {
        "Feature",
        "FeatureCollection",
        "GeometryCollection",
        "LineString",
        "MultiLineString",
        "MultiPoint",
        "MultiPolygon",
        "Point",
        "Polygon",
    }
)


def stored_geojson(encoded: bytes) -> GeoJSON:
    """Return a GeoJSON value that is encoded already, for output: it is sent as it is, unread."""
    return cast("GeoJSON", Raw(encoded))


def stored_json(encoded: str) -> JSON:
    """Return a JSON value that is encoded already, for output: it is sent as it is, unread."""
    return cast("JSON", Raw(encoded.encode()))


def _serialize_instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("an instant without a time zone")
    return value.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _parse_instant(value: object) -> datetime:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise GraphQLError("DateTime must be ISO 8601 with an offset, as 2026-01-31T12:00:00.123Z.")


def _is_whole(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _parse_whole(value: object) -> BigInt:
    if not _is_whole(value) or abs(number := int(cast("float", value))) > _LARGEST:
        raise GraphQLError("BigInt must be a whole number, up to 2^53-1.")
    return BigInt(number)


def _serialize_whole(value: int) -> int:
    if not isinstance(value, int) or abs(value) > _LARGEST:
        raise ValueError(f"{value!r} is no BigInt")
    return value


def _parse_geojson(value: object) -> GeoJSON:
    if not isinstance(value, dict) or value.get("type") not in _GEOJSON_TYPES:
        raise GraphQLError("GeoJSON must be an object whose 'type' is one of RFC 7946.")
    return GeoJSON(value)


def _parse_geojson_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> GeoJSON:
    value = value_from_ast_untyped(node, variables)
    _refuse_infinite(value, "GeoJSON")
    return _parse_geojson(value)


def _parse_json(value: object) -> JSON:
    if not isinstance(value, dict):
        raise GraphQLError("JSON must be an object.")
    return JSON(value)


def _parse_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> JSON:
    value = value_from_ast_untyped(node, variables)
    _refuse_infinite(value, "JSON")
    return _parse_json(value)


def _refuse_infinite(value: object, what: str) -> None:
    # JSON has no infinity, but the literal 1e999 becomes one.
    match value:
        case float() if not math.isfinite(value):
            raise GraphQLError(f"{what} must consist of finite numbers.")
        case list():
            for item in value:
                _refuse_infinite(item, what)
        case dict():
            for item in value.values():
                _refuse_infinite(item, what)
        case _:
            pass


def _parse_upload(value: object) -> Upload:
    if not isinstance(value, UploadHandle):
        raise GraphQLError(
            "Upload must be null in 'operations', and a file of the multipart request."
        )
    return Upload(value)


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in UTC, ISO 8601, as 2026-01-31T12:00:00.123Z.",
        serialize=_serialize_instant,
        parse_value=_parse_instant,
    ),
    Upload: strawberry.scalar(
        name="Upload",
        description="A file of a multipart request (GraphQL multipart request specification).",
        parse_value=_parse_upload,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description=(
            "A whole number up to 2^53-1, sent as a JSON number: byte counts and revisions."
        ),
        serialize=_serialize_whole,
        parse_value=_parse_whole,
    ),
    GeoJSON: strawberry.scalar(
        name="GeoJSON",
        description=(
            "GeoJSON (RFC 7946), in pixel coordinates: x right, y down, origin at the top left"
            " pixel's corner."
        ),
        parse_value=_parse_geojson,
        parse_literal=_parse_geojson_literal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="A JSON object of any content, as the parameters of a model.",
        parse_value=_parse_json,
        parse_literal=_parse_json_literal,
    ),
}
