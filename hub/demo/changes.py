"""What people do to a project, and to get a worker to do it."""

from typing import Any

from msgspec import Struct

from client.answers import record
from client.connection import HubClient

_REQUEST = """
mutation Request($input: RequestSegmentationInput!) {
  requestSegmentation(input: $input) {
    project { id stats { revision } }
    jobs { position image { name } }
  }
}
"""
_API_KEY = "mutation ApiKey($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }"


class _Stats(Struct, frozen=True):
    revision: int


class _Project(Struct, frozen=True):
    id: str
    stats: _Stats


class _Named(Struct, frozen=True):
    name: str


class _Job(Struct, frozen=True):
    position: int | None
    image: _Named


class _Requested(Struct, frozen=True):
    project: _Project
    jobs: list[_Job]


class _Key(Struct, frozen=True):
    secret: str


class Changed(Struct, frozen=True):
    """A project as a change left it."""

    project_id: str
    revision: int


class Requested(Struct, frozen=True):
    """What was queued: how many jobs are ahead of each image; None where it is worked on already.

    The images are in the order in which they are to be segmented.
    """

    changed: Changed
    ahead: dict[str, int | None]


async def change(hub: HubClient, mutation: str, **values: object) -> Changed:
    """Run the mutation of this name with these values as its input. Raises ClientError."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = f"""
        mutation Change($input: {kind}!) {{
          {mutation}(input: $input) {{ project {{ id stats {{ revision }} }} }}
        }}
    """
    payload: dict[str, Any] = await hub.call(document, dict, {"input": values})
    return _changed(record(payload["project"], _Project))


async def request(hub: HubClient, **values: object) -> Requested:
    """Request the segmentation of images. Raises ClientError."""
    requested = await hub.call(_REQUEST, _Requested, {"input": values})
    return Requested(
        _changed(requested.project), {job.image.name: job.position for job in requested.jobs}
    )


async def api_key(hub: HubClient, name: str) -> str:
    """Make a key with which a program acts as the user; return its secret. Raises ClientError."""
    return (await hub.call(_API_KEY, _Key, {"input": {"name": name}})).secret


def _changed(project: _Project) -> Changed:
    return Changed(project.id, project.stats.revision)
