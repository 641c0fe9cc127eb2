"""Which subscriptions may share a rendering, read off their documents.

A selection whose fields depend on the event alone is rendered once for everybody who may see the
event. That a field does is never assumed: one with a resolver, a permission or another extension is
taken for dependent on who asks, unless it is marked ``SHARED``. A rendering that is shared knows no
viewer at all.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphql import (
    SKIP,
    ArgumentNode,
    FieldNode,
    GraphQLField,
    GraphQLSchema,
    Node,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from msgspec import Struct
from strawberry.types.field import StrawberryField

SHARED: Final[Mapping[Any, Any]] = {"shared": True}
"""The ``metadata`` of fields whose resolvers give the same to all who may see the object."""


TOLD_ASIDE: Final[Mapping[Any, Any]] = {"told aside": True}
"""The ``metadata`` of fields that become others without a change of what they belong to."""


MOVING: Final[Mapping[Any, Any]] = {"moving": True}
"""The ``metadata`` of fields that become others without anything being told of it."""


class Sharing(Struct, frozen=True):
    """Whether a rendering may be shared, and the variables, sorted, that it depends on.

    ``wants_asides`` tells whether a field is selected of which asides tell, and ``moves`` whether
    one is that becomes another by itself.
    """

    shared: bool
    variables: tuple[str, ...]
    wants_asides: bool = False
    moves: bool = False


def sharing_of(schema: GraphQLSchema, document: Node) -> Sharing:
    """Look at what the subscriptions of a valid document select of their events.

    A document with several is taken as one: what one of them depends on, all do.
    """
    types = TypeInfo(schema)
    selections = _Selections(schema, types)
    visit(document, TypeInfoVisitor(types, selections))
    return Sharing(
        shared=selections.shared,
        variables=tuple(sorted(selections.variables)),
        wants_asides=selections.wants_asides,
        moves=selections.moves,
    )


def is_shared(field: GraphQLField) -> bool:
    """Tell whether the field gives the same to all who may see the object."""
    definition: StrawberryField | None = field.extensions.get("strawberry-definition")
    if definition is None or definition.is_basic_field:
        return True
    return _is_marked(field, SHARED)


def _is_marked(field: GraphQLField, mark: Mapping[Any, Any]) -> bool:
    definition: StrawberryField | None = field.extensions.get("strawberry-definition")
    metadata: Mapping[Any, Any] = (definition and definition.metadata) or {}
    return mark.items() <= metadata.items()


class _Selections(Visitor):
    """Notes the fields and the variables behind the root field.

    The root field's own arguments say which events there are, not how they look.
    """

    def __init__(self, schema: GraphQLSchema, types: TypeInfo) -> None:
        super().__init__()
        self.shared = True
        self.wants_asides = False
        self.moves = False
        self.variables: set[str] = set()
        self._schema = schema
        self._types = types

    def enter_field(self, _node: FieldNode, *_: Any) -> None:
        field = self._types.get_field_def()
        if field is not None and not self._at_root():
            self.shared &= is_shared(field)
            self.wants_asides |= _is_marked(field, TOLD_ASIDE)
            self.moves |= _is_marked(field, MOVING)

    def enter_argument(self, _node: ArgumentNode, *_: Any) -> Any:
        return SKIP if self._at_root() and self._types.get_directive() is None else None

    def enter_variable_definition(self, _node: VariableDefinitionNode, *_: Any) -> Any:
        return SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.variables.add(node.name.value)

    def _at_root(self) -> bool:
        return self._types.get_parent_type() is self._schema.subscription_type
