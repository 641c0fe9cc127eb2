"""What clients say in graphql-transport-ws, one Struct for each type of message."""

from typing import Any, TypeAlias

import msgspec
from msgspec import Raw, Struct

from schema.requests import GraphQLRequest, decode_json

_NULL = Raw(b"null")


class ConnectionInit(Struct, tag="connection_init"):
    """The client introduces itself."""

    payload: dict[str, Any] | None = None


class Ping(Struct, tag="ping"):
    """The client wants a pong. Its payload goes back as it came, so it stays encoded."""

    payload: Raw = _NULL


class Pong(Struct, tag="pong"):
    """The client is alive. Nothing is done with its payload, which must be right all the same."""

    payload: dict[str, Raw] | None = None


class Subscribe(Struct, tag="subscribe"):
    """The client wants an operation executed."""

    id: str
    payload: GraphQLRequest


class Complete(Struct, tag="complete"):
    """The client does not listen to an operation any more."""

    id: str


Message: TypeAlias = ConnectionInit | Ping | Pong | Subscribe | Complete

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def decode_message(text: str) -> Message:
    """Decode a message; raises BadUserInput saying what is wrong with it."""
    return decode_json(_decoder, text, "The message")
