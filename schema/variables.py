"""How long lists in variables may be, checked before GraphQL looks at each of their entries.

That takes it about 2 µs an entry, and a body has room for millions, before anybody is asked who
they are. Values of scalars, such as GeoJSON, are not looked into.
"""

from collections.abc import Mapping

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    type_from_ast,
)


def entries(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    variables: Mapping[str, object],
    *,
    most: int,
) -> int:
    """Count the entries of all lists that the operation's variables hold, up to about ``most``."""
    count = 0
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        if name in variables and count <= most:
            kind = type_from_ast(schema, definition.type)
            count += _entries(kind, variables[name], most)
    return count


def _entries(kind: object, value: object, most: int) -> int:
    if isinstance(kind, GraphQLNonNull):
        return _entries(kind.of_type, value, most)
    if isinstance(kind, GraphQLList) and isinstance(value, list):
        return _of_list(kind, value, most)
    if isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
        return sum(
            _entries(field.type, value[name], most)
            for name, field in kind.fields.items()
            if name in value
        )
    return 0


def _of_list(kind: "GraphQLList[GraphQLInputType]", values: list[object], most: int) -> int:
    count = len(values)
    for value in values:
        if count > most:
            break
        count += _entries(kind.of_type, value, most)
    return count
