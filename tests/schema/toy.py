"""A small schema with every kind of field that execution and transport have to deal with."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, NoReturn, TypeAlias

import strawberry
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

from resolvers.errors import Conflict, Forbidden, RateLimited, Unauthenticated
from resolvers.uploads import UploadedFile, arriving
from schema.execution import Executor
from schema.http import GraphQLHTTPEndpoint, HTTPLimits
from schema.ids import InvalidId
from schema.limits import DocumentLimits
from schema.scalars import SCALARS, BigInt, GeoJSON, Upload, stored_geojson
from schema.sharing import SHARED
from schema.websocket import GraphQLWebSocketEndpoint
from schema.websocket_session import SocketLimits
from tests.schema.world import ADA, Info, World


@strawberry.enum
class Color(Enum):
    RED = "r"
    BLUE = "b"


@strawberry.input
class Point:
    x: int
    y: int = 0


@strawberry.type
class Leaves:
    instant: datetime
    big: BigInt
    shape: GeoJSON
    color: Color


class OnlyAda(BasePermission):
    message = "Ada's alone."

    def has_permission(self, source: object, info: strawberry.Info[Any, Any], **_: Any) -> bool:
        viewer = info.context.viewer
        return viewer is not None and viewer.user_id == ADA

    def on_unauthorized(self) -> NoReturn:
        raise Forbidden(self.message)


@strawberry.type
class Thing:
    number: int
    diary: str | None = strawberry.field(default="a secret of Ada's", permission_classes=[OnlyAda])

    @strawberry.field
    async def again(self, info: Info) -> "Thing":
        return Thing(number=self.number + 1)

    @strawberry.field
    def owner(self, info: Info) -> str:
        raise Forbidden("Not for you.")

    @strawberry.field
    def context(self, info: Info) -> str:
        return f"{id(info.context)} {info.context.request_id}"

    @strawberry.field
    def asker(self, info: Info) -> str | None:
        return str(info.context.viewer.user_id) if info.context.viewer else None

    @strawberry.field(metadata=SHARED)
    def label(self, info: Info, prefix: str = "", points: list[Point] | None = None) -> str:
        """What anybody may see; who asks it finds out for itself."""
        info.context.world.labelled.append(info.context)
        return f"{prefix}{self.number} at {info.context.base_url}"

    @strawberry.field(metadata=SHARED)
    def named(self, info: Info, key: strawberry.ID | None = None) -> str:
        return str(key)

    @strawberry.field(metadata=SHARED)
    async def slow_label(self, info: Info) -> str:
        await info.context.world.go_on.wait()
        return f"slow {self.number}"

    @strawberry.field(metadata=SHARED)
    def broken_label(self, info: Info) -> str | None:
        raise RuntimeError("a secret of the database")


@strawberry.type
class Query:
    @strawberry.field
    async def thing(self, info: Info, number: int = 1) -> Thing:
        return Thing(number=number)

    @strawberry.field
    async def things(self, info: Info) -> list[Thing]:
        return [Thing(number=number) for number in range(3)]

    @strawberry.field
    def maybe(self, info: Info) -> Thing | None:
        raise KeyError("a secret of the database")

    @strawberry.field
    def surely(self, info: Info) -> Thing:
        raise RuntimeError("a secret of the database")

    @strawberry.field
    def not_there(self, info: Info, key: strawberry.ID) -> Thing | None:
        raise InvalidId(key)

    @strawberry.field
    def infinite(self, info: Info) -> float | None:
        return float("inf")

    @strawberry.field
    def wrong_enum(self, info: Info) -> Color | None:
        return "green"  # type: ignore[return-value]

    @strawberry.field
    def distance(self, info: Info, point: Point) -> int:
        return point.x + point.y

    @strawberry.field
    def leaves(
        self, info: Info, instant: datetime, big: BigInt, shape: GeoJSON, color: Color
    ) -> Leaves:
        assert isinstance(color, Color)
        assert instant.tzinfo is UTC
        return Leaves(instant=instant, big=big, shape=shape, color=color)

    @strawberry.field
    def stored_shape(self, info: Info) -> GeoJSON:
        return stored_geojson(b'{"type":"Point","coordinates":[1.50,2]}')

    @strawberry.field
    def naive(self, info: Info) -> datetime | None:
        return datetime(2026, 1, 1)  # noqa: DTZ001

    @strawberry.field
    def too_big(self, info: Info) -> BigInt | None:
        return BigInt(2**53)

    @strawberry.field
    def unencodable(self, info: Info) -> GeoJSON | None:
        return GeoJSON({"type": object()})

    @strawberry.field
    def viewer(self, info: Info) -> str | None:
        return str(info.context.viewer.user_id) if info.context.viewer else None

    @strawberry.field
    def secret(self, info: Info) -> str:
        if info.context.viewer is None:
            raise Unauthenticated("Sign in first.")
        return "the cells divide at dawn"

    @strawberry.field
    def caller(self, info: Info) -> list[str]:
        return [info.context.client_address, info.context.base_url]

    @strawberry.field
    async def waiting(self, info: Info) -> str:
        world = info.context.world
        world.started.set()
        try:
            await world.go_on.wait()
        finally:
            world.stopped.set()
        return "waited"


@strawberry.type
class StoredFile:
    name: str
    path: str
    size: int
    sha256: str


async def _stored(file: UploadedFile, world: World) -> StoredFile:
    digest, size = hashlib.sha256(), 0
    async for chunk in file.chunks():
        digest.update(chunk)
        size += len(chunk)
        world.first_chunk.set()
    return StoredFile(name=file.name, path=file.variable_path, size=size, sha256=digest.hexdigest())


@strawberry.input
class UploadInput:
    files: list[Upload]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def increment(self, info: Info, by: int = 1) -> int:
        info.context.world.count += by
        return info.context.world.count

    @strawberry.mutation
    def conflict(self, info: Info) -> int:
        raise Conflict("Not now.")

    @strawberry.mutation
    async def slowly(self, info: Info) -> int:
        world = info.context.world
        world.started.set()
        await world.go_on.wait()
        world.count += 1
        world.stopped.set()
        return world.count

    @strawberry.mutation
    async def upload(
        self, info: Info, argument: Annotated[UploadInput, strawberry.argument(name="input")]
    ) -> list[StoredFile]:
        world = info.context.world
        world.started.set()
        try:
            stored = [await _stored(file, world) async for file in arriving(argument.files)]
            world.count += len(stored)
        finally:
            world.stopped.set()
        return stored

    @strawberry.mutation
    async def upload_one(self, info: Info, file: Upload) -> StoredFile:
        (stored,) = [await _stored(each, info.context.world) async for each in arriving([file])]
        return stored

    @strawberry.mutation
    async def upload_names(self, info: Info, files: list[Upload]) -> list[str]:
        return [file.name async for file in arriving(files)]

    @strawberry.mutation
    async def upload_forbidden(self, info: Info, files: list[Upload]) -> int:
        raise Forbidden("Not into this project.")

    @strawberry.mutation
    async def upload_ignored(self, info: Info, files: list[Upload]) -> int:
        return len(files)


class Countdown:
    """A source of events that is no generator."""

    def __init__(self, start: int) -> None:
        self._left = start

    def __aiter__(self) -> "Countdown":
        return self

    async def __anext__(self) -> Thing:
        if self._left == 0:
            raise StopAsyncIteration
        self._left -= 1
        return Thing(number=self._left)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, info: Info, to: int) -> AsyncGenerator[Thing, None]:
        for number in range(to):
            yield Thing(number=number)

    @strawberry.subscription
    async def breaking(self, info: Info) -> AsyncGenerator[Thing, None]:
        yield Thing(number=1)
        raise RuntimeError("a secret of the database")

    @strawberry.subscription
    async def revoked(self, info: Info) -> AsyncGenerator[Thing, None]:
        yield Thing(number=1)
        raise Forbidden("Access was revoked.")

    @strawberry.subscription
    async def refused(self, info: Info, refuse: bool = True) -> AsyncGenerator[Thing, None]:
        if refuse:
            raise RateLimited("Later.")
        yield Thing(number=1)

    @strawberry.subscription
    async def prepared(self, info: Info, to: int) -> AsyncIterator[Thing]:
        return Countdown(to)

    @strawberry.subscription
    def unprepared(self, info: Info, reason: str) -> AsyncIterator[Thing]:
        if reason == "forbidden":
            raise Forbidden("Not for you.")
        raise RuntimeError("a secret of the database")

    @strawberry.subscription
    async def unencodable(self, info: Info) -> AsyncGenerator[GeoJSON, None]:
        yield GeoJSON({"type": object()})

    @strawberry.subscription
    async def endless(self, info: Info, size: int = 0) -> AsyncGenerator[str, None]:
        world = info.context.world
        try:
            while True:
                world.made += 1
                yield "x" * size
        finally:
            world.stopped.set()

    @strawberry.subscription
    async def silent(self, info: Info) -> AsyncGenerator[int, None]:
        world = info.context.world
        world.started.set()
        try:
            await world.go_on.wait()
            yield 1
        finally:
            world.stopped.set()


Observe: TypeAlias = Callable[[str, str, float | None], None]


def unobserved(_kind: str, _outcome: str, _seconds: float | None) -> None:
    pass


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(scalar_map=SCALARS),
)


def executor_of(
    world: World, limits: DocumentLimits | None = None, observe: Observe = unobserved
) -> Executor:
    return Executor(SCHEMA, limits or DocumentLimits(), world.report, observe)


def http_endpoint(world: World, limits: HTTPLimits | None = None) -> GraphQLHTTPEndpoint:
    return GraphQLHTTPEndpoint(
        executor_of(world),
        authenticate=world.authenticate,
        make_context=world.make_context,
        on_unexpected=world.report,
        connections=world.connections,
        limits=limits or HTTPLimits(),
    )


def websocket_endpoint(
    world: World, limits: SocketLimits | None = None
) -> GraphQLWebSocketEndpoint:
    return GraphQLWebSocketEndpoint(
        executor_of(world),
        authenticate=world.authenticate,
        make_context=world.make_context,
        on_unexpected=world.report,
        connections=world.connections,
        limits=limits or SocketLimits(),
    )
