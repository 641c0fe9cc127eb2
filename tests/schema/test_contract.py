"""The contract with clients: what they were promised stays, and all there is, is explained."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    DangerousChangeType,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)
from graphql.utilities import find_breaking_changes, find_dangerous_changes

from schema.roots import build_schema as build_hub_schema

CONTRACT = Path(__file__).with_name("contract.graphql")


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text())


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_hub_schema()._schema


def test_the_schema_keeps_all_that_the_contract_promises(
    contract: GraphQLSchema, schema: GraphQLSchema
) -> None:
    assert find_breaking_changes(contract, schema) == []


def test_nothing_was_added_that_old_clients_may_trip_over(
    contract: GraphQLSchema, schema: GraphQLSchema
) -> None:
    changes = find_dangerous_changes(contract, schema)
    # Who does not know a field of an input does not fill it in.
    optional = DangerousChangeType.OPTIONAL_INPUT_FIELD_ADDED
    assert [change.description for change in changes if change.type is not optional] == []


def test_breaking_the_contract_would_be_found(contract: GraphQLSchema) -> None:
    broken = CONTRACT.read_text().replace("viewer: User!", "viewer: User")
    broken = broken.replace("enum ProjectRole {", "enum ProjectRole {\n  ADMIN")
    changed = build_schema(broken)
    assert [change.description for change in find_breaking_changes(contract, changed)] == [
        "Field Query.viewer changed type from User! to User."
    ]
    assert [change.description for change in find_dangerous_changes(contract, changed)] == [
        "Enum value ProjectRole.ADMIN was added."
    ]


def test_everything_has_a_description(schema: GraphQLSchema) -> None:
    described = dict(_descriptions(schema))
    assert {"Query", "Query.node", "Query.node(id)", "ProjectRole.OWNER", "BigInt"} <= set(
        described
    )
    assert [name for name, text in described.items() if not (text or "").strip()] == []


def test_descriptions_are_sentences(schema: GraphQLSchema) -> None:
    own = {name: text for name, text in _descriptions(schema) if not name.startswith("@")}
    assert [
        name for name, text in own.items() if not (text or "").rstrip().endswith((".", "…"))
    ] == []


def _descriptions(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Yield all that can have a description, under the name by which people find it."""
    for directive in schema.directives:
        yield f"@{directive.name}", directive.description
        for name, argument in directive.args.items():
            yield f"@{directive.name}({name})", argument.description
    for type_name, kind in schema.type_map.items():
        if type_name.startswith("__"):
            continue
        yield type_name, kind.description
        if isinstance(kind, GraphQLEnumType):
            for name, value in kind.values.items():
                yield f"{type_name}.{name}", value.description
        elif isinstance(kind, GraphQLInputObjectType):
            for name, field in kind.fields.items():
                yield f"{type_name}.{name}", field.description
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            yield from _of_fields(kind)


def _of_fields(
    kind: GraphQLObjectType | GraphQLInterfaceType,
) -> Iterator[tuple[str, str | None]]:
    for name, field in kind.fields.items():
        yield f"{kind.name}.{name}", field.description
        for argument_name, argument in field.args.items():
            yield f"{kind.name}.{name}({argument_name})", argument.description
