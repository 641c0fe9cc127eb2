"""A GraphQL request, as HTTP bodies, query strings and ``subscribe`` messages carry it."""

from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from resolvers.errors import BadUserInput

T = TypeVar("T")

_MAX_PARAMETERS = 16


class GraphQLRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    """What to execute. An empty ``operation_name`` is none."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


_request_decoder = msgspec.json.Decoder(GraphQLRequest)
_map_decoder = msgspec.json.Decoder(dict[str, Any] | None)


def decode_json(decoder: msgspec.json.Decoder[T], data: bytes | str, what: str) -> T:
    """Decode untrusted JSON; raises BadUserInput saying what is wrong with ``what``."""
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise BadUserInput(f"{what} is not as it should be: {error}.") from None
    except msgspec.DecodeError as error:
        raise BadUserInput(f"{what} is not JSON: {error}.") from None
    except UnicodeDecodeError:
        raise BadUserInput(f"{what} is not UTF-8.") from None
    except RecursionError:
        raise BadUserInput(f"{what} is nested too deeply.") from None


def decode_request(data: bytes, what: str = "The body") -> GraphQLRequest:
    """Decode a request from JSON."""
    if data.lstrip()[:1] == b"[":
        raise BadUserInput("Batches are not supported: send one operation a request.")
    return decode_json(_request_decoder, data, what)


def decode_query_string(query_string: bytes) -> GraphQLRequest:
    """Decode a request from the parameters of an address."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError:
        raise BadUserInput("The query string is malformed.") from None
    parameters = dict(pairs)
    if "query" not in parameters:
        raise BadUserInput("The parameter 'query' is missing.")
    return GraphQLRequest(
        query=parameters["query"],
        operation_name=parameters.get("operationName"),
        variables=_map(parameters, "variables"),
        extensions=_map(parameters, "extensions"),
    )


def _map(parameters: dict[str, str], name: str) -> dict[str, Any] | None:
    encoded = parameters.get(name)
    return decode_json(_map_decoder, encoded, f"The parameter '{name}'") if encoded else None
