"""Real hubs on real sockets, and people who use them with a real client."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import uvicorn
from gql import Client, gql
from gql.client import AsyncClientSession
from gql.transport.websockets import WebsocketsTransport
from pydantic import SecretStr

from hub.app import create_app
from hub.settings import Settings
from hub.web import FOLDER

PASSWORD = "the cells divide at dawn"
SESSION = "{ user { id name email } accessToken expiresAt refreshToken }"
UPLOAD = "mutation($input: UploadImagesInput!) { uploadImages(input: $input) "
UPLOADED = "{ images { id name status revision } rejected { name code message } }"
INPUTS = {
    "deleteProject": "ProjectIdInput",
    "signOut": "RefreshSessionInput",
    "extendSegmentationLease": "ExtendLeaseInput",
}


class GraphQLFailed(Exception):
    """A call whose answer has errors; ``code`` is the first one's."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors
        self.code: str = errors[0]["extensions"]["code"]


class Person:
    """Somebody signed in, or nobody: calls go over HTTP, subscriptions over graphql-ws."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self._url = url
        self._http = http
        self._token = ""
        self.id = ""
        self.email = ""
        self.refresh_token = ""

    @property
    def headers(self) -> dict[str, str]:
        """The credentials, as a client sends them."""
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    async def post(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send an operation; return the whole answer."""
        body = {"query": query, "variables": variables}
        response = await self._http.post("/graphql", json=body, headers=self.headers)
        answer: dict[str, Any] = response.json()
        return answer

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send an operation; return its data. Raises GraphQLFailed."""
        return _data(await self.post(query, **variables))

    async def do(self, mutation: str, fields: str, **values: Any) -> dict[str, Any]:
        """Run the mutation of this name with these values as its input; return its payload."""
        kind = INPUTS.get(mutation, f"{mutation[0].upper()}{mutation[1:]}Input")
        query = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {fields} }}"
        payload: dict[str, Any] = (await self.ask(query, input=values))[mutation]
        return payload

    async def upload(
        self,
        project_id: str,
        *files: tuple[str, bytes],
        upload_id: str | None = None,
        fields: str = UPLOADED,
    ) -> dict[str, Any]:
        """Upload files, given as pairs of name and content; return the payload."""
        operations = {
            "query": UPLOAD + fields + "}",
            "variables": {
                "input": {
                    "projectId": project_id,
                    "files": [None] * len(files),
                    "uploadId": upload_id,
                }
            },
        }
        places = {str(i): [f"variables.input.files.{i}"] for i in range(len(files))}
        response = await self._http.post(
            "/graphql",
            data={
                "operations": msgspec.json.encode(operations).decode(),
                "map": msgspec.json.encode(places).decode(),
            },
            files=[(str(i), file) for i, file in enumerate(files)],
            headers=self.headers | {"Apollo-Require-Preflight": "true"},
        )
        payload: dict[str, Any] = _data(response.json())["uploadImages"]
        return payload

    async def sign_up(self, name: str) -> "Person":
        """Create an account, and be signed in to it."""
        self.email = f"{name.lower()}-{uuid4().hex[:8]}@example.org"
        payload = await self.do("signUp", SESSION, email=self.email, password=PASSWORD, name=name)
        self.take(payload)
        return self

    def take(self, session: dict[str, Any]) -> None:
        """Use the tokens of a SessionPayload from now on."""
        self.id = session["user"]["id"]
        self._token = session["accessToken"]
        self.refresh_token = session["refreshToken"]

    async def take_key(self) -> None:
        """Use an API key from now on: it does not expire."""
        self._token = (await self.do("createApiKey", "{ secret }", name="tests"))["secret"]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["Subscriber"]:
        """Open a WebSocket."""
        transport = WebsocketsTransport(
            url=f"ws{self._url.removeprefix('http')}/graphql", init_payload=self.headers
        )
        async with Client(transport=transport) as session:
            subscriber = Subscriber(session)
            try:
                yield subscriber
            finally:
                await subscriber.stop()


class Subscriber:
    """One socket with its subscriptions."""

    def __init__(self, session: AsyncClientSession) -> None:
        self._session = session
        self._streams: list[Stream] = []

    def watch(self, query: str, **variables: Any) -> "Stream":
        """Subscribe; what arrives is collected from now on."""
        stream = Stream(self._session, query, variables)
        self._streams.append(stream)
        return stream

    async def stop(self) -> None:
        """End all subscriptions."""
        for stream in self._streams:
            await stream.stop()


class Stream:
    """One subscription: what arrived so far, in ``events``, and how it ended."""

    def __init__(self, session: AsyncClientSession, query: str, variables: dict[str, Any]) -> None:
        self.events: list[Any] = []
        self.error: BaseException | None = None
        self.ended = False
        self._changed = asyncio.Condition()
        self._task = asyncio.create_task(self._collect(session, query, variables))

    async def _collect(
        self, session: AsyncClientSession, query: str, variables: dict[str, Any]
    ) -> None:
        request = gql(query)
        request.variable_values = variables
        try:
            async for data in session.subscribe(request):
                (event,) = data.values()
                await self._note(lambda event=event: self.events.append(event))
        except Exception as error:  # noqa: BLE001, how it ended is for the test to judge
            self.error = error
        finally:
            self.ended = True
            await asyncio.shield(self._note(lambda: None))

    async def _note(self, change: Any) -> None:
        async with self._changed:
            change()
            self._changed.notify_all()

    async def until(self, condition: Any, seconds: float = 10.0) -> list[Any]:
        """Wait until the condition holds for the list of events; return the list."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: condition(self.events))
        return self.events

    async def end(self, seconds: float = 10.0) -> str | None:
        """Wait until the stream has ended; return its error's code, None where there is none."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: self.ended)
        errors = getattr(self.error, "errors", None)
        return errors[0]["extensions"]["code"] if errors else None

    async def stop(self) -> None:
        """Unsubscribe."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Hub:
    """A hub that runs in this process."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url
        self.http = http

    def nobody(self) -> Person:
        """Return a client that is not signed in."""
        return Person(self.url, self.http)

    async def person(self, name: str) -> Person:
        """Return a person who has just signed up."""
        return await self.nobody().sign_up(name)


@asynccontextmanager
async def running_hub(
    database_url: str, folder: Path, *, pages: Path = FOLDER, **settings: Any
) -> AsyncIterator[Hub]:
    """Serve a hub on a free port of the loopback interface."""
    values = {
        "data_dir": folder,
        "database_url": database_url,
        "broadcast_url": "memory://",
        "secret_key": SecretStr("a secret of tests, long enough for it"),
    }
    app = create_app(Settings(**values | settings), pages=pages)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="hub.guarded_http:GuardedHTTP",
            ws="hub.guarded_websocket:GuardedWebSocket",
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            timeout_graceful_shutdown=5,
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # asyncio does so only for sockets that it made; without it every answer takes 40 ms more.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                await _until_ready(http, serving)
                yield Hub(url, http)
        finally:
            server.should_exit = True
            await serving


async def _until_ready(http: httpx.AsyncClient, serving: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(20):
        while not serving.done():
            try:
                if (await http.get("/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)
    serving.result()


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    if "errors" in answer:
        raise GraphQLFailed(answer["errors"])
    data: dict[str, Any] = answer["data"]
    return data
