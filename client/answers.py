"""Answers of the hub as typed records."""

from typing import Any, TypeVar

import msgspec

from client.errors import NotAHub

T = TypeVar("T")


def only_field(data: Any) -> Any:
    """Return the value of the only field of an operation."""
    (value,) = data.values()
    return value


def record(value: Any, kind: type[T]) -> T:
    """Return a value of an answer as a record; raises NotAHub where it is none of the kind."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise NotAHub(f"The hub's answer is not understood: {error}.") from error
