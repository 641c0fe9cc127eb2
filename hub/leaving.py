"""Answers that take long, and clients that do not wait for them."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.types import Receive


async def while_there(receive: Receive, answering: Coroutine[Any, Any, None]) -> None:
    """Wait for the answer; give it up when the client is gone."""
    answer = asyncio.create_task(answering)
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait({answer, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not answer.done():
            answer.cancel()
        await asyncio.gather(answer, leaving, return_exceptions=True)
    if not answer.cancelled():
        answer.result()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
