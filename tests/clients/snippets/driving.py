"""Has a Python snippet do what lines of JSON on stdin say, and prints what becomes of it."""

import asyncio
import base64
import importlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

from tests.clients.preparation import PYTHON_SNIPPETS

_URL = f"{json.loads(sys.argv[1])['url']}/graphql"


def tell(**event: object) -> None:
    print(json.dumps(event), flush=True)  # noqa: T201


class Driver:
    """A hub as a snippet has it, whose records are what ``plain`` makes them."""

    def __init__(self, module: str) -> None:
        sys.path[:0] = [str(PYTHON_SNIPPETS), str(PYTHON_SNIPPETS / "__generated__")]
        self._hub_of = importlib.import_module(module).Hub
        self._session = importlib.import_module("session").Session(_URL)
        self._spoiled: str | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Do what is said until nothing more is."""
        self._watch_http()
        _watch_sockets()
        reader = asyncio.StreamReader(limit=2**24)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async with self._hub_of(self._session) as hub:
            self._hub = hub
            async for line in reader:
                what = json.loads(line)
                task = asyncio.create_task(self._do(what.pop("does"), what))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _do(self, action: str, how: dict[str, Any]) -> None:
        try:
            await getattr(self, action)(**how)
        except Exception as error:  # noqa: BLE001, it is for the test to judge
            tell(failed=str(error) or repr(error))

    async def signIn(self, email: str, password: str) -> None:  # noqa: N802
        await self._session.sign_in(email, password)
        tell(signedIn=True)

    async def watch(self, projectId: str) -> None:  # noqa: N803
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._show("projects", self._hub.projects()))
            tasks.create_task(self._show("images", self._hub.images(projectId)))

    async def upload(self, projectId: str, files: list[dict[str, str]]) -> None:  # noqa: N803
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, file["name"]) for file in files]
            for path, file in zip(paths, files, strict=True):
                path.write_bytes(base64.b64decode(file["content"]))
            told = plain(
                await self._hub.upload(projectId, paths, lambda each: tell(progress=plain(each)))
            )
        rejected = [file["name"] for file in told["rejected"]]
        tell(uploaded={"stored": len(told["images"]), "rejected": rejected})

    async def spoil(self) -> None:
        """Have the hub refuse the access token from now on."""
        self._spoiled = await self._session.access_token()

    async def _show(self, name: str, lists: AsyncIterator[dict[str, Any]]) -> None:
        async for records in lists:
            tell(**{name: [plain(record) for record in records.values()]})

    def _watch_http(self) -> None:
        send = httpx.AsyncClient._send_single_request

        async def watched(http: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
            if request.headers.get("Authorization") == f"Bearer {self._spoiled}":
                request.headers["Authorization"] = "Bearer x"
            if request.headers["Content-Type"] == "application/json":
                tell(asked=json.loads(request.content)["query"])
            return await send(http, request)

        httpx.AsyncClient._send_single_request = watched  # type: ignore[assignment, method-assign]


def _watch_sockets() -> None:
    receive = ClientConnection.recv

    async def watched(socket: ClientConnection, decode: bool | None = None) -> websockets.Data:
        message = await receive(socket, decode)
        tell(received=json.loads(message))
        return message

    ClientConnection.recv = watched  # type: ignore[assignment, method-assign]


def plain(record: Any) -> Any:
    """Return a record, be it pydantic's or a dictionary, as the API has it."""
    return record if isinstance(record, dict) else record.model_dump(mode="json", by_alias=True)
