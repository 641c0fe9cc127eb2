"""The one argument that each mutation has."""

from typing import Annotated, TypeVar

import strawberry

T = TypeVar("T")

Input = Annotated[T, strawberry.argument(description="All that the mutation needs to know.")]
"""The argument ``input`` of a mutation, of the type in brackets."""
