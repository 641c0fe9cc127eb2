"""Calls over HTTP, to whichever hub is there."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import httpx
import msgspec
from msgspec import Struct

UNDONE = {"SERVICE_UNAVAILABLE", "ConnectError"}
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
            self._urls.append(self._urls.pop(0))
            raise Failed(type(error).__name__) from error
        for refusal in answer.get("errors", ()):
            raise Failed(refusal["extensions"]["code"], refusal["message"])
        return answer["data"][mutation]

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
