"""Two hubs: people listen at the one, what they may is changed through the other."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from msgspec import Struct

from tests.faults.api import Api
from tests.faults.listener import Heard, Operations, over_websocket
from tests.faults.processes import HubProcess, hubs
from tests.live.pictures import png

SHORT_LIVED_SECONDS = 5
"""How long access tokens of the other hub last."""

NUMBERS = """subscription($id: ID) { projectUpdated(projectId: $id) {
    projectId operation revision updates { revision } } }"""
IMAGES = """subscription($id: ID!) { segmentationUpdated(projectId: $id, after: 0) {
    imageId operation status revision } }"""
QUEUE = "subscription($id: ID!) { queueStatsUpdated(projectId: $id) { queued } }"
PANEL = """subscription($id: ID!) { queueStatsUpdated(projectId: $id) {
    queued estimatedSeconds jobs { id image { id } } } }"""
PRESENCE = "subscription($id: ID!) { presenceChanged(projectId: $id) { users { id } } }"
ALL_PRESENCE = "subscription { presenceChanged { projectId users { id } } }"
DASHBOARD = "subscription { dashboardUpdated { projectCount queuedCount } }"
UPLOAD = "subscription($id: ID!) { uploadProgressed(uploadId: $id) { done filesStored } }"

_PASSWORD = "the cells divide at dawn"
_SESSION = "{ user { id email } accessToken refreshToken expiresAt }"
_STATS = "{ project { id stats { revision } } }"


class Person(Struct, frozen=True):
    """Somebody with a session that lasts."""

    id: str
    email: str
    token: str
    refresh_token: str


class Cast(Struct, frozen=True):
    """Somebody who may lose a project, and has a sibling of it that stays.

    ``token`` is what they listen with, ``other_token`` other credentials of theirs. Both projects
    belong to the stage's owner, and have images that are not queued yet.
    """

    person: Person
    token: str
    other_token: str
    project: str
    images: Sequence[str]
    sibling: str
    sibling_image: str
    upload: str
    secret: str = ""
    expires_at: datetime | None = None

    @property
    def of_project(self) -> Operations:
        """Subscriptions that name the project."""
        return {
            "numbers": (NUMBERS, {"id": self.project}),
            "images": (IMAGES, {"id": self.project}),
            "queue": (QUEUE, {"id": self.project}),
            "panel": (PANEL, {"id": self.project}),
            "presence": (PRESENCE, {"id": self.project}),
        }

    @property
    def of_others(self) -> Operations:
        """Subscriptions that don't."""
        return {
            "all numbers": (NUMBERS, {}),
            "all presence": (ALL_PRESENCE, {}),
            "dashboard": (DASHBOARD, {}),
            "upload": (UPLOAD, {"id": self.upload}),
            "sibling": (IMAGES, {"id": self.sibling}),
        }


class Stage:
    """``listening`` is the hub where people listen, ``other`` the one through which others act."""

    def __init__(self, listening: HubProcess, other: HubProcess, http: httpx.AsyncClient) -> None:
        self.listening = listening
        self.other = other
        self.http = http
        self.owner: Person
        self.guest: Person

    def api(self, token: str = "", *, at: HubProcess | None = None) -> Api:
        """Call as somebody, through the other hub unless another one is given."""
        return Api(self.http, [(at or self.other).url], token)

    async def sign_up(self, name: str) -> Person:
        """Return somebody new."""
        email = f"{name.lower()}-{uuid4().hex}@example.org"
        payload = await self.api(at=self.listening).do(
            "signUp", _SESSION, email=email, password=_PASSWORD, name=name
        )
        return Person(payload["user"]["id"], email, payload["accessToken"], payload["refreshToken"])

    async def sign_in(self, person: Person) -> Any:
        """Return a session of the other hub, whose access tokens don't last."""
        return await self.api().do("signIn", _SESSION, email=person.email, password=_PASSWORD)

    async def cast(self, credentials: str = "session") -> Cast:
        """Return somebody new, who listens with a session, a rotated one, a brief one, or a key."""
        person = await self.sign_up("Vic")
        key = await self.api(person.token).do("createApiKey", "{ id secret }", name="other")
        token, other_token, secret, expires_at = person.token, key["secret"], "", None
        if credentials == "key":
            token, other_token, secret = other_token, token, key["id"]
        elif credentials == "rotated":
            rotated = await self.api(at=self.listening).do(
                "refreshSession", _SESSION, refreshToken=person.refresh_token
            )
            token, secret = rotated["accessToken"], person.refresh_token
        elif credentials == "session":
            secret = person.refresh_token
        project, images = await self._project(person, "VIEWER", 2)
        sibling, [sibling_image] = await self._project(person, "EDITOR", 1)
        if credentials == "brief":
            brief = await self.sign_in(person)
            token, expires_at = brief["accessToken"], datetime.fromisoformat(brief["expiresAt"])
        return Cast(
            person=person,
            token=token,
            other_token=other_token,
            project=project,
            images=images,
            sibling=sibling,
            sibling_image=sibling_image,
            upload=f"upload-of-{person.id}",
            secret=secret,
            expires_at=expires_at,
        )

    async def share(self, project: str, person: Person, role: str = "VIEWER") -> int:
        """Let somebody in; return the project's revision."""
        payload = await self.api(self.owner.token).do(
            "shareProject", _STATS, projectId=project, email=person.email, role=role
        )
        return _revision(payload)

    async def revoke(self, project: str, person: Person) -> int:
        """Shut somebody out; return the project's revision."""
        payload = await self.api(self.owner.token).do(
            "revokeAccess", _STATS, projectId=project, userId=person.id
        )
        return _revision(payload)

    async def queue(self, image: str, at: HubProcess) -> int:
        """Queue an image through a hub; return its revision."""
        payload = await self.api(self.owner.token, at=at).do(
            "setSegmentationStatus", "{ image { revision } }", imageId=image, status="QUEUED"
        )
        revision: int = payload["image"]["revision"]
        return revision

    @asynccontextmanager
    async def coming(self, project: str, at: HubProcess) -> AsyncIterator[None]:
        """Have the guest, who gets access first, watch the project within the block."""
        await self.share(project, self.guest)
        operations = {"queue": (QUEUE, {"id": project})}
        async with over_websocket(at.url, self.guest.token, operations) as heard:
            await begun(heard)
            yield

    async def _project(self, person: Person, role: str, images: int) -> tuple[str, Sequence[str]]:
        api = self.api(self.owner.token)
        created = await api.do("createProject", _STATS, name="Cells")
        project: str = created["project"]["id"]
        files = [png(shade) for shade in range(images)]
        stored = await api.do("uploadImages", "{ images { id } }", files=files, projectId=project)
        await self.share(project, person, role)
        return project, [image["id"] for image in stored["images"]]


async def begun(heard: "dict[str, Heard] | Any") -> None:
    """Wait until each subscription has told something."""
    for each in heard.values():
        await each.until(bool)


def _revision(payload: Any) -> int:
    revision: int = payload["project"]["stats"]["revision"]
    return revision


@asynccontextmanager
async def a_stage(
    folder: Path, database_url: str, broadcast_url: str, *, faults: Sequence[str] = ()
) -> AsyncIterator[Stage]:
    """Run two hubs within the block; the faults are those of the one where people listen."""
    async with AsyncExitStack() as stack:
        running: list[HubProcess] = []
        for name, fault, seconds in (
            ("listening", faults, 3600),
            ("other", (), SHORT_LIVED_SECONDS),
        ):
            logs = folder / name
            logs.mkdir()
            running += await stack.enter_async_context(
                hubs(
                    logs,
                    database_url,
                    broadcast_url,
                    faults=[fault],
                    data_dir=folder,
                    access_token_seconds=seconds,
                )
            )
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=20))
        listening, other = running
        stage = Stage(listening, other, http)
        stage.owner = await stage.sign_up("Owner")
        stage.guest = await stage.sign_up("Guest")
        yield stage
