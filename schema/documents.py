"""Documents, parsed and validated once and kept for the next request."""

from collections import OrderedDict
from collections.abc import Mapping

from graphql import (
    DocumentNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
    recommended_rules,
    specified_rules,
    validate,
)
from msgspec import Struct
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from schema.errors import (
    BAD_USER_INPUT,
    PARSE_FAILED,
    VALIDATION_FAILED,
    WireError,
    document_errors,
    wire_error,
)
from schema.limits import DocumentLimits, exceeded
from schema.sharing import Sharing, sharing_of

_RULES = (
    *specified_rules,
    *recommended_rules,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


class Document:
    """A document that can be executed: its operations by name, "" for one without."""

    def __init__(
        self, node: DocumentNode, operations: Mapping[str, OperationDefinitionNode]
    ) -> None:
        self.node = node
        self.operations = operations
        self._sharing: Sharing | None = None

    def sharing(self, schema: GraphQLSchema) -> Sharing:
        """Tell who may share what the document's subscriptions render."""
        if self._sharing is None:
            self._sharing = sharing_of(schema, self.node)
        return self._sharing


class BadDocument(Struct, frozen=True):
    """A document that can't be executed, and why."""

    errors: tuple[WireError, ...]


class Documents:
    """The least recently used documents are forgotten first.

    Bounded by number and by characters of source; a document takes about 45 bytes for each.
    """

    def __init__(self, schema: GraphQLSchema, limits: DocumentLimits) -> None:
        self._schema = schema
        self._limits = limits
        self._kept: OrderedDict[str, Document | BadDocument] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, source: str) -> Document | BadDocument:
        """Return the document, ready to be executed, or what is wrong with it."""
        document = self._kept.get(source)
        if document is None:
            document = self._prepare(source)
            self._keep(source, document)
        else:
            self._kept.move_to_end(source)
        return document

    def _keep(self, source: str, document: Document | BadDocument) -> None:
        self._kept[source] = document
        self._characters += len(source)
        while (
            len(self._kept) > self._limits.cached_documents
            or self._characters > self._limits.cached_characters
        ):
            oldest, _ = self._kept.popitem(last=False)
            self._characters -= len(oldest)

    def _prepare(self, source: str) -> Document | BadDocument:
        if len(source) > self._limits.characters:
            return _refused(
                f"The document has {len(source)} characters; the limit is"
                f" {self._limits.characters}."
            )
        try:
            node = parse(source, max_lexical_tokens=self._limits.tokens)
        except GraphQLSyntaxError as error:
            # The parser's limits come as syntax errors that end with these words.
            limited = error.message.endswith("Parsing aborted.")
            return BadDocument(
                document_errors([error], BAD_USER_INPUT if limited else PARSE_FAILED)
            )
        if problem := exceeded(node, self._limits):
            return _refused(problem)
        if errors := validate(self._schema, node, _RULES):
            return BadDocument(document_errors(errors, VALIDATION_FAILED))
        return Document(node, _operations(node))


def _refused(message: str) -> BadDocument:
    return BadDocument((wire_error(message, BAD_USER_INPUT),))


def _operations(document: DocumentNode) -> dict[str, OperationDefinitionNode]:
    return {
        node.name.value if node.name else "": node
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
    }
