"""Clients that run as programs: they do what lines of JSON say, and tell in such lines what is."""

import asyncio
import json
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60.0

Event = dict[str, Any]

_LONGEST_LINE = 2**20


class Client:
    """A client that runs: what it has told so far is in ``events``."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.events: list[Event] = []
        self._process = process
        self._news = asyncio.Event()
        self._ended = False

    def say(self, **what: object) -> None:
        """Have it do something; how that is said, the program knows."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")

    def subscribe(self, key: str, query: str, **variables: object) -> None:
        """Have it subscribe."""
        self.say(id=key, query=query, variables=variables)

    def of(self, key: str) -> list[Event]:
        """Return what it told of a subscription."""
        return [event for event in self.events if event.get("id") == key]

    def data_of(self, key: str) -> list[Any]:
        """Return what the field of a subscription was, each time."""
        results = [event["result"]["data"] for event in self.of(key) if "result" in event]
        return [value for data in results for value in data.values()]

    def told(self, name: str) -> list[Any]:
        """Return what it told of itself under this name."""
        return [event[name] for event in self.events if name in event]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something holds for what it has told."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not condition():
                    assert not self._ended, f"{self.name} has ended: {self.events[-5:]}"
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{self.name} never told it: {self.events[-5:]}") from None

    async def read(self) -> None:
        """Take what it tells, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.events.append(
                json.loads(line) if line.startswith(b"{") else {"said": line.decode()}
            )
            self._news.set()
        self._ended = True
        self._news.set()


@asynccontextmanager
async def running(
    name: str, command: Sequence[str | Path], settings: Mapping[str, object], folder: Path
) -> AsyncIterator[Client]:
    """Run a client within the block; it has to end in order, and without a word of its own."""
    process = await asyncio.create_subprocess_exec(
        *command,
        json.dumps(settings),
        cwd=folder,
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        limit=_LONGEST_LINE,
    )
    client = Client(name, process)
    reading = asyncio.create_task(client.read())
    try:
        yield client
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await reading
        await process.wait()
    ended = (process.returncode, client.told("said"))
    assert ended == (0, []), f"{name} ended with {ended}"
