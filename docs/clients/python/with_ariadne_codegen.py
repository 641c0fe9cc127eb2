"""A hub's projects, images and uploads, with the client that ariadne-codegen generates."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self, TypeVar, cast
from uuid import uuid4

import httpx
from hub_client import (
    GraphQLClientError,
    GraphQLClientGraphQLMultiError,
    HubClient,
    Numbers,
    ProjectOperation,
    ProjectUpdatedProjectUpdated,
    SegmentationUpdatedSegmentationUpdated,
    SegmentationUpdatedSegmentationUpdatedImage,
    Upload,
    UploadImagesInput,
    UploadImagesUploadImages,
    UploadProgressedUploadProgressed,
)
from hub_client.async_base_client import HttpClient
from hub_client.projects import ProjectsProjectsEdgesNode as Project
from session import Bearer, ConnectionLost, HubError, Session, follow, patiently
from websockets.exceptions import ConnectionClosed, InvalidHandshake

Image = SegmentationUpdatedSegmentationUpdatedImage
Progress = UploadProgressedUploadProgressed
T = TypeVar("T")


class Hub:
    """A hub in the eyes of who is signed in. Use it as a context manager."""

    def __init__(self, session: Session) -> None:
        self._session = session
        http = httpx.AsyncClient(
            auth=Bearer(session), headers={"Apollo-Require-Preflight": "true"}, timeout=300
        )
        # What is called by keywords only takes them in any order.
        self._http = cast("HttpClient", http)
        self._client = HubClient(session.url, http_client=self._http)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._http.aclose()

    async def projects(self) -> AsyncIterator[dict[str, Project]]:
        """Yield the projects that one can see, by id, again with each change."""
        projects: dict[str, Project] = {}
        numbers: dict[str, Numbers] = {}
        is_stale = False

        async def subscribe(
            token: str,
        ) -> AsyncGenerator[ProjectUpdatedProjectUpdated | None, None]:
            # What went while there was no connection, nobody tells.
            yield None
            async for data in _understood(self._live(token).project_updated()):
                yield data.project_updated

        async for update in follow(self._session, subscribe):
            is_news = True
            if update is not None and update.updates is not None:
                key = update.project_id
                numbers[key] = _newer(update.updates, numbers.get(key))
                # Those that are behind the first page of the list change unseen.
                is_news = key not in projects and update.operation != ProjectOperation.UPDATED
            if is_news or is_stale:
                projects = await self._list()
                # Something may have gone after the list was read, before the subscription began.
                is_stale = update is None
            for key, project in projects.items():
                numbers[key] = project.stats = _newer(project.stats, numbers.get(key))
            yield projects

    async def images(self, project_id: str) -> AsyncIterator[dict[str, Image]]:
        """Yield the images of a project, by id, again with each change."""
        images: dict[str, Image] = {}
        after = 0

        async def subscribe(
            token: str,
        ) -> AsyncGenerator[SegmentationUpdatedSegmentationUpdated, None]:
            # Behind what came last.
            updates = self._live(token).segmentation_updated(project_id, after)
            async for data in _understood(updates):
                yield data.segmentation_updated

        while True:
            try:
                async for update in follow(self._session, subscribe):
                    after = update.revision
                    if update.image is None:
                        images.pop(update.image_id, None)
                    else:
                        images[update.image_id] = update.image
                    yield images
            except HubError as error:
                if error.code != "CURSOR_EXPIRED":
                    raise
                images.clear()
                after = 0

    async def upload(
        self, project_id: str, paths: Sequence[Path], tell: Callable[[Progress], None]
    ) -> UploadImagesUploadImages:
        """Upload files, and tell how far that is. An answer that was lost is asked for again."""
        upload_id = str(uuid4())

        async def send() -> UploadImagesUploadImages:
            with ExitStack() as opened:
                files = [
                    Upload(path.name, opened.enter_context(path.open("rb")), "") for path in paths
                ]
                values = UploadImagesInput(projectId=project_id, uploadId=upload_id, files=files)
                try:
                    return (await self._client.upload_images(values)).upload_images
                except GraphQLClientError as error:
                    raise _meant(error) from error

        watching = asyncio.create_task(self._watch(upload_id, tell))
        try:
            uploaded = await patiently(send)
            await watching
        finally:
            watching.cancel()
        return uploaded

    async def _watch(self, upload_id: str, tell: Callable[[Progress], None]) -> None:
        async def subscribe(token: str) -> AsyncGenerator[Progress, None]:
            async for data in _understood(self._live(token).upload_progressed(upload_id)):
                yield data.upload_progressed

        # Ends by itself when the upload is done.
        async for progress in follow(self._session, subscribe):
            tell(progress)

    async def _list(self) -> dict[str, Project]:
        async def read() -> dict[str, Project]:
            try:
                found = (await self._client.projects()).projects
            except GraphQLClientError as error:
                raise _meant(error) from error
            return {edge.node.id: edge.node for edge in found.edges}

        return await patiently(read)

    def _live(self, token: str) -> HubClient:
        return HubClient(
            http_client=self._http,
            ws_url=f"ws{self._session.url.removeprefix('http')}",
            ws_connection_init_payload={"Authorization": f"Bearer {token}"},
        )


def _newer(stats: Numbers, known: Numbers | None) -> Numbers:
    """Of two states the one of the higher revision is the newer, whichever comes first."""
    return known if known and known.revision > stats.revision else stats


async def _understood(updates: AsyncIterator[T]) -> AsyncIterator[T]:
    try:
        async for update in updates:
            yield update
    except ConnectionClosed as error:
        raise ConnectionLost(error.rcvd.code if error.rcvd else None) from error
    except (OSError, TimeoutError, InvalidHandshake) as error:
        raise ConnectionLost from error
    except GraphQLClientError as error:
        raise _meant(error) from error


def _meant(error: GraphQLClientError) -> Exception:
    """Return what an error means: that of an operation has a code, others are the network's."""
    if isinstance(error, GraphQLClientGraphQLMultiError):
        [first, *_] = error.errors
        return HubError(str((first.extensions or {}).get("code")), first.message)
    return ConnectionLost()
