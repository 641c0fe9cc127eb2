"""Strawberry as it comes: its ASGI application on uvicorn, with a queue for each subscriber."""

import asyncio
import socket
from collections import defaultdict
from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL


@strawberry.enum
class SegmentationStatus(StrEnum):
    UPLOADED = "UPLOADED"
    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    SEGMENTED = "SEGMENTED"
    NO_SEGMENTATION = "NO_SEGMENTATION"
    FAILED = "FAILED"


@strawberry.enum
class ImageOperation(StrEnum):
    SNAPSHOT = "SNAPSHOT"
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"


@strawberry.type
class SegmentationError:
    code: str
    message: str
    retryable: bool


@strawberry.type
class Image:
    id: strawberry.ID
    name: str
    status: SegmentationStatus
    width: int
    height: int
    size_bytes: int
    updated_at: str
    revision: int

    @classmethod
    def of(cls, image: dict[str, Any]) -> "Image":
        return cls(
            id=image["id"],
            name=image["name"],
            status=SegmentationStatus(image["status"]),
            width=image["width"],
            height=image["height"],
            size_bytes=image["sizeBytes"],
            updated_at=image["updatedAt"],
            revision=image["revision"],
        )


@strawberry.type
class SegmentationUpdate:
    image_id: strawberry.ID
    project_id: strawberry.ID
    operation: ImageOperation
    status: SegmentationStatus | None
    queue_id: strawberry.ID | None
    progress: float | None
    error: SegmentationError | None
    timestamp: str
    revision: int
    image: Image | None

    @classmethod
    def of(cls, event: dict[str, Any]) -> "SegmentationUpdate":
        return cls(
            image_id=event["imageId"],
            project_id=event["projectId"],
            operation=ImageOperation(event["operation"]),
            status=SegmentationStatus(event["status"]),
            queue_id=event["queueId"],
            progress=event["progress"],
            error=event["error"],
            timestamp=event["timestamp"],
            revision=event["revision"],
            image=Image.of(event["image"]),
        )


@strawberry.type
class Query:
    ok: bool = True


queues: dict[str, set[asyncio.Queue[SegmentationUpdate]]] = defaultdict(set)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def segmentation_updated(
        self, project_id: strawberry.ID
    ) -> AsyncGenerator[SegmentationUpdate, None]:
        queue: asyncio.Queue[SegmentationUpdate] = asyncio.Queue()
        queues[project_id].add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            queues[project_id].discard(queue)


async def publish(request: Request) -> Response:
    """Tell everybody who watches the topic."""
    body = await request.json()
    update = SegmentationUpdate.of(body["event"])
    for queue in queues[body["topic"]]:
        queue.put_nowait(update)
    return Response(status_code=204)


def main() -> None:
    """Serve on a free port of the loopback interface."""
    graphql: GraphQL[None, None] = GraphQL(
        strawberry.Schema(query=Query, subscription=Subscription)
    )
    routes = [
        Route("/publish", publish, methods=["POST"]),
        Route("/graphql", graphql),
        WebSocketRoute("/graphql", graphql),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes), loop="uvloop", log_level="warning", timeout_keep_alive=600
    )
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
