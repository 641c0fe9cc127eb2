"""What a resolver works with: the application's services, and who asks."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from uuid import UUID, uuid4

from persistence.blobs import BlobStore
from persistence.database import Database
from persistence.image_files import ImageInspector
from persistence.records import MembershipsChange, ProjectChange
from realtime.bus import Bus
from realtime.feeds import Feeds
from realtime.outlet import Outlet
from realtime.presence import Presence
from realtime.relays import Relays
from realtime.room import Attendance
from resolvers.addresses import AddressSigner
from resolvers.deepzoom import DeepZoomSigner
from resolvers.errors import Unauthenticated
from resolvers.exports.addresses import ExportSigner
from resolvers.exports.exporter import Exporter
from resolvers.limits import Limits
from resolvers.live.panels import Panels
from resolvers.passwords import Passwords
from resolvers.pyramids import Pyramids
from resolvers.tokens import AccessTokens

_NOBODY = UUID(int=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """All that one process shares between operations; built once by the composition root.

    ``spool`` is a folder for files that are being uploaded.
    """

    limits: Limits
    database: Database
    blobs: BlobStore
    inspector: ImageInspector
    bus: Bus
    project_feeds: Feeds[ProjectChange]
    membership_feeds: Feeds[MembershipsChange]
    project_relays: Relays[ProjectChange]
    image_relays: Relays[ProjectChange]
    queue_relays: Relays[ProjectChange]
    queue_panels: Panels
    presence: Presence
    presence_relays: Relays[Attendance]
    addresses: AddressSigner
    export_addresses: ExportSigner
    exporter: Exporter
    deep_zoom_addresses: DeepZoomSigner
    pyramids: Pyramids
    tokens: AccessTokens
    passwords: Passwords
    clock: Callable[[], datetime]
    spool: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewer:
    """Who asks, proven by an access token of a session or by an API key.

    Whoever ``serves_all`` may work at the queues of all projects.
    """

    user_id: UUID
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    expires_at: datetime | None = None
    serves_all: bool = False


@dataclass(frozen=True, kw_only=True)
class Context:
    """One operation: who asks, from where, over which services.

    ``base_url`` is the hub's own address as the client sees it, without a slash at the end;
    ``last_event_id`` the last revision that a client has which takes up a stream again;
    ``subscriber`` where the events of a subscription go. ``loaders`` batch what is read for it,
    ``cache`` keeps what else belongs to the operation.
    """

    services: Services
    viewer: Viewer | None
    request_id: str
    client_address: str
    base_url: str
    last_event_id: int | None = None
    subscriber: Outlet | None = None
    loaders: dict[object, object] = field(default_factory=dict)
    cache: dict[object, object] = field(default_factory=dict)

    @property
    def user_id(self) -> UUID:
        """The viewer's id; raises Unauthenticated where nobody is signed in."""
        if self.viewer is None:
            raise Unauthenticated("Sign in first: send 'Authorization: Bearer …'.")
        return self.viewer.user_id

    @cached_property
    def database(self) -> Database:
        """The database as the viewer gets at it: whatever one asks, others get their turn.

        What is rendered for many shares a turn, too.
        """
        return self.services.database.for_viewer(
            _NOBODY if self.viewer is None else self.viewer.user_id
        )

    @property
    def outlet(self) -> Outlet:
        """Where the events of this subscription go, rendered once for all that get them alike."""
        if self.subscriber is None:
            raise RuntimeError("Only a subscription can follow anything.")
        return self.subscriber

    def scope(self, *, shared: bool) -> Hashable:
        """Return what a rendering depends on: of the request, and, unless shared, of the viewer."""
        return self.base_url, None if shared or self.viewer is None else self.viewer.user_id

    def for_events(self, count: int, *, shared: bool) -> list["Context"]:
        """Return a fresh context for each of so many events of a subscription; they load together.

        Those that are shared know no viewer, so that nobody is shown what only another may see.
        """
        loaders: dict[object, object] = {}
        return [
            Context(
                services=self.services,
                viewer=None if shared else self.viewer,
                request_id=uuid4().hex,
                client_address="" if shared else self.client_address,
                base_url=self.base_url,
                loaders=loaders,
            )
            for _ in range(count)
        ]
