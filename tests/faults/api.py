"""Calls over HTTP or a socket, to whichever hub is there."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import websockets
from msgspec import Struct

from tests.protocol.client import Client, connect

RESTART = "1012"
UNDONE = {"SERVICE_UNAVAILABLE", "ConnectError", RESTART}
"""Failures by which nothing was done."""
UNKNOWN = {"OUTCOME_UNKNOWN", "ReadError", "RemoteProtocolError", "WriteError"}
"""Failures behind which anything may have been done."""


class Failed(Exception):
    """A call failed: ``what`` is the code of the hub's answer, or the kind of network trouble."""

    def __init__(self, what: str, message: str = "") -> None:
        super().__init__(f"{what}: {message}")
        self.what = what if what in UNDONE | UNKNOWN else str(self)
        self.undone = what in UNDONE


class Account(Struct, frozen=True):
    """Somebody who has signed up."""

    id: str
    email: str
    token: str


class Api:
    """Calls a hub as somebody; the next one, once a connection has failed."""

    def __init__(self, http: httpx.AsyncClient, urls: Sequence[str], token: str = "") -> None:
        self._http = http
        self._urls = list(urls)
        self._headers = {"GraphQL-Preflight": "1"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    async def do(
        self, mutation: str, fields: str, files: Sequence[bytes] = (), **values: Any
    ) -> Any:
        """Run a mutation, files going into its input's ``files``; return its payload.

        Raises Failed.
        """
        kind = _INPUTS.get(mutation, f"{mutation[0].upper()}{mutation[1:]}Input")
        query = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {fields} }}"
        body: dict[str, Any] = {"query": query, "variables": {"input": values}}
        try:
            answer = await self._post(body, files)
        except httpx.TransportError as error:
            self._move_on()
            raise Failed(type(error).__name__) from error
        for refusal in answer.get("errors", ()):
            raise Failed(refusal["extensions"]["code"], refusal["message"])
        return answer["data"][mutation]

    async def close(self) -> None:
        """Let go of what calls have left open."""

    def _move_on(self) -> None:
        self._urls.append(self._urls.pop(0))

    async def _post(self, body: dict[str, Any], files: Sequence[bytes]) -> Any:
        url = f"{self._urls[0]}/graphql"
        if not files:
            response = await self._http.post(url, json=body, headers=self._headers)
        else:
            body["variables"]["input"]["files"] = [None] * len(files)
            places = {str(i): [f"variables.input.files.{i}"] for i in range(len(files))}
            form = {"operations": body, "map": places}
            response = await self._http.post(
                url,
                data={name: msgspec.json.encode(part).decode() for name, part in form.items()},
                files=[(str(i), (f"{i}.png", file)) for i, file in enumerate(files)],
                headers=self._headers,
            )
        return response.json()


class SocketApi(Api):
    """Calls over a socket, which is opened anew once it was closed. Files go over HTTP."""

    def __init__(self, http: httpx.AsyncClient, urls: Sequence[str], token: str) -> None:
        super().__init__(http, urls, token)
        self._token = token
        self._client: Client | None = None
        self._open = AsyncExitStack()
        self._calls = count()

    async def close(self) -> None:
        self._client = None
        await self._open.aclose()

    async def _post(self, body: dict[str, Any], files: Sequence[bytes]) -> Any:
        if files:
            return await super()._post(body, files)
        key = str(next(self._calls))
        try:
            client = self._client = self._client or await self._connected()
            await client.say(type="subscribe", id=key, payload=body)
            [message, *_] = await client.hear_all_of(key)
        except (OSError, websockets.ConnectionClosed, websockets.InvalidHandshake) as error:
            await self.close()
            self._move_on()
            raise Failed(_how(error)) from error
        payload = message["payload"]
        return {"errors": payload} if message["type"] == "error" else payload

    async def _connected(self) -> Client:
        address = f"ws{self._urls[0].removeprefix('http')}/graphql"
        return await self._open.enter_async_context(connect(address, self._token))


def _how(error: Exception) -> str:
    """Return the code that a socket was closed with, or the kind of network trouble."""
    if isinstance(error, websockets.ConnectionClosed):
        return str(error.rcvd.code) if error.rcvd else "ReadError"
    return "ConnectError" if isinstance(error, ConnectionRefusedError) else "ReadError"


async def sign_up(http: httpx.AsyncClient, url: str, name: str) -> Account:
    """Return a new account."""
    email = f"{name}-{uuid4().hex[:8]}@example.org"
    payload = await Api(http, [url]).do(
        "signUp",
        "{ user { id } accessToken }",
        email=email,
        password="the cells divide at dawn",
        name=name,
    )
    return Account(payload["user"]["id"], email, payload["accessToken"])


_INPUTS = {"deleteProject": "ProjectIdInput", "signOut": "RefreshSessionInput"}
