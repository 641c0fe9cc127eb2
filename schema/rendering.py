"""Subscriptions that run, and the groups of them for which events are rendered alike."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

from graphql.execution import Executor as GraphQLExecutor

from schema.results import RequestContext, Result, encode

Execution: TypeAlias = GraphQLExecutor[Any]

Render: TypeAlias = Callable[[Execution, object, RequestContext], Result | Awaitable[Result]]
"""Executes the selection of a template on an event, at once if nothing has to be waited for."""

Payload: TypeAlias = tuple[bytes | Result, int | None]
"""A result, encoded unless it is a last one without data; and its revision, if it has one."""


class Group:
    """Subscriptions for which events are rendered alike: each is executed and encoded once."""

    def __init__(self, render: Render, template: Execution, *, shared: bool) -> None:
        self._render = render
        self._template = template
        self._shared = shared

    def render(self, event: object) -> bytes | Coroutine[Any, Any, bytes]:
        """Return the result of the selection on an event, as JSON, with a context of its own."""
        origin: RequestContext = self._template.context_value
        context = origin.for_event(shared=self._shared)
        result = self._render(self._template, event, context)
        return encode(result) if isinstance(result, Result) else _encode_later(result)


async def _encode_later(result: Awaitable[Result]) -> bytes:
    return encode(await result)


class Subscription:
    """A subscription that runs: its own events, and with whom it shares their rendering.

    ``failed`` makes of an exception that ended its source what the client is told.
    """

    def __init__(
        self,
        source: AsyncIterator[object],
        group: Group,
        failed: Callable[[Exception], Result],
    ) -> None:
        self.group = group
        self._source = source
        self._failed = failed

    async def payloads(self) -> AsyncGenerator[Payload, None]:
        """Yield a result for each event, as JSON; where the source fails, a last one without data.

        With each comes the event's revision, if it has one. The next event is asked for when the
        next result is. Closing it closes the source.
        """
        try:
            async for event in self._source:
                rendered = self.group.render(event)
                payload = rendered if isinstance(rendered, bytes) else await rendered
                yield payload, getattr(event, "revision", None)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is masked and reported
            yield self._failed(error), None
        finally:
            if isinstance(self._source, AsyncGenerator):
                await self._source.aclose()


def for_event(template: Execution, event: object, context: RequestContext) -> Execution:
    """Return an execution of the template's selection on an event."""
    # Not graphql-core's build_per_event_executor: its copies share one memo of selections, which
    # grows with each event for as long as the subscription lasts.
    return type(template)(
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
