"""The dashboard: numbers over all projects that the viewer can see."""

from persistence import dashboard
from persistence.records import DashboardRecord, EfficiencyRecord
from resolvers.context import Context


async def find(context: Context) -> DashboardRecord:
    """Return the sums over the viewer's projects."""
    user_id = context.user_id
    async with context.database.reading() as connection:
        return await dashboard.dashboard(connection, user_id)


async def efficiency(context: Context) -> EfficiencyRecord:
    """Return how well processing went in the viewer's projects in the last 24 hours."""
    user_id = context.user_id
    async with context.database.reading() as connection:
        return await dashboard.efficiency(connection, user_id)
