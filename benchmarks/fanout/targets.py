"""The servers under measurement, and how an event is caused on each of them."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Protocol

from benchmarks.fanout.clients import Clients
from benchmarks.hubs import Server

QUERY = """subscription Watch($projectId: ID!) { segmentationUpdated(projectId: $projectId) {
    imageId projectId operation status queueId progress error { code message retryable } timestamp
    revision image { id name status width height sizeBytes updatedAt revision } } }"""
STATISTICS = """subscription Watch($projectId: ID!) { projectUpdated(projectId: $projectId) {
    projectId userId operation timestamp revision updates { imageCount segmentedCount
    uploadedCount queuedCount processingCount noSegmentationCount failedCount storageBytes revision
    updatedAt } } }"""
_MOVE = """mutation($i: SetSegmentationStatusInput!) { setSegmentationStatus(input: $i) {
    image { revision } } }"""
_CYCLE = ("QUEUED", "PROCESSING", "SEGMENTED")
_INSTANT = "2026-01-31T12:00:00.123Z"
_ID = "0123456789abcdef" * 2


class Target(Protocol):
    """A server with its subscribers."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def server(self) -> Server:
        """Its process."""

    @property
    def clients(self) -> Clients:
        """Its subscribers."""

    @property
    def token(self) -> str:
        """What subscribers prove with who they are."""

    def announce(self, project: str) -> int:
        """Cause an event in the project, may be in several threads; return its revision."""


class Hub:
    """The hub: an event is a real change of an image's status, committed before it is told."""

    name = "hub"

    def __init__(
        self, server: Server, clients: Clients, token: str, images: Mapping[str, Sequence[str]]
    ) -> None:
        self.server = server
        self.clients = clients
        self.token = token
        self._images = images
        self._moves = {project: count() for project in images}

    def announce(self, project: str) -> int:
        """Move the image whose turn it is to its next status."""
        images = self._images[project]
        round_, position = divmod(next(self._moves[project]), len(images))
        change = {"imageId": images[position], "status": _CYCLE[round_ % len(_CYCLE)]}
        answer = self.server.ask(_MOVE, self.token, i=change)
        revision: int = answer["setSegmentationStatus"]["image"]["revision"]
        return revision


class Peer:
    """A server that keeps its subscribers in memory: an event is told as soon as it is posted."""

    token = ""

    def __init__(self, name: str, server: Server, clients: Clients) -> None:
        self.name = name
        self.server = server
        self.clients = clients
        self._revisions = count(2_000)

    def announce(self, project: str) -> int:
        """Post an event of the same form, and as long, as the hub's."""
        revision = next(self._revisions)
        body = {"topic": project, "event": _event(project, revision)}
        self.server.http.post("/publish", json=body).raise_for_status()
        return revision


def _event(project: str, revision: int) -> Mapping[str, object]:
    return {
        "imageId": f"img_{_ID}",
        "projectId": project,
        "operation": "UPDATED",
        "status": "QUEUED",
        "queueId": None,
        "progress": None,
        "error": None,
        "timestamp": _INSTANT,
        "revision": revision,
        "image": {
            "id": f"img_{_ID}",
            "name": "image-500.tif",
            "status": "QUEUED",
            "width": 512,
            "height": 512,
            "sizeBytes": 524_544,
            "updatedAt": _INSTANT,
            "revision": revision,
        },
    }
