"""Messages that nothing depends on: whoever is slow gets the latest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from realtime.bus import Bus
from realtime.mailbox import Mailbox


@asynccontextmanager
async def follow(bus: Bus, channel: str) -> AsyncIterator[Mailbox[str]]:
    """Iterate, within the block, over the messages of a channel; the latest replaces one unread."""
    mailbox: Mailbox[str] = Mailbox(limit=1)
    async with bus.listen(channel, mailbox.put):
        yield mailbox
