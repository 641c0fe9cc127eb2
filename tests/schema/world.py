"""What the fields of the toy schema act on, and who asks for them."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import strawberry

from persistence.ids import new_id
from realtime.outlet import Outlet
from resolvers.context import Viewer
from resolvers.errors import Unauthenticated
from schema.connections import Connections

ADA = UUID(int=1)
BOB = UUID(int=2)


@dataclass
class World:
    """What the fields act on, and what tests look at."""

    count: int = 0
    made: int = 0
    contexts: list["Context"] = field(default_factory=list)
    labelled: list["Context"] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    first_chunk: asyncio.Event = field(default_factory=asyncio.Event)
    unexpected: list[tuple[BaseException, str]] = field(default_factory=list)
    tokens: dict[str, Viewer | Exception] = field(default_factory=dict)
    hesitates: bool = False
    connections: Connections = field(default_factory=Connections)

    def report(self, error: BaseException, request_id: str) -> None:
        self.unexpected.append((error, request_id))

    async def authenticate(self, authorization: str | None) -> Viewer | None:
        if authorization is None:
            return None
        match self.tokens.get(authorization.removeprefix("Bearer ")):
            case None:
                raise Unauthenticated("The token does not hold.")
            case Exception() as error:
                raise error
            case viewer:
                if self.hesitates:
                    self.started.set()
                    await self.go_on.wait()
                return viewer

    def make_context(
        self,
        *,
        viewer: Viewer | None,
        request_id: str,
        client_address: str,
        base_url: str,
        last_event_id: int | None = None,
        subscriber: Outlet | None = None,
    ) -> "Context":
        context = Context(
            self, request_id, viewer, client_address, base_url, last_event_id, subscriber
        )
        self.contexts.append(context)
        return context

    def sign_in(self, token: str, user_id: UUID = ADA, seconds: float | None = None) -> Viewer:
        expires_at = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
        viewer = Viewer(user_id=user_id, session_id=new_id(), expires_at=expires_at)
        self.tokens[token] = viewer
        return viewer


@dataclass(eq=False)
class Context:
    world: World
    request_id: str
    viewer: Viewer | None = None
    client_address: str = ""
    base_url: str = ""
    last_event_id: int | None = None
    subscriber: Outlet | None = None

    def scope(self, *, shared: bool) -> Hashable:
        return self.base_url, None if shared or self.viewer is None else self.viewer.user_id

    def for_events(self, count: int, *, shared: bool) -> "list[Context]":
        viewer = None if shared else self.viewer
        contexts = [replace(self, viewer=viewer, subscriber=None) for _ in range(count)]
        if not shared:
            self.world.contexts += contexts
        return contexts


Info = strawberry.Info[Context, Any]
