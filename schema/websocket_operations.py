"""The operations of one socket, each a task.

A task asks for its next result when the last one is sent, and sending waits until the socket takes
more. So a client that reads slowly slows down its own operations, holds one result of each in
memory, and delays nobody else. What subscriptions share with others does not pass through here: it
goes to their outlets.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, aclosing, suppress
from typing import Protocol

from graphql import OperationType
from msgspec import Struct

from resolvers.errors import RateLimited
from schema.caller import new_request_id
from schema.errors import Masking, wire_error
from schema.execution import Executor
from schema.frames import Frames
from schema.protocol import Connection, SocketOperation, Transmit
from schema.results import RequestContext, Result, encode
from schema.socket_outlet import SocketOutlet, Waiting

# Those that nobody listens to any more run on, and count.
_MOST_MUTATIONS = 100
_BUSY = wire_error(
    f"{_MOST_MUTATIONS} mutations run already; wait until they are done.", RateLimited.code
)


class MakeOperationContext(Protocol):
    """Makes the context of an operation."""

    def __call__(self, request_id: str, subscriber: SocketOutlet | None = None) -> RequestContext:
        """Return a fresh one."""
        ...


class _Run(Struct, eq=False):
    task: asyncio.Task[None]
    kind: OperationType | None
    outlet: SocketOutlet | None = None

    def stop(self) -> None:
        """Stop the operation: nobody listens."""
        if self.outlet is not None:
            self.outlet.closed = True
        self.task.cancel()


class Operations:
    """Runs what the protocol says to start, and hands out the results through it.

    ``make_context`` gets a request id; ``transmit`` returns when the socket has taken the frame,
    and raises OSError where it is gone; ``counted`` is entered while an operation runs, and raises
    RateLimited where it must not.
    """

    def __init__(
        self,
        executor: Executor,
        masking: Masking,
        connection: Connection,
        transmit: Callable[[Transmit], Awaitable[None]],
        make_context: MakeOperationContext,
        *,
        frames: Frames,
        counted: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._executor = executor
        self._masking = masking
        self._connection = connection
        self._transmit = transmit
        self._make_context = make_context
        self._frames = frames
        self._counted = counted
        self._waiting = Waiting(frames)
        self._runs: dict[SocketOperation, _Run] = {}
        self._mutations: set[asyncio.Task[Result]] = set()

    def start(self, operation: SocketOperation) -> None:
        """Execute the operation in a task of its own."""
        kind = self._executor.operation_type(operation.request)
        task = asyncio.create_task(self._run(operation, kind))
        self._runs[operation] = _Run(task, kind)
        task.add_done_callback(lambda _: self._runs.pop(operation))

    def stop(self, operation: SocketOperation) -> None:
        """Stop the operation: nobody listens. A mutation is finished all the same."""
        self._runs[operation].stop()

    def stop_all(self) -> None:
        """Stop all operations."""
        for run in self._runs.values():
            run.stop()

    async def finish_mutations(self, seconds: float) -> None:
        """Hand out the results of the mutations, within this time, and stop all else."""
        finishing = []
        for run in self._runs.values():
            if run.kind is OperationType.MUTATION:
                finishing.append(run.task)
            else:
                run.stop()
        if finishing:
            await asyncio.wait(finishing, timeout=seconds)

    async def ended(self) -> None:
        """Wait until nothing runs any more."""
        for tasks in ([run.task for run in self._runs.values()], self._mutations):
            if tasks:
                await asyncio.wait(tasks)

    async def _run(self, operation: SocketOperation, kind: OperationType | None) -> None:
        request_id = new_request_id()
        # A socket that is gone is known to the reader as well, which ends the session.
        with suppress(OSError):
            try:
                with self._counted():
                    await self._execute(operation, kind, request_id)
            except OSError:
                raise
            except RateLimited as refusal:
                error = wire_error(refusal.message, refusal.code)
                await self._send(self._connection.error(operation, (error,)))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is masked and reported
                masked = self._masking.unexpected(error, request_id)
                await self._send(self._connection.error(operation, (masked,)))
            await self._send(self._connection.complete(operation))

    async def _execute(
        self,
        operation: SocketOperation,
        kind: OperationType | None,
        request_id: str,
    ) -> None:
        match kind:
            case OperationType.SUBSCRIPTION:
                await self._subscribe(operation, request_id)
            case OperationType.MUTATION:
                if len(self._mutations) < _MOST_MUTATIONS:
                    result = await self._mutate(operation, self._make_context(request_id))
                else:
                    result = Result(errors=(_BUSY,))
                await self._hand_out(operation, result)
            case _:
                context = self._make_context(request_id)
                result = await self._executor.execute(operation.request, context)
                await self._hand_out(operation, result)

    async def _subscribe(self, operation: SocketOperation, request_id: str) -> None:
        opening = self._connection.opening(operation)
        outlet = SocketOutlet(self._frames, self._waiting, opening)
        context = self._make_context(request_id, outlet)
        subscription = await self._executor.subscribe(operation.request, context)
        if isinstance(subscription, Result):
            await self._hand_out(operation, subscription)
            return
        outlet.group = subscription.group
        self._runs[operation].outlet = outlet
        async with aclosing(subscription.payloads()) as payloads:
            async for payload, _ in payloads:
                if isinstance(payload, Result):
                    outlet.closed = True
                    await self._hand_out(operation, payload)
                else:
                    await self._send(self._connection.next(operation, payload))
        outlet.closed = True

    async def _mutate(self, operation: SocketOperation, context: RequestContext) -> Result:
        # What has begun is finished, whoever stops listening: it may have committed.
        mutation = asyncio.create_task(self._executor.execute(operation.request, context))
        self._mutations.add(mutation)
        mutation.add_done_callback(self._mutations.discard)
        return await asyncio.shield(mutation)

    async def _hand_out(self, operation: SocketOperation, result: Result) -> None:
        if result.executed:
            await self._send(self._connection.next(operation, encode(result)))
        else:
            await self._send(self._connection.error(operation, result.errors or ()))

    async def _send(self, transmit: Transmit | None) -> None:
        if transmit is not None:
            await self._transmit(transmit)
