"""Subscriptions that run, and the groups of them for which events are rendered alike."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from graphql.execution import Executor as GraphQLExecutor

from schema.results import RequestContext, Result, encode

Execution: TypeAlias = GraphQLExecutor[Any]

Render: TypeAlias = Callable[[object, RequestContext], Result | Awaitable[Result]]
"""Executes a selection on an event, at once if nothing has to be waited for."""

Payload: TypeAlias = tuple[bytes | Result, int | None]
"""A result, encoded unless it is a last one without data; and its revision, if it has one."""


class Group:
    """Subscriptions for which events are rendered alike: each is executed and encoded once."""

    def __init__(
        self,
        render: Render,
        context: RequestContext,
        *,
        shared: bool,
        wants_asides: bool = False,
        moves: bool = False,
    ) -> None:
        self.wants_asides = wants_asides
        self.moves = moves
        self._render = render
        self._context = context
        self._shared = shared

    def render(self, events: Sequence[object]) -> list[bytes] | Coroutine[Any, Any, list[bytes]]:
        """Return the results of the selection on events, as JSON.

        Each has a context of its own; what they need is loaded for all together.
        """
        contexts = self._context.for_events(len(events), shared=self._shared)
        results = list(map(self._render, events, contexts))
        if all(isinstance(result, Result) for result in results):
            return list(map(encode, results))
        return _encode_later(results)


async def _encode_later(results: Sequence[Result | Awaitable[Result]]) -> list[bytes]:
    if len(results) == 1:
        # Without a task, which could be cancelled before it has begun.
        return [encode(await _awaited(results[0]))]
    return list(map(encode, await asyncio.gather(*map(_awaited, results))))


async def _awaited(result: Result | Awaitable[Result]) -> Result:
    return result if isinstance(result, Result) else await result


class Subscription:
    """A subscription that runs: its own events, and with whom it shares their rendering.

    ``failed`` makes of an exception that ended its source what the client is told. It renders its
    own events when it has the ``turn``.
    """

    def __init__(
        self,
        source: AsyncIterator[object],
        group: Group,
        failed: Callable[[Exception], Result],
        turn: asyncio.Lock,
    ) -> None:
        self.group = group
        self._turn = turn
        self._source = source
        self._failed = failed

    async def payloads(self) -> AsyncGenerator[Payload, None]:
        """Yield a result for each event, as JSON; where the source fails, a last one without data.

        With each comes the event's revision, if it has one. The next event is asked for when the
        next result is. Closing it closes the source.
        """
        try:
            async for event in self._source:
                async with self._turn:
                    # However many have something of their own to tell, others get theirs, too.
                    await asyncio.sleep(0)
                    rendered = self.group.render([event])
                (payload,) = rendered if isinstance(rendered, list) else await rendered
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
