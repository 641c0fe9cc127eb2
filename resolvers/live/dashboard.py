"""dashboardUpdated: the numbers of all projects that the viewer can see, together."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from msgspec.structs import replace

from persistence.records import DashboardRecord
from resolvers import dashboard
from resolvers.context import Context
from resolvers.live.bell import Bell
from resolvers.live.project import VisibleProjects

SECONDS_BETWEEN_UPDATES = 0.25

SECONDS_BETWEEN_LOOKS = 30.0
"""How well processing goes becomes another number by the mere passing of time."""


async def dashboards(context: Context) -> AsyncGenerator[DashboardRecord, None]:
    """Stream the dashboard: at once, then after changes, the first at once and not too often.

    What is streamed is what the query ``dashboard`` would answer at that moment. It comes, too,
    when the 24 hours over which processing is measured have moved on, and its numbers with them.
    """
    changed = Bell()
    following = asyncio.create_task(_follow(context, changed))
    following.add_done_callback(lambda _: changed.ring())
    try:
        last, pace = await dashboard.find(context), await dashboard.efficiency(context)
        yield last
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SECONDS_BETWEEN_LOOKS):
                    await changed.rung()
            if following.done():
                following.result()
                return
            now, new_pace = await dashboard.find(context), await dashboard.efficiency(context)
            if replace(now, timestamp=last.timestamp) != last or new_pace != pace:
                last, pace = now, new_pace
                yield last
                await asyncio.sleep(SECONDS_BETWEEN_UPDATES)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow(context: Context, changed: Bell) -> None:
    async with VisibleProjects(context, changed) as projects:
        async for _ in projects.snapshots():
            pass
        # What went before it was watched is told by none of the updates.
        changed.ring()
        async for _ in projects.changes():
            changed.ring()
