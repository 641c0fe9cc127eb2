"""The root of queries."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated

import strawberry

from resolvers import account, image, project
from schema import ids
from schema.account import ApiKey, User, find_api_keys
from schema.dashboard import Dashboard, find_dashboard
from schema.ids import InvalidId, Kind
from schema.image import Image
from schema.info import Info
from schema.job import find_job
from schema.node import Node
from schema.pagination import After, First
from schema.project import Project, ProjectConnection, find_projects
from schema.queue import find_segmentation


async def find_user(info: Info, user_id: strawberry.ID) -> User | None:
    """Return the viewer, or somebody who shares a project with the viewer."""
    found = await account.find(info.context, ids.decode(Kind.USER, user_id))
    return None if found is None else User.of(found)


async def find_project(info: Info, project_id: strawberry.ID) -> Project | None:
    """Return a project that the viewer can see."""
    found = await project.find(info.context, ids.decode(Kind.PROJECT, project_id))
    return None if found is None else Project.of(found)


async def find_image(info: Info, image_id: strawberry.ID) -> Image | None:
    """Return an image that the viewer can see."""
    found = await image.find(info.context, ids.decode(Kind.IMAGE, image_id))
    return None if found is None else Image.of(found)


NODES: dict[Kind, Callable[[Info, strawberry.ID], Awaitable[Node | None]]] = {
    Kind.USER: find_user,
    Kind.PROJECT: find_project,
    Kind.IMAGE: find_image,
    Kind.SEGMENTATION: find_segmentation,
    Kind.JOB: find_job,
}


@strawberry.type(description="What can be asked. All but __schema and __type takes signing in.")
class Query:
    """The root of queries."""

    @strawberry.field(description="Whoever asks.")
    async def viewer(self, info: Info) -> User:
        """Return the viewer."""
        return User.of(await account.viewer(info.context))

    @strawberry.field(
        description="Any object by its ID: a User, Project, Image, Segmentation or SegmentationJob."
        " Null where there is none, or none that the viewer can see."
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The object.")],
    ) -> Node | None:
        """Find an object by its ID."""
        info.context.user_id  # noqa: B018 (raises Unauthenticated, whatever the ID)
        with suppress(InvalidId):
            if find := NODES.get(ids.kind_of(id)):
                return await find(info, id)
        return None

    @strawberry.field(
        description="A project; null where there is none, or none that the viewer can see."
    )
    async def project(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The project.")],
    ) -> Project | None:
        """Find a project."""
        info.context.user_id  # noqa: B018 (raises Unauthenticated, whatever the ID)
        with suppress(InvalidId):
            return await find_project(info, id)
        return None

    @strawberry.field(description="The projects that the viewer can see, newest first.")
    async def projects(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        search: Annotated[
            str | None, strawberry.argument(description="Only projects with this in the name.")
        ] = None,
    ) -> ProjectConnection:
        """Find a page of projects."""
        return await find_projects(info, first, after, search)

    @strawberry.field(
        description="An image; null where there is none, or none that the viewer can see."
    )
    async def image(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The image.")],
    ) -> Image | None:
        """Find an image."""
        info.context.user_id  # noqa: B018 (raises Unauthenticated, whatever the ID)
        with suppress(InvalidId):
            return await find_image(info, id)
        return None

    @strawberry.field(description="The viewer's API keys, newest first.")
    async def api_keys(self, info: Info) -> list[ApiKey]:
        """Find the viewer's API keys."""
        return await find_api_keys(info)

    @strawberry.field(description="The numbers of all projects that the viewer can see, together.")
    async def dashboard(self, info: Info) -> Dashboard:
        """Add up the viewer's projects."""
        return await find_dashboard(info)
