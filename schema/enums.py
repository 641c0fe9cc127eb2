"""Enums of the records, dressed for GraphQL."""

from enum import Enum
from typing import TypeVar

import strawberry

E = TypeVar("E", bound=Enum)


def describe(enum: type[E], description: str, /, **values: str) -> None:
    """Make the enum a GraphQL one, with a description of it and of each of its values."""
    strawberry.enum(enum, description=description)
    definition = enum.__strawberry_definition__  # type: ignore[attr-defined]
    described = {value.name: value for value in definition.values}
    for name, text in values.items():
        described[name].description = text
    undescribed = described.keys() - values.keys()
    if undescribed:
        raise TypeError(f"{enum.__name__} lacks descriptions of {sorted(undescribed)}.")
