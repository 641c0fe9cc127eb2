"""Reading a watch, one item at a time."""

import asyncio
from typing import Any

from realtime.mailbox import Mailbox


async def following(watch: Mailbox[Any]) -> Any:
    """What the watch yields next."""
    async with asyncio.timeout(10):
        return await anext(watch)
