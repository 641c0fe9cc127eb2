"""Progress that workers report: announced, and nothing else is."""

from uuid import UUID

from realtime.watch import Aside
from resolvers.changes import decode_project_change
from tests.realtime.hearing import everything_heard
from tests.resolvers.workshop import Workshop


async def test_progress_is_announced_and_nothing_else_is(
    workshop: Workshop, ada: UUID, project_id: UUID
) -> None:
    await workshop.lab.queued(project_id, ada)
    [entry] = await workshop.claim(ada)
    heard: list[str] = []
    channel, bus = f"project:{project_id}", workshop.services.bus
    async with bus.listen(channel, heard.append):
        await workshop.extend(ada, entry)
        await workshop.extend(ada, entry, 0.5)
        await everything_heard(bus)
    assert [decode_project_change(message) for message in heard] == [Aside(entry.image.id)]
