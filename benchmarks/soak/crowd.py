"""A crowd: people who visit and change things, all at once, for a while."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import httpx
import websockets

from benchmarks.soak.acts import ACTS, found
from benchmarks.soak.people import Refused, World, sign_up
from benchmarks.soak.visits import VISITS

_PEOPLE, _PROJECTS, _VISITORS, _EDITORS = 8, 8, 40, 3
_PAUSE_SECONDS = {"visitor": 1.0, "editor": 0.2}
_LEAVING_SECONDS = 30.0
_FAULTY_CLOSES = {1002, 1003, 1006, 1007, 1011, 4400}

Deed = Callable[[World], Awaitable[None]]


@asynccontextmanager
async def world(url: str) -> AsyncIterator[World]:
    """Populate a hub; all connections are gone afterwards."""
    # A connection that the server is about to close is not to be used any more.
    limits = httpx.Limits(keepalive_expiry=2)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as http:
        made = World(url, [await sign_up(http, f"person-{n}") for n in range(_PEOPLE)])
        for _ in range(_PROJECTS):
            await found(made, random.choice(made.people))
        yield made


async def crowd(place: World, seconds: float) -> None:
    """Have everybody come, be busy for so long, and leave."""
    end = time.monotonic() + seconds
    tasks = [
        asyncio.create_task(_go_on(place, deeds, pause, end))
        for deeds, pause, number in (
            (VISITS, _PAUSE_SECONDS["visitor"], _VISITORS),
            (ACTS, _PAUSE_SECONDS["editor"], _EDITORS),
        )
        for _ in range(number)
    ]
    await asyncio.wait(tasks, timeout=seconds + _LEAVING_SECONDS)
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


async def _go_on(place: World, deeds: Mapping[Deed, float], pause: float, end: float) -> None:
    while time.monotonic() < end:
        (deed,) = random.choices(list(deeds), list(deeds.values()))
        place.done[getattr(deed, "__name__", "")] += 1
        try:
            await deed(place)
        except Refused as refused:
            place.note(refused.errors)
        except websockets.ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            counted = place.problems if code in _FAULTY_CLOSES else place.done
            counted[f"closed with {code}"] += 1
        except (httpx.HTTPError, OSError, websockets.InvalidHandshake) as error:
            place.problems[repr(error)] += 1
        await asyncio.sleep(random.expovariate(1 / pause))
