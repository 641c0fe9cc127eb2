"""The hub's queue, as its API has it; each call is one attempt, and raises ClientError."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec import Struct, to_builtins

from client.connection import HubClient
from client.errors import HubUnreachable, NotAHub
from worker.failures import Failure
from worker.messages import Found

T = TypeVar("T")

_CLAIM = """
mutation Claim($input: ClaimSegmentationJobsInput!) {
  claimSegmentationJobs(input: $input) {
    claimed { lease job { id model threshold image { name url checksum sizeBytes } } }
  }
}
"""
_EXTEND = """
mutation Extend($input: ExtendLeaseInput!) { extendSegmentationLease(input: $input) { cancelled } }
"""
_COMPLETE = """
mutation Complete($input: CompleteSegmentationInput!) {
  completeSegmentation(input: $input) { image { id } }
}
"""
_FAIL = """
mutation Fail($input: FailSegmentationInput!) {
  failSegmentation(input: $input) { image { id } }
}
"""
_RELEASE = """
mutation Release($input: ReleaseSegmentationInput!) {
  releaseSegmentation(input: $input) { image { id } }
}
"""
# A claim takes a few transactions; an extension a moment, and matters no more once it is late.
_CLAIM_SECONDS = 60.0
_EXTEND_SECONDS = 10.0


class Image(Struct, frozen=True, rename="camel"):
    """An image to segment. Its address is short-lived; the checksum is SHA-256 in hex."""

    name: str
    url: str
    checksum: str
    size_bytes: int


class Job(Struct, frozen=True):
    """What is to be done: the model's threshold is None where it is its own choice."""

    id: str
    model: str
    threshold: float | None
    image: Image


class Claimed(Struct, frozen=True):
    """A job that this worker has, as long as its lease holds."""

    lease: str
    job: Job


class _Claims(Struct, frozen=True):
    claimed: list[Claimed]


class _Extended(Struct, frozen=True):
    cancelled: bool


class JobQueue:
    """The queue in the eyes of one worker, which runs these models and keeps leases for so long."""

    def __init__(
        self, hub: HubClient, *, worker: str, models: Sequence[str], lease_seconds: int
    ) -> None:
        self._hub = hub
        self._worker = worker
        self._is_known = False
        self.models = models
        self.lease_seconds = lease_seconds

    async def claim(self, limit: int) -> list[Claimed]:
        """Take up to so many jobs."""
        values = {
            "worker": self._worker,
            "models": self.models,
            "limit": limit,
            "leaseSeconds": self.lease_seconds,
        }
        return (await self._in_time(_CLAIM, _Claims, values, _CLAIM_SECONDS)).claimed

    async def extend(self, claimed: Claimed, progress: float | None) -> bool:
        """Keep a job for longer, and say how far it is; False where it was cancelled."""
        values = _identity(claimed) | {"progress": progress, "leaseSeconds": self.lease_seconds}
        seconds = min(_EXTEND_SECONDS, self.lease_seconds / 3)
        return not (await self._in_time(_EXTEND, _Extended, values, seconds)).cancelled

    async def complete(self, claimed: Claimed, found: Found, polygons: Any) -> None:
        """Hand in what a job found; the polygons are GeoJSON."""
        values = _identity(claimed) | {
            "polygons": polygons,
            "processingSeconds": found.seconds,
            "modelVersion": found.version,
            "parameters": found.parameters,
        }
        await self._call(_COMPLETE, dict, values)

    async def fail(self, claimed: Claimed, failure: Failure) -> None:
        """Say that a job failed."""
        values = _identity(claimed) | {"error": to_builtins(failure)}
        await self._call(_FAIL, dict, values)

    async def release(self, claimed: Claimed) -> None:
        """Give a job back that nothing is wrong with: somebody else may do it."""
        await self._call(_RELEASE, dict, _identity(claimed))

    async def _in_time(
        self, document: str, kind: type[T], values: dict[str, Any], seconds: float
    ) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await self._call(document, kind, values)
        except TimeoutError:
            raise HubUnreachable(f"{self._hub.url} gave no answer in time.") from None

    async def _call(self, document: str, kind: type[T], values: dict[str, Any]) -> T:
        try:
            answer = await self._hub.call(document, kind, {"input": values})
        except NotAHub as error:
            if self._is_known:
                # There was a hub: a proxy answers in its place while it is away.
                raise HubUnreachable(str(error)) from error
            raise
        self._is_known = True
        return answer


def _identity(claimed: Claimed) -> dict[str, Any]:
    return {"queueId": claimed.job.id, "lease": claimed.lease}
