"""Who is signed in to a hub, and how to go on when a connection or a token does not."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import httpx

T = TypeVar("T")

_TOKENS = "{ accessToken refreshToken }"
_SIGN_IN = f"mutation ($input: SignInInput!) {{ tokens: signIn(input: $input) {_TOKENS} }}"
_REFRESH = (
    f"mutation ($input: RefreshSessionInput!) {{ tokens: refreshSession(input: $input) {_TOKENS} }}"
)
_UNAUTHENTICATED = "UNAUTHENTICATED"
_PASSING = {"SERVICE_UNAVAILABLE", "OUTCOME_UNKNOWN", "RATE_LIMITED", "TIMEOUT"}
_REFUSED = 4403


class HubError(Exception):
    """The hub answered with an error; ``code`` is its ``extensions.code``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ConnectionLost(Exception):
    """The hub is not to be reached, or closed the socket: then ``code`` says why."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__(f"The connection is lost: {code}")
        self.code = code


class Session:
    """Somebody's session at the hub whose GraphQL is at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = asyncio.Lock()
        self._tokens: dict[str, str] | None = None

    async def sign_in(self, email: str, password: str) -> None:
        """Sign in; raise HubError with UNAUTHENTICATED where one of the two is wrong."""
        self._tokens = await self._ask(_SIGN_IN, {"email": email, "password": password})

    async def access_token(self, refused: str | None = None) -> str:
        """Return the token to send; where the hub has ``refused`` one, another.

        Raises HubError with UNAUTHENTICATED where one has to sign in, and httpx.TransportError.
        """
        # One at a time: a refresh token is good once.
        async with self._lock:
            if self._tokens is None:
                raise HubError(_UNAUTHENTICATED, "Nobody is signed in.")
            if self._tokens["accessToken"] == refused:
                values = {"refreshToken": self._tokens["refreshToken"]}
                try:
                    self._tokens = await self._ask(_REFRESH, values)
                except HubError as error:
                    if error.code == _UNAUTHENTICATED:
                        self._tokens = None
                    raise
            return self._tokens["accessToken"]

    async def _ask(self, query: str, values: dict[str, str]) -> dict[str, str]:
        async with httpx.AsyncClient(timeout=30) as http:
            body = {"query": query, "variables": {"input": values}}
            answer = (await http.post(self.url, json=body)).json()
        for error in answer.get("errors", ()):
            raise HubError(error["extensions"]["code"], error["message"])
        tokens: dict[str, str] = answer["data"]["tokens"]
        return tokens


class Bearer(httpx.Auth):
    """Sends the access token, and once more another one where it is refused."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Authorize a request."""
        token = await self._session.access_token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            token = await self._session.access_token(token)
            request.headers["Authorization"] = f"Bearer {token}"
            yield request


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Do something that can be done twice until it is done, or fails for a reason that stays."""
    retries = 0
    while True:
        try:
            return await attempt()
        except (ConnectionLost, httpx.TransportError):
            pass
        except HubError as error:
            if error.code not in _PASSING:
                raise
        await _pause(retries)
        retries += 1


async def follow(
    session: Session, subscribe: Callable[[str], AsyncGenerator[T, None]]
) -> AsyncIterator[T]:
    """Yield what a subscription yields; when its connection is lost, subscribe again.

    ``subscribe`` is called with an access token each time.
    """
    refused: str | None = None
    retries = 0
    while True:
        try:
            token = await session.access_token(refused)
            refused = None
            async with aclosing(subscribe(token)) as updates:
                async for update in updates:
                    retries = 0
                    yield update
            return
        except ConnectionLost as lost:
            refused = token if lost.code == _REFUSED else None
        except httpx.TransportError:
            pass
        except HubError as error:
            if error.code not in _PASSING:
                raise
        await _pause(retries)
        retries += 1


async def _pause(retries: int) -> None:
    longest = min(2.0**retries, 30.0)
    await asyncio.sleep(longest * random.uniform(0.5, 1.0))
