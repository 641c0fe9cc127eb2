"""The schema, put together."""

from typing import Any

import strawberry
from graphql import GraphQLObjectType, is_input_object_type
from strawberry.schema.config import StrawberryConfig

from schema.mutation import Mutation
from schema.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription


def build_schema() -> strawberry.Schema:
    """Build the schema that clients see."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    introspected = schema._schema.type_map["__Type"]  # noqa: SLF001
    assert isinstance(introspected, GraphQLObjectType)  # noqa: S101
    introspected.fields["isOneOf"].resolve = _is_one_of
    return schema


def _is_one_of(introspected: Any, _info: object) -> bool | None:
    # Strawberry's own resolver fails for lists and for non-null types.
    return introspected.is_one_of if is_input_object_type(introspected) else None
