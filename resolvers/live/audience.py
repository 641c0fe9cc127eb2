"""Who may follow a project, checked for all its followers at once whenever memberships change."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from persistence import project
from persistence.database import Database
from persistence.records import ChangeOperation, ProjectChange
from realtime.view import Audience

NO_LONGER = "You no longer have access to this project."


class Members:
    """The part of a view that is the same for all that is about projects."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database

    @staticmethod
    def topic(key: Any) -> UUID:
        """Return the project that a key is about: itself, if the view has no other keys."""
        project_id: UUID = key
        return project_id

    async def audience(self, key: Any) -> Audience | None:
        """Read who the members are; None where the project is gone."""
        async with self._database().reading() as connection:
            found = await project.members_now(connection, self.topic(key))
        if found is None:
            return None
        revision, roles = found
        return Audience(revision=revision, users=roles.keys())


class ProjectAudience(Members):
    """The part of a view that is the same for all that come with the changes of projects."""

    def is_last(self, change: ProjectChange) -> bool:
        """Tell whether the project is deleted with this."""
        return change.operation is ChangeOperation.DELETED

    def audience_revision(self, change: ProjectChange) -> int:
        """Return the revision of the latest change of memberships."""
        return change.members_revision
