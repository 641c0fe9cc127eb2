"""A hub's projects, images and uploads, with gql."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from gql import Client, FileVar, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.exceptions import (
    TransportConnectionFailed,
    TransportError,
    TransportQueryError,
    TransportServerError,
)
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from session import Bearer, ConnectionLost, HubError, Session, follow, patiently
from websockets.exceptions import ConnectionClosed

PROJECTS = """query {
    projects(first: 100) {
        edges { node { id name stats { imageCount segmentedCount revision } } }
    }
}"""
PROJECT_UPDATED = """subscription {
    projectUpdated { projectId operation updates { imageCount segmentedCount revision } }
}"""
SEGMENTATION_UPDATED = """subscription ($projectId: ID!, $after: BigInt!) {
    segmentationUpdated(projectId: $projectId, after: $after) {
        imageId revision image { id name status revision }
    }
}"""
UPLOAD_IMAGES = """mutation ($input: UploadImagesInput!) {
    uploadImages(input: $input) { images { id } rejected { name code message } }
}"""
UPLOAD_PROGRESSED = """subscription ($uploadId: ID!) {
    uploadProgressed(uploadId: $uploadId) {
        bytesReceived filesTotal filesStored filesRejected done
    }
}"""

Record = dict[str, Any]


class Hub:
    """A hub in the eyes of who is signed in. Use it as a context manager."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._opened = AsyncExitStack()
        self._http: AsyncClientSession

    async def __aenter__(self) -> Self:
        transport = HTTPXAsyncTransport(
            self._session.url,
            auth=Bearer(self._session),
            headers={"Apollo-Require-Preflight": "true"},
            timeout=300,
        )
        client = Client(transport=transport, execute_timeout=None)
        self._http = await self._opened.enter_async_context(client)
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._opened.aclose()

    async def projects(self) -> AsyncIterator[dict[str, Record]]:
        """Yield the projects that one can see, by id, again with each change."""
        projects: dict[str, Record] = {}
        numbers: dict[str, Record] = {}
        is_stale = False

        async def subscribe(token: str) -> AsyncGenerator[Record | None, None]:
            # What went while there was no connection, nobody tells.
            yield None
            async for update in self._subscribe(token, PROJECT_UPDATED, {}):
                yield update

        async for update in follow(self._session, subscribe):
            is_news = True
            if update is not None and update["updates"] is not None:
                key = update["projectId"]
                numbers[key] = _newer(update["updates"], numbers.get(key))
                # Those that are behind the first page of the list change unseen.
                is_news = key not in projects and update["operation"] != "UPDATED"
            if is_news or is_stale:
                projects = await self._list()
                # Something may have gone after the list was read, before the subscription began.
                is_stale = update is None
            for key, project in projects.items():
                numbers[key] = project["stats"] = _newer(project["stats"], numbers.get(key))
            yield projects

    async def images(self, project_id: str) -> AsyncIterator[dict[str, Record]]:
        """Yield the images of a project, by id, again with each change."""
        images: dict[str, Record] = {}
        after = 0

        def subscribe(token: str) -> AsyncGenerator[Record, None]:
            # Behind what came last.
            variables = {"projectId": project_id, "after": after}
            return self._subscribe(token, SEGMENTATION_UPDATED, variables)

        while True:
            try:
                async for update in follow(self._session, subscribe):
                    after = update["revision"]
                    if update["image"] is None:
                        images.pop(update["imageId"], None)
                    else:
                        images[update["imageId"]] = update["image"]
                    yield images
            except HubError as error:
                if error.code != "CURSOR_EXPIRED":
                    raise
                images.clear()
                after = 0

    async def upload(
        self, project_id: str, paths: Sequence[Path], tell: Callable[[Record], None]
    ) -> Record:
        """Upload files, and tell how far that is. An answer that was lost is asked for again."""
        upload_id = str(uuid4())

        async def send() -> Record:
            files = [FileVar(str(path)) for path in paths]
            values = {"projectId": project_id, "uploadId": upload_id, "files": files}
            return await self._ask(UPLOAD_IMAGES, {"input": values}, upload_files=True)

        watching = asyncio.create_task(self._watch(upload_id, tell))
        try:
            uploaded = await patiently(send)
            await watching
        finally:
            watching.cancel()
        return uploaded

    async def _watch(self, upload_id: str, tell: Callable[[Record], None]) -> None:
        def subscribe(token: str) -> AsyncGenerator[Record, None]:
            return self._subscribe(token, UPLOAD_PROGRESSED, {"uploadId": upload_id})

        # Ends by itself when the upload is done.
        async for progress in follow(self._session, subscribe):
            tell(progress)

    async def _list(self) -> dict[str, Record]:
        found = await patiently(lambda: self._ask(PROJECTS, {}))
        return {edge["node"]["id"]: edge["node"] for edge in found["edges"]}

    async def _ask(self, query: str, variables: Record, *, upload_files: bool = False) -> Record:
        request = GraphQLRequest(query, variable_values=variables)
        try:
            data = await self._http.execute(request, upload_files=upload_files)
        except TransportError as error:
            raise _understood(error) from error
        return _only_field(data)

    async def _subscribe(
        self, token: str, query: str, variables: Record
    ) -> AsyncGenerator[Record, None]:
        transport = WebsocketsTransport(
            f"ws{self._session.url.removeprefix('http')}",
            init_payload={"Authorization": f"Bearer {token}"},
            subprotocols=["graphql-transport-ws"],
        )
        try:
            async with Client(transport=transport) as live:
                async for data in live.subscribe(GraphQLRequest(query, variable_values=variables)):
                    yield _only_field(data)
        except (TransportError, TimeoutError) as error:
            raise _understood(error) from error


def _newer(stats: Record, known: Record | None) -> Record:
    """Of two states the one of the higher revision is the newer, whichever comes first."""
    return known if known and known["revision"] > stats["revision"] else stats


def _only_field(data: Record) -> Record:
    [value] = data.values()
    record: Record = value
    return record


def _understood(error: Exception) -> Exception:
    match error:
        case TransportQueryError(errors=[{"message": message, "extensions": {"code": code}}, *_]):
            return HubError(code, message)
        case TransportConnectionFailed(__cause__=ConnectionClosed(rcvd=frame)) if frame:
            return ConnectionLost(frame.code)
        case TransportConnectionFailed() | TransportServerError() | TimeoutError():
            return ConnectionLost()
    return error
