"""Selections made ready, for what is executed again and again: the events of subscriptions.

graphql-core looks at each field of the document anew in each execution. A plan has done once what
is the same for all events. It does only what is plain; whatever else comes up, be it a value that
has to be awaited or an error, it leaves to graphql-core, which then executes from the beginning.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    Undefined,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails, collect_fields
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from schema.rendering import Execution

Executions: TypeAlias = Callable[[], Execution]
"""Gives the execution that resolvers are told of, the same one for all fields."""

Complete: TypeAlias = Callable[[Any, Executions], Any]
"""Makes of what a field resolved to what the response has for it."""

_Fields: TypeAlias = Sequence[tuple[str, Complete, Complete]]
_TYPENAME: Final = "__typename"
_CONVERTED: Final = "strawberry-definition"


class NotPlain(Exception):
    """This is for graphql-core to execute."""


class Plan:
    """What one operation selects of a root value, where that is plain; else it never applies."""

    def __init__(self, template: Execution) -> None:
        self._template = template

    def data(self, root_value: object, executions: Executions) -> dict[str, Any] | None:
        """Return the data of a response to the root value; None where it is not plain.

        The root field is taken to resolve to the root value itself, as those of subscriptions do.
        """
        try:
            name, complete = self._root
            return {name: complete(root_value, executions)}
        except Exception:  # noqa: BLE001 - what is wrong is said where it is executed
            return None

    @cached_property
    def _root(self) -> tuple[str, Complete]:
        try:
            return self._made_ready()
        except Exception:  # noqa: BLE001 - what is wrong is said where it is executed
            return "", _never

    def _made_ready(self) -> tuple[str, Complete]:
        template = self._template
        root = template.schema.get_root_type(template.operation.operation)
        assert root is not None  # noqa: S101 - the document is valid
        selected = collect_fields(
            template.schema,
            template.fragments,
            template.variable_values,
            root,
            template.operation,
        )
        ((name, details),) = selected.grouped_field_set.items()
        field = root.fields[details[0].node.name.value]
        return name, self._completing(field.type, details, Path(None, name, root.name))

    def _completing(
        self, kind: GraphQLOutputType, details: list[FieldDetails], path: Path | None
    ) -> Complete:
        if is_non_null_type(kind):
            return _required(self._completing_some(kind.of_type, details, path))
        return _optional(self._completing_some(kind, details, path))

    def _completing_some(
        self, kind: GraphQLOutputType, details: list[FieldDetails], path: Path | None
    ) -> Complete:
        if is_leaf_type(kind):
            return _leaf(kind.coerce_output_value)
        if is_list_type(kind):
            # What is in it has paths that are not known in advance.
            return _all(self._completing(kind.of_type, details, None))
        if is_object_type(kind):
            definition = kind.extensions[_CONVERTED]
            assert isinstance(definition, StrawberryObjectDefinition)  # noqa: S101
            return _object(definition.origin, self._fields(kind, details, path))
        raise NotPlain

    def _fields(
        self, kind: GraphQLObjectType, details: list[FieldDetails], path: Path | None
    ) -> _Fields:
        selected = self._template.collect_subfields(kind, details).grouped_field_set
        fields: list[tuple[str, Complete, Complete]] = []
        for name, of_field in selected.items():
            if of_field[0].node.name.value == _TYPENAME:
                fields.append((name, _constant(kind.name), _itself))
            else:
                field = kind.fields[of_field[0].node.name.value]
                where = None if path is None else path.add_key(name, kind.name)
                resolve = self._resolving(kind, field, of_field, where)
                fields.append((name, resolve, self._completing(field.type, of_field, where)))
        return fields

    def _resolving(
        self,
        kind: GraphQLObjectType,
        field: GraphQLField,
        details: list[FieldDetails],
        path: Path | None,
    ) -> Complete:
        definition: StrawberryField = field.extensions[_CONVERTED]
        if definition.is_basic_field:
            return _attribute(definition.python_name)
        if path is None or field.resolve is None or definition.is_async:
            raise NotPlain
        nodes = [each.node for each in details]
        arguments = get_argument_values(field, nodes[0], self._template.variable_values)

        def info(execution: Execution) -> GraphQLResolveInfo[Any]:
            return execution.build_resolve_info(field, nodes, kind, path)

        return _resolver(field.resolve, arguments, info, self._template.is_awaitable)


def _never(_value: object, _executions: Executions) -> None:
    raise NotPlain


def _required(complete: Complete) -> Complete:
    def required(value: Any, executions: Executions) -> Any:
        if value is None:
            raise NotPlain
        return complete(value, executions)

    return required


def _optional(complete: Complete) -> Complete:
    def optional(value: Any, executions: Executions) -> Any:
        return None if value is None else complete(value, executions)

    return optional


def _leaf(coerce: Callable[[Any], Any]) -> Complete:
    def leaf(value: Any, _executions: Executions) -> Any:
        coerced = coerce(value)
        if coerced is None or coerced is Undefined:
            raise NotPlain
        return coerced

    return leaf


def _all(complete: Complete) -> Complete:
    def all_of_them(values: Any, executions: Executions) -> list[Any]:
        if type(values) is not list:
            raise NotPlain
        return [complete(value, executions) for value in values]

    return all_of_them


def _object(origin: type, fields: _Fields) -> Complete:
    def an_object(value: Any, executions: Executions) -> dict[str, Any]:
        if type(value) is not origin:
            raise NotPlain
        return {
            name: complete(resolve(value, executions), executions)
            for name, resolve, complete in fields
        }

    return an_object


def _itself(value: Any, _executions: Executions) -> Any:
    return value


def _constant(constant: str) -> Complete:
    return lambda _value, _executions: constant


def _attribute(name: str) -> Complete:
    get = attrgetter(name)
    return lambda value, _executions: get(value)


def _resolver(
    resolve: Callable[..., Any],
    arguments: dict[str, Any],
    info: Callable[[Execution], GraphQLResolveInfo[Any]],
    is_awaitable: Callable[[Any], bool],
) -> Complete:
    def resolver(value: Any, executions: Executions) -> Any:
        result = resolve(value, info(executions()), **arguments)
        if is_awaitable(result):
            result.close()
            raise NotPlain
        return result

    return resolver
