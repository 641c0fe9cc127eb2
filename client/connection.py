"""Calls of a hub's API over HTTP, and subscriptions over graphql-transport-ws."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportConnectionFailed, TransportError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from client.addresses import is_local
from client.answers import only_field, record
from client.credentials import Credentials
from client.errors import UNAUTHENTICATED, NotAHub, Refused, understood

T = TypeVar("T")

_NETWORK = (httpx.HTTPError, httpx.InvalidURL)
_SUBPROTOCOL = "graphql-transport-ws"
_NONE: Mapping[str, Any] = {}


class HubClient:
    """A hub at an address, in the eyes of one user or of nobody. Use it as a context manager.

    A call may take ``seconds`` to be answered after it was sent; what is sent may take longer.
    """

    def __init__(
        self, url: str, credentials: Credentials | None = None, *, seconds: float = 300.0
    ) -> None:
        self.url = url.rstrip("/")
        self.credentials = credentials
        endpoint = urlsplit(f"{self.url}/graphql")
        if endpoint.scheme not in ("http", "https") or not endpoint.hostname:
            raise NotAHub(f"{url!r} is no address of a hub, as http://127.0.0.1:8000 is.")
        self._is_local = is_local(self.url)
        self._socket_url = endpoint._replace(scheme=endpoint.scheme.replace("http", "ws")).geturl()
        transport = HTTPXAsyncTransport(
            endpoint.geturl(),
            timeout=httpx.Timeout(seconds, connect=10.0, pool=None),
            # Without it, the hub refuses files: a foreign page could have sent them.
            headers={"GraphQL-Preflight": "1"},
            trust_env=not self._is_local,
        )
        self._client = Client(transport=transport, execute_timeout=None)
        self._opened = AsyncExitStack()
        self._session: AsyncClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = await self._opened.enter_async_context(self._client)
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._session = None
        await self._opened.aclose()

    async def call(
        self,
        document: str,
        kind: type[T],
        variables: Mapping[str, Any] = _NONE,
        *,
        with_files: bool = False,
    ) -> T:
        """Execute a document of one field and return its value as a record.

        ``with_files``: the variables hold gql's ``FileVar``, whose open files are streamed. Raises
        ClientError.
        """
        return record(await self._execute(document, variables, with_files), kind)

    async def find(
        self, document: str, kind: type[T], variables: Mapping[str, Any] = _NONE
    ) -> T | None:
        """Execute a document of one field, which may be null. Raises ClientError."""
        value = await self._execute(document, variables)
        return None if value is None else record(value, kind)

    @asynccontextmanager
    async def live(self) -> AsyncIterator["LiveConnection"]:
        """Open a socket for subscriptions, good as long as the token is. Raises ClientError."""
        payload = {}
        if self.credentials is not None:
            payload["Authorization"] = f"Bearer {await self.credentials.token(self._ask)}"
        transport = WebsocketsTransport(
            self._socket_url,
            init_payload=payload,
            subprotocols=[_SUBPROTOCOL],
            connect_args={"proxy": None} if self._is_local else {},
        )
        async with AsyncExitStack() as opened:
            try:
                session = await opened.enter_async_context(Client(transport=transport))
            except (TransportError, TimeoutError) as error:
                raise understood(error, self.url) from error
            yield LiveConnection(session, self.url)

    async def _execute(
        self, document: str, variables: Mapping[str, Any], with_files: bool = False
    ) -> Any:
        if self.credentials is None:
            return await self._ask(document, variables, None, with_files)
        token = await self.credentials.token(self._ask)
        try:
            return await self._ask(document, variables, token, with_files)
        except Refused as error:
            if error.code != UNAUTHENTICATED or not self.credentials.drop(token):
                raise
        token = await self.credentials.token(self._ask)
        return await self._ask(document, variables, token, with_files)

    async def _ask(
        self,
        document: str,
        variables: Mapping[str, Any],
        token: str | None = None,
        with_files: bool = False,
    ) -> Any:
        if self._session is None:
            raise RuntimeError("the client is not open")
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            data = await self._session.execute(
                GraphQLRequest(document, variable_values=dict(variables)),
                upload_files=with_files,
                extra_args={"headers": headers},
            )
        except TransportError as error:
            cause = error.__cause__
            if isinstance(error, TransportConnectionFailed) and not isinstance(cause, _NETWORK):
                # The transport takes all errors for the network's, those of files, too.
                raise cause or error from None
            raise understood(error, self.url) from error
        return only_field(data)


class LiveConnection:
    """An open socket for subscriptions."""

    def __init__(self, session: AsyncClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def subscribe(
        self, document: str, kind: type[T], variables: Mapping[str, Any] = _NONE
    ) -> AsyncGenerator[T, None]:
        """Yield the values of the subscription's only field. Raises ClientError."""
        request = GraphQLRequest(document, variable_values=dict(variables))
        try:
            async with aclosing(self._session.subscribe(request)) as results:
                async for data in results:
                    yield record(only_field(data), kind)
        except TransportError as error:
            raise understood(error, self._url) from error
