"""Many workers that claim at once."""

import asyncio
from uuid import UUID

from tests.resolvers.workshop import Workshop


async def test_many_who_claim_at_once_where_few_jobs_wait_in_each_line_get_them_all(
    workshop: Workshop, ada: UUID
) -> None:
    for _ in range(20):
        await workshop.lab.queued(await workshop.lab.project(ada), ada)
    claims = await asyncio.gather(*(workshop.claim(ada, 2) for _ in range(12)))
    claimed = [entry.job.id for entries in claims for entry in entries]
    assert len(claimed) == len(set(claimed)) == 20
    assert {len(entries) for entries in claims} <= {0, 1, 2}
