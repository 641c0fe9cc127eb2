"""Streams that last only as long as the viewer may see a project."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, TypeVar
from uuid import UUID

from resolvers.context import Context
from resolvers.live.bell import Bell
from resolvers.live.standing import standing

T = TypeVar("T")


async def while_visible(
    context: Context, project_id: UUID, source: AsyncIterator[T]
) -> AsyncGenerator[T, None]:
    """Yield what the source yields until the project is deleted.

    Raises NotFound where the viewer can't see the project, and Forbidden as soon as that is so.
    """
    relays = context.services.project_relays
    async with aclosing(standing(context, relays, project_id, Bell())) as accesses:
        await anext(accesses)
        ended = asyncio.create_task(_exhaust(accesses))
        arrival: asyncio.Future[T] | None = None
        try:
            while True:
                arrival = asyncio.ensure_future(anext(source))
                await asyncio.wait({arrival, ended}, return_when=asyncio.FIRST_COMPLETED)
                if ended.done():
                    ended.result()
                    return
                yield arrival.result()
        finally:
            await _cancel(ended, arrival)


async def _cancel(*tasks: asyncio.Future[Any] | None) -> None:
    begun = [task for task in tasks if task is not None]
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)


async def _exhaust(source: AsyncIterator[object]) -> None:
    async for _ in source:
        pass
