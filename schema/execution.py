"""Executing requests: documents are prepared once, and run by graphql-core on Strawberry's schema.

Strawberry's own ``execute`` does the same and about a millisecond of other things a call. Of its
execution only the class that builds ``info`` is used (``schema.execution_context_class``), so that
resolvers see what they are used to; schema extensions do not run.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Hashable
from functools import cache, partial
from time import perf_counter
from typing import Any
from weakref import WeakValueDictionary

import strawberry
from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode, OperationType
from graphql.execution import create_source_event_stream
from msgspec import Struct
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
from schema.plan import Plan
from schema.rendering import Execution, Group, Subscription, for_event
from schema.requests import GraphQLRequest
from schema.results import RequestContext, Result, encode
from schema.variables import entries


class Operation(Struct, frozen=True, eq=False):
    """The operation of a document that a request asks for."""

    document: Document
    node: OperationDefinitionNode

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.node.operation


def _itself(event: object) -> object:
    return event


def _unobserved(_kind: str, _outcome: str, _seconds: float | None) -> None:
    pass


class Executor:
    """Executes requests against a schema, and translates the errors.

    ``present`` makes of an event of a subscription what its field returns. ``observe`` is told of
    each execution: query, mutation, or event of a subscription; "ok" or the first error's code; how
    many seconds it took. It is told of a subscription that failed, too, without a time.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        limits: DocumentLimits,
        on_unexpected: OnUnexpected,
        observe: Callable[[str, str, float | None], None] = _unobserved,
        present: Callable[[Any], object] = _itself,
    ) -> None:
        self._present = present
        self._groups: WeakValueDictionary[Hashable, Group] = WeakValueDictionary()
        self._turn = asyncio.Lock()
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
            return _refused(
                "Subscriptions run over WebSocket (graphql-transport-ws),"
                " or with 'Accept: text/event-stream'."
            )
        execution = self._begin(operation, request, context)
        if isinstance(execution, Result):
            return execution
        began = perf_counter()
        outcome = execution.execute_operation()
        if inspect.isawaitable(outcome):
            outcome = await outcome
        return self._end(execution, outcome, operation.type.value, began)

    async def subscribe(
        self, request: GraphQLRequest, context: RequestContext
    ) -> Subscription | Result:
        """Start a subscription. Returns a result without data where it is wrong or refused."""
        operation = self.prepare(request)
        if isinstance(operation, Result):
            return operation
        if operation.type is not OperationType.SUBSCRIPTION:
            return _refused("This operation is not a subscription.")
        execution = self._begin(operation, request, context)
        if isinstance(execution, Result):
            return execution
        source = create_source_event_stream(execution)
        if inspect.isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            return Result(errors=self._errors(source, context.request_id))
        group = self._group(operation, request, execution)
        return Subscription(aiter(source), group, partial(self._failed, context), self._turn)

    def _group(self, operation: Operation, request: GraphQLRequest, execution: Execution) -> Group:
        """Return the group of those for whom events are rendered alike."""
        sharing = operation.document.sharing(self._schema)
        context: RequestContext = execution.context_value
        given = request.variables or {}
        variables = {name: given[name] for name in sharing.variables if name in given}
        scope = context.scope(shared=sharing.shared)
        key = (request.query, request.operation_name, encode(variables), scope)
        group = self._groups.get(key)
        if group is None:
            (context,) = context.for_events(1, shared=sharing.shared)
            template = for_event(execution, None, context)
            render = partial(self._render, template, Plan(template))
            group = Group(
                render,
                context,
                shared=sharing.shared,
                wants_asides=sharing.wants_asides,
                moves=sharing.moves,
            )
            self._groups[key] = group
        return group

    def _render(
        self, template: Execution, plan: Plan, event: object, context: RequestContext
    ) -> Result | Awaitable[Result]:
        began = perf_counter()
        root_value = self._present(event)
        executions = cache(partial(for_event, template, root_value, context))
        data = plan.data(root_value, executions)
        if data is not None:
            self._observe("event", "ok", perf_counter() - began)
            return Result(data)
        execution = executions()
        outcome = execution.execute_operation(serially=False)
        if inspect.isawaitable(outcome):
            return self._end_later(execution, outcome, began)
        return self._end(execution, outcome, "event", began)

    def _failed(self, context: RequestContext, error: Exception) -> Result:
        told = self._masking.stream_error(error, context.request_id)
        self._observe("subscription", told.code, None)
        return Result(errors=(told,))

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

    async def _end_later(
        self, execution: Execution, outcome: Awaitable[object], began: float
    ) -> Result:
        return self._end(execution, await outcome, "event", began)

    def _end(self, execution: Execution, outcome: object, kind: str, began: float) -> Result:
        assert isinstance(outcome, ExecutionResult)  # noqa: S101 - no schema has @defer
        result = Result(outcome.data)
        if outcome.errors:
            context: RequestContext = execution.context_value
            result = Result(outcome.data, self._errors(outcome, context.request_id))
        self._observe(
            kind, result.errors[0].code if result.errors else "ok", perf_counter() - began
        )
        return result

    def _errors(self, outcome: ExecutionResult, request_id: str) -> tuple[WireError, ...]:
        errors: list[GraphQLError] = outcome.errors or []
        return tuple(self._masking.execution_error(error, request_id) for error in errors)


def _refused(message: str) -> Result:
    return Result(errors=(wire_error(message, BAD_USER_INPUT),))
