"""What a document may ask for, checked before it is validated, at a cost linear in its size.

The usual validation rules for this walk into each spread of a fragment anew: thirty fragments that
spread each other twice keep them busy for ever. Here a fragment is measured once.
"""

from collections import Counter
from collections.abc import Iterator
from typing import cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)
from msgspec import Struct


class DocumentLimits(Struct, frozen=True, kw_only=True):
    """How much a document may ask for, and how many documents are kept prepared.

    ``depth`` counts fields below fields (introspection aside, which has a rule of its own),
    ``aliases`` those of the whole document with its fragments filled in, ``introspection_aliases``
    those of introspection among them: it needs no signing in, and one round costs up to 0.3 s.
    ``overlaps`` bounds what checking the merging of equally named fields costs: the sum of the
    squares of how often each response name occurs; 15,000 take at most about 0.1 s.
    ``variable_entries`` counts those of all lists in the variables.
    """

    characters: int = 100_000
    tokens: int = 2_000
    depth: int = 12
    aliases: int = 50
    introspection_aliases: int = 2
    overlaps: int = 15_000
    variable_entries: int = 10_000
    cached_documents: int = 1_000
    cached_characters: int = 500_000


def exceeded(document: DocumentNode, limits: DocumentLimits) -> str | None:
    """Tell which limit the document exceeds, if any."""
    overlaps = _overlaps(document)
    if overlaps > limits.overlaps:
        return (
            f"The document selects the same names too often: {overlaps} comparisons; "
            f"the limit is {limits.overlaps}."
        )
    try:
        sizes = _Measure(document).operations()
    except RecursionError:
        return f"The document is nested too deeply; the limit is {limits.depth} fields."
    depth = max((size.depth for size in sizes), default=0)
    if depth > limits.depth:
        return f"The document is {depth} fields deep; the limit is {limits.depth}."
    aliases = sum(size.aliases for size in sizes)
    if aliases > limits.aliases:
        return f"The document has {aliases} aliases; the limit is {limits.aliases}."
    introspection = sum(size.introspection_aliases for size in sizes)
    if introspection > limits.introspection_aliases:
        return (
            f"The document has {introspection} aliases in introspection; the limit is"
            f" {limits.introspection_aliases}."
        )
    return None


class _Size(Struct, frozen=True):
    depth: int = 0
    aliases: int = 0
    introspection_aliases: int = 0


_NOTHING = _Size()


class _Measure:
    """Measures selection sets, each fragment once."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._fragments = {
            node.name.value: node.selection_set
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._measured: dict[str, _Size] = {}

    def operations(self) -> list[_Size]:
        return [
            self._of(node.selection_set)
            for node in self._document.definitions
            if isinstance(node, OperationDefinitionNode)
        ]

    def _of(self, selections: SelectionSetNode | None) -> _Size:
        if selections is None:
            return _NOTHING
        sizes = [self._of_selection(node) for node in selections.selections]
        return _Size(
            max((size.depth for size in sizes), default=0),
            sum(size.aliases for size in sizes),
            sum(size.introspection_aliases for size in sizes),
        )

    def _of_selection(self, node: SelectionNode) -> _Size:
        if isinstance(node, FieldNode):
            below = self._of(node.selection_set)
            aliases = below.aliases + (node.alias is not None)
            if node.name.value in ("__schema", "__type"):
                return _Size(0, aliases, aliases)
            depth = 0 if node.name.value == "__typename" else below.depth + 1
            return _Size(depth, aliases, below.introspection_aliases)
        if isinstance(node, InlineFragmentNode):
            return self._of(node.selection_set)
        return self._of_fragment(cast("FragmentSpreadNode", node).name.value)

    def _of_fragment(self, name: str) -> _Size:
        if name not in self._measured:
            # A fragment within itself measures nothing; that it is one is for validation to say.
            self._measured[name] = _NOTHING
            self._measured[name] = self._of(self._fragments.get(name))
        return self._measured[name]


def _overlaps(document: DocumentNode) -> int:
    occurrences = Counter(_response_names(document))
    return sum(count * count for count in occurrences.values())


def _response_names(document: DocumentNode) -> Iterator[str]:
    pending = [
        node.selection_set
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while pending:
        for node in pending.pop().selections:
            if isinstance(node, FieldNode):
                yield (node.alias or node.name).value
            if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                pending.append(node.selection_set)
