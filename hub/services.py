"""What one process of the hub runs on, opened and closed together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from hub.settings import Settings
from hub.spool import open_spool
from persistence.blobs import BlobStore
from persistence.database import Database
from persistence.image_files import ImageInspector, ImageLimits
from persistence.records import MembershipsChange, ProjectChange
from realtime.attendance import Attendances
from realtime.bus import Bus
from realtime.feeds import Feeds
from realtime.presence import Presence
from realtime.relays import Relays
from resolvers import changes
from resolvers.addresses import AddressSigner
from resolvers.context import Services
from resolvers.deepzoom import DeepZoomSigner
from resolvers.exports.addresses import ExportSigner
from resolvers.exports.exporter import Exporter
from resolvers.limits import Limits
from resolvers.live.panels import Panels
from resolvers.live.presence import PresenceView
from resolvers.live.project import ProjectView
from resolvers.live.queue import QueueView
from resolvers.live.segmentation import ImagesView
from resolvers.passwords import Passwords
from resolvers.pyramids import Pyramids
from resolvers.tokens import AccessTokens, derive


def limits_of(settings: Settings) -> Limits:
    """Return the bounds that resolvers hold."""
    return Limits(
        access_token_seconds=settings.access_token_seconds,
        refresh_token_seconds=settings.refresh_token_seconds,
        max_page_size=settings.max_page_size,
        max_files_per_upload=settings.max_files_per_upload,
        max_file_bytes=settings.max_file_bytes,
        user_storage_bytes=settings.user_storage_bytes,
    )


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Open everything that resolvers work with, for settings that leave nothing open."""
    secret = settings.secret_key.get_secret_value()
    bus = Bus(settings.broadcast_url or "memory://")
    project_feeds: Feeds[ProjectChange] = Feeds(
        bus,
        kind="project",
        source=changes.ProjectSource(lambda: database),
        decode=changes.decode_project_change,
        needs_read=changes.lacks_images,
        is_last=changes.is_deletion,
    )
    membership_feeds: Feeds[MembershipsChange] = Feeds(
        bus,
        kind="user",
        source=changes.MembershipsSource(lambda: database),
        decode=changes.decode_memberships_change,
    )
    database = Database(
        settings.database_url, on_commit=changes.publisher(project_feeds, membership_feeds, bus)
    )
    project_view = ProjectView(lambda: database)
    queue_view = QueueView(lambda: database)
    images_view = ImagesView(lambda: database)
    project_relays = Relays(
        project_feeds, project_view, topic=project_view.topic, merge=changes.merged
    )
    queue_relays = Relays(project_feeds, queue_view, topic=queue_view.topic, merge=changes.merged)
    queue_panels = Panels(project_feeds, lambda: database)
    image_relays = Relays(
        project_feeds,
        images_view,
        topic=images_view.topic,
        read=images_view.read,
        read_asides=images_view.read_progress,
        concerns=images_view.concerns,
    )
    presence = Presence(bus)
    presence_view = PresenceView(lambda: database)
    presence_relays = Relays(
        Attendances(
            presence,
            project_feeds,
            merge=changes.merged,
            audience_revision=project_view.audience_revision,
        ),
        presence_view,
        topic=presence_view.topic,
        seconds_between=0,
    )
    passwords = Passwords()
    blobs = BlobStore.open(settings.blob_url)
    try:
        async with (
            bus,
            project_feeds,
            membership_feeds,
            project_relays,
            image_relays,
            queue_relays,
            queue_panels,
            presence,
            presence_relays,
            ImageInspector(ImageLimits(page_pixels=settings.max_image_pixels)) as inspector,
            Exporter(blobs) as exporter,
        ):
            with open_spool(settings.data_dir / "uploads") as spool:
                async with Pyramids(
                    database, blobs, spool, max_pixels=settings.max_image_pixels
                ) as pyramids:
                    yield Services(
                        limits=limits_of(settings),
                        database=database,
                        blobs=blobs,
                        inspector=inspector,
                        bus=bus,
                        project_feeds=project_feeds,
                        membership_feeds=membership_feeds,
                        project_relays=project_relays,
                        image_relays=image_relays,
                        queue_relays=queue_relays,
                        queue_panels=queue_panels,
                        presence=presence,
                        presence_relays=presence_relays,
                        addresses=AddressSigner(
                            derive(secret, "file addresses"), settings.file_address_seconds
                        ),
                        export_addresses=ExportSigner(
                            derive(secret, "export addresses"), settings.file_address_seconds
                        ),
                        exporter=exporter,
                        deep_zoom_addresses=DeepZoomSigner(
                            derive(secret, "deep zoom addresses"), settings.file_address_seconds
                        ),
                        pyramids=pyramids,
                        tokens=AccessTokens(
                            derive(secret, "access tokens"),
                            lifetime_seconds=settings.access_token_seconds,
                        ),
                        passwords=passwords,
                        clock=lambda: datetime.now(UTC),
                        spool=spool,
                    )
    finally:
        passwords.close()
        await database.close()
