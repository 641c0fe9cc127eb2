"""What people do to a project."""

from typing import Any

from msgspec import Struct

from client.answers import record
from client.connection import HubClient


class _Stats(Struct, frozen=True):
    revision: int


class _Project(Struct, frozen=True):
    id: str
    stats: _Stats


class Changed(Struct, frozen=True):
    """A project as a change left it."""

    project_id: str
    revision: int


async def change(hub: HubClient, mutation: str, **values: object) -> Changed:
    """Run the mutation of this name with these values as its input. Raises ClientError."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    field = "projects" if mutation == "setSegmentationStatuses" else "project"
    document = f"""
        mutation Change($input: {kind}!) {{
          {mutation}(input: $input) {{ {field} {{ id stats {{ revision }} }} }}
        }}
    """
    payload: dict[str, Any] = await hub.call(document, dict, {"input": values})
    found = payload[field]
    project = record(found[0] if isinstance(found, list) else found, _Project)
    return Changed(project.id, project.stats.revision)
