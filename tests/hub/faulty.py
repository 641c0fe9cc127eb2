"""A network between a client and a hub that fails when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_BLOCK = 1 << 16
FILES = b"multipart/form-data"


class Network:
    """Passes bytes on both ways; ``uploads`` counts the calls with the mark that were seen.

    ``losing``: how many answers to such calls are still to be lost: the hub has done what was
    asked, and the client never learns. ``holding``: none of these answers is passed on at all.
    """

    def __init__(self, hub: str, mark: bytes) -> None:
        self._hub = urlsplit(hub)
        self._mark = mark
        self._tasks: set[asyncio.Task[None]] = set()
        self.uploads = 0
        self.losing = 0
        self.holding = False
        self.answered = asyncio.Event()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client's connection."""
        hub_reader, hub_writer = await asyncio.open_connection(self._hub.hostname, self._hub.port)
        upload = asyncio.Event()
        there = asyncio.create_task(self._there(reader, hub_writer, upload))
        back = asyncio.create_task(self._back(hub_reader, writer, upload))
        self._tasks |= {there, back}
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        for task in (there, back):
            task.cancel()
        await asyncio.wait({there, back})
        self._tasks -= {there, back}
        for end in (writer, hub_writer):
            end.close()
            with suppress(OSError):
                await end.wait_closed()

    async def _there(
        self, reader: asyncio.StreamReader, hub: asyncio.StreamWriter, upload: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while block := await reader.read(_BLOCK):
                if self._mark in block:
                    self.uploads += 1
                    upload.set()
                hub.write(block)
                await hub.drain()

    async def _back(
        self, hub: asyncio.StreamReader, writer: asyncio.StreamWriter, upload: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while block := await hub.read(_BLOCK):
                if upload.is_set():
                    upload.clear()
                    self.answered.set()
                    if self.holding:
                        await asyncio.Event().wait()
                    if self.losing:
                        self.losing -= 1
                        return
                writer.write(block)
                await writer.drain()

    def end(self) -> None:
        """Cut all connections."""
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def network_to(hub: str, mark: bytes = FILES) -> AsyncIterator[tuple[str, Network]]:
    """Yield an address that leads to the hub, and what decides how well.

    What it does, it does to calls in which the mark is; without one, to those with files.
    """
    network = Network(hub, mark)
    server = await asyncio.start_server(network.connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", network
    finally:
        server.close()
        network.end()
        await server.wait_closed()
