"""Processes die and stall: whoever was present through them is gone within seconds, and back."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.faults.api import Account, Api, sign_up
from tests.faults.listener import Heard, over_websocket
from tests.faults.processes import hubs
from tests.faults.servers import Postgres, Valkey
from tests.faults.stage import PRESENCE, QUEUE, begun

GONE_SECONDS = 10.0
"""Silence of six seconds, noticed within two, told within one; and one to spare."""


async def until_present(heard: Heard, *people: Account) -> None:
    """Wait until these are listed, each once."""
    ids = sorted(person.id for person in people)

    def listed(events: Sequence[Any]) -> bool:
        return bool(events) and sorted(user["id"] for user in events[-1]["users"]) == ids

    await heard.until(listed)


async def test_whoever_was_there_through_a_process_that_fell_silent_is_gone_within_seconds(
    tmp_path: Path, postgres: Postgres, valkey: Valkey
) -> None:
    async with (
        hubs(tmp_path, postgres.url, valkey.url, count=3) as [mine, killed, stalled],
        httpx.AsyncClient(timeout=20) as http,
    ):
        owner, first, second = [
            await sign_up(http, mine.url, name) for name in ("Owner", "First", "Second")
        ]
        api = Api(http, [mine.url], owner.token)
        created = await api.do("createProject", "{ project { id } }", name="Cells")
        project = created["project"]["id"]
        for guest in (first, second):
            values = {"projectId": project, "email": guest.email, "role": "VIEWER"}
            await api.do("shareProject", "{ project { id } }", **values)
        present, queue = {"present": (PRESENCE, {"id": project})}, (QUEUE, {"id": project})
        async with (
            over_websocket(mine.url, owner.token, present) as heard,
            over_websocket(stalled.url, second.token, {"queue": queue, **present}) as second_heard,
        ):
            async with over_websocket(killed.url, first.token, {"queue": queue}) as first_heard:
                await begun(first_heard)
                await until_present(heard["present"], owner, first, second)
                stalled.suspend()
                await killed.kill()
                silent = time.monotonic()
                await until_present(heard["present"], owner)
                assert time.monotonic() - silent < GONE_SECONDS
            stalled.resume()
            for each in (heard, second_heard):
                await until_present(each["present"], owner, second)
            await killed.start()
            async with over_websocket(killed.url, first.token, {"queue": queue}):
                for each in (heard, second_heard):
                    await until_present(each["present"], owner, first, second)
