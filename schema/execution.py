"""Executing requests: documents are prepared once, and run by graphql-core on Strawberry's schema.

Strawberry's own ``execute`` does the same and about a millisecond of other things a call. Of its
execution only the class that builds ``info`` is used (``schema.execution_context_class``), so that
resolvers see what they are used to; schema extensions do not run.
"""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from time import perf_counter
from typing import Any, Protocol, TypeAlias

import msgspec
import strawberry
from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode, OperationType
from graphql.execution import Executor as GraphQLExecutor
from graphql.execution import create_source_event_stream
from msgspec import UNSET, Struct, UnsetType
from strawberry.execution import optimized_is_awaitable

from schema.documents import BadDocument, Document, Documents
from schema.errors import (
    BAD_USER_INPUT,
    Masking,
    OnUnexpected,
    WireError,
    document_errors,
    wire_error,
)
from schema.limits import DocumentLimits
from schema.requests import GraphQLRequest
from schema.variables import entries

Execution: TypeAlias = GraphQLExecutor[Any]


class RequestContext(Protocol):
    """What execution needs to know of the context that resolvers get."""

    @property
    def request_id(self) -> str:
        """Names the request in logs and in masked errors."""
        ...


class Result(Struct, frozen=True):
    """A response, as it is encoded. Without ``data`` nothing was executed: the request is wrong."""

    data: dict[str, Any] | UnsetType | None = UNSET
    errors: tuple[WireError, ...] | UnsetType = UNSET

    @property
    def executed(self) -> bool:
        """Whether an execution took place, however it ended."""
        return self.data is not UNSET


class Operation(Struct, frozen=True, eq=False):
    """The operation of a document that a request asks for."""

    document: Document
    node: OperationDefinitionNode

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.node.operation


_encoder = msgspec.json.Encoder()


def encode(value: object) -> bytes:
    """Encode a result or errors as JSON. Leaf values must be serialized already."""
    return _encoder.encode(value)


def _unobserved(_kind: str, _outcome: str, _seconds: float) -> None:
    pass


class Executor:
    """Executes requests against a schema, and translates the errors.

    ``observe`` is told of each execution: query, mutation, or event of a subscription; "ok" or the
    first error's code; how many seconds it took.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        limits: DocumentLimits,
        on_unexpected: OnUnexpected,
        observe: Callable[[str, str, float], None] = _unobserved,
    ) -> None:
        self._observe = observe
        self._schema = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
        self._execution_class = schema.execution_context_class
        self._limits = limits
        self._documents = Documents(self._schema, limits)
        self._masking = Masking(on_unexpected)

    def prepare(self, request: GraphQLRequest) -> Operation | Result:
        """Return the operation that the request asks for, or what is wrong with it."""
        document = self._documents.get(request.query)
        if isinstance(document, BadDocument):
            return Result(errors=document.errors)
        operations = document.operations
        if not request.operation_name:
            if len(operations) == 1:
                return Operation(document, next(iter(operations.values())))
            return _refused("Name one of the document's operations in operationName.")
        node = operations.get(request.operation_name)
        if node is None:
            return _refused(f"The document has no operation named {request.operation_name[:64]!r}.")
        return Operation(document, node)

    def operation_type(self, request: GraphQLRequest) -> OperationType | None:
        """Return what kind of operation the request asks for; None where it is wrong."""
        operation = self.prepare(request)
        return operation.type if isinstance(operation, Operation) else None

    async def execute(self, request: GraphQLRequest, context: RequestContext) -> Result:
        """Execute a query or a mutation."""
        operation = self.prepare(request)
        if isinstance(operation, Result):
            return operation
        if operation.type is OperationType.SUBSCRIPTION:
            return _refused("Subscriptions run over WebSocket (graphql-transport-ws).")
        execution = self._begin(operation, request, context)
        if isinstance(execution, Result):
            return execution
        return await self._finish(execution, operation.type.value)

    async def subscribe(
        self, request: GraphQLRequest, make_context: Callable[[], RequestContext]
    ) -> "Subscription | Result":
        """Start a subscription. Each event is executed with a context of its own.

        Returns a result without data where the request is wrong or refused.
        """
        operation = self.prepare(request)
        if isinstance(operation, Result):
            return operation
        if operation.type is not OperationType.SUBSCRIPTION:
            return _refused("This operation is not a subscription.")
        context = make_context()
        execution = self._begin(operation, request, context)
        if isinstance(execution, Result):
            return execution
        source = create_source_event_stream(execution)
        if inspect.isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            return Result(errors=self._errors(source, context.request_id))
        return Subscription(self, execution, aiter(source), make_context)

    async def render(self, template: Execution, event: object, context: RequestContext) -> Result:
        """Execute a subscription's selection on one event."""
        # Not graphql-core's build_per_event_executor: its copies share one memo of selections,
        # which grows with each event for as long as the subscription lasts.
        execution = type(template)(
            template.schema,
            template.fragment_definitions,
            template.fragments,
            event,
            context,
            template.operation,
            template.variable_values,
            template.field_resolver,
            template.type_resolver,
            template.subscribe_field_resolver,
            is_awaitable=template.is_awaitable,
        )
        return await self._finish(execution, "event", serially=False)

    def failed(self, error: Exception, context: RequestContext) -> Result:
        """Return what a client is told of an exception that ended a stream of events."""
        return Result(errors=(self._masking.stream_error(error, context.request_id),))

    def _begin(
        self, operation: Operation, request: GraphQLRequest, context: RequestContext
    ) -> Execution | Result:
        most = self._limits.variable_entries
        if entries(self._schema, operation.node, request.variables or {}, most=most) > most:
            return _refused(f"The lists in the variables have more than {most} entries.")
        execution = self._execution_class.build(
            self._schema,
            operation.document.node,
            context_value=context,
            raw_variable_values=request.variables,
            operation_name=request.operation_name or None,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            operation_extensions=request.extensions,
        )
        if isinstance(execution, list):
            return Result(errors=document_errors(execution, BAD_USER_INPUT))
        return execution

    async def _finish(
        self, execution: Execution, kind: str, *, serially: bool | None = None
    ) -> Result:
        began = perf_counter()
        result = await self._outcome(execution, serially)
        self._observe(
            kind, result.errors[0].code if result.errors else "ok", perf_counter() - began
        )
        return result

    async def _outcome(self, execution: Execution, serially: bool | None) -> Result:
        outcome = execution.execute_operation(serially)
        if inspect.isawaitable(outcome):
            outcome = await outcome
        assert isinstance(outcome, ExecutionResult)  # noqa: S101 - no schema has @defer
        if outcome.errors:
            context: RequestContext = execution.context_value
            return Result(outcome.data, self._errors(outcome, context.request_id))
        return Result(outcome.data)

    def _errors(self, outcome: ExecutionResult, request_id: str) -> tuple[WireError, ...]:
        errors: list[GraphQLError] = outcome.errors or []
        return tuple(self._masking.execution_error(error, request_id) for error in errors)


class Subscription:
    """A subscription that runs: the events of its source, and how one becomes a result."""

    def __init__(
        self,
        executor: Executor,
        template: Execution,
        source: AsyncIterator[object],
        make_context: Callable[[], RequestContext],
    ) -> None:
        self.source = source
        self._executor = executor
        self._template = template
        self._make_context = make_context

    async def render(self, event: object) -> Result:
        """Execute the selection on an event, with a fresh context."""
        return await self._executor.render(self._template, event, self._make_context())

    async def results(self) -> AsyncGenerator[Result, None]:
        """Yield a result for each event; where the source fails, a last one without data.

        The next event is asked for when the next result is. Closing it closes the source.
        """
        try:
            async for event in self.source:
                yield await self.render(event)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is masked and reported
            yield self._executor.failed(error, self._make_context())
        finally:
            if isinstance(self.source, AsyncGenerator):
                await self.source.aclose()


def _refused(message: str) -> Result:
    return Result(errors=(wire_error(message, BAD_USER_INPUT),))
