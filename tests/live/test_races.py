"""What happens at once: whoever is second is told the truth, and so is whoever watches."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from hub.services import open_services
from hub.settings import Settings
from persistence import account, changes, image, project
from persistence.database import UnitOfWork
from persistence.records import MembershipsChange, ProjectChange, ProjectRole
from persistence.sql import Statement
from resolvers.changes import encode
from resolvers.context import Context, Services, Viewer
from resolvers.errors import CursorExpired
from resolvers.live.bell import Bell
from resolvers.live.project import all_project_updates, project_updates
from resolvers.live.segmentation import segmentation_updates
from schema import ids
from schema.ids import Kind
from tests.hubs import Person
from tests.lab import Lab
from tests.live.scenes import (
    Scene,
    image_key,
    numbers,
    project_key,
    raw_socket,
    refusal,
    user_key,
)
from tests.persistence.locks import until_someone_waits

DASHBOARD = "subscription { dashboardUpdated { projectCount } }"


@pytest.fixture
async def ada(scene: Scene) -> Person:
    return await scene.hub.person("Ada")


@pytest.fixture
async def services(database_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    settings = Settings(
        data_dir=tmp_path,
        database_url=database_url,
        broadcast_url="memory://",
        secret_key=SecretStr("a secret of tests, long enough for it"),
        blob_url=f"file://{tmp_path}/blobs",
    )
    async with open_services(settings) as opened:
        yield opened


def called(services: Services, user_id: UUID) -> Context:
    return Context(
        services=services,
        viewer=Viewer(user_id=user_id),
        request_id="test",
        client_address="192.0.2.1",
        base_url="http://hub.example",
        subscriber=Bell(),
    )


@asynccontextmanager
async def holding(lab: Lab, table: str) -> AsyncIterator[UnitOfWork]:
    """Keep everybody else from reading a table until the block's transaction is committed."""
    async with lab.database.transaction() as unit:
        await unit.connection.execute(Statement(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield unit


async def test_of_two_who_delete_one_image_the_second_finds_nothing(
    scene: Scene, ada: Person
) -> None:
    project_id = await scene.project(ada)
    smaller, larger = await scene.images(project_id, ada, 2)
    async with scene.lab.database.transaction() as unit:
        found = await image.find(unit.connection, [image_key(larger)])
        seen = await scene.lab.access(
            unit.connection, project_key(project_id), user_key(ada), lock=True
        )
        second = asyncio.create_task(
            refusal(ada.do("deleteImage", "{ deletedIds }", imageId=larger))
        )
        await until_someone_waits(scene.lab.database)
        await image.delete(unit, seen, list(found.values()), actor_id=user_key(ada))
    code, _ = await second
    assert code == "NOT_FOUND"
    assert (await numbers(ada, project_id))["imageCount"] == 1
    await ada.do("deleteImage", "{ deletedIds }", imageId=smaller)


async def test_a_dashboard_tells_of_the_last_project_that_went_while_it_began(
    scene: Scene, ada: Person
) -> None:
    project_id = await scene.project(ada)
    async with ada.connected() as socket:
        async with holding(scene.lab, "users") as unit:
            dashboard = socket.watch(DASHBOARD)
            await dashboard.until(lambda events: events == [{"projectCount": 1}])
            await until_someone_waits(scene.lab.database)
            seen = await scene.lab.access(unit.connection, project_key(project_id), user_key(ada))
            await project.delete(unit, seen, actor_id=user_key(ada))
        await dashboard.until(lambda events: events[-1] == {"projectCount": 0})


async def test_who_is_shut_out_and_let_in_again_is_told_of_rising_revisions(
    lab: Lab, services: Services
) -> None:
    ada, ben = await lab.user("ada"), await lab.user("ben")
    project_id = await lab.project(ada)
    await lab.share(project_id, ada, ben, ProjectRole.VIEWER)
    async with aclosing(all_project_updates(called(services, ben))) as updates:
        told = [await anext(updates)]
        async with lab.database.transaction() as unit:
            seen = await lab.access(unit.connection, project_id, ada)
            await project.revoke(unit, seen, actor_id=ada, user_id=ben)
        following = asyncio.ensure_future(anext(updates))
        async with holding(lab, "projects") as unit:
            announce_memberships(lab, services)
            await until_someone_waits(lab.database)
            seen = await lab.access(unit.connection, project_id, ada)
            await project.share(unit, seen, actor_id=ada, user_id=ben, role=ProjectRole.VIEWER)
        told.append(await following)
        announce_memberships(lab, services)
        told.append(await anext(updates))
    assert [update.operation for update in told] == ["SNAPSHOT", "REVOKED", "CREATED"]
    assert [update.revision for update in told] == [2, 3, 4]


def announce_memberships(lab: Lab, services: Services) -> None:
    """Announce the latest change of memberships, and not that of the project."""
    latest = [change for change in lab.announced if isinstance(change, MembershipsChange)][-1]
    services.membership_feeds.publish(latest.user_id, encode(latest))


async def test_forgetting_deletions_and_deleting_a_project_do_not_deadlock(lab: Lab) -> None:
    ada = await lab.user()
    project_id = await lab.project(ada)
    await lab.delete_images(await lab.images(project_id, ada, 1), ada)
    async with lab.database.transaction() as unit:
        seen = await lab.access(unit.connection, project_id, ada, lock=True)
        forgetting = asyncio.create_task(forget_deletions(lab))
        await until_someone_waits(lab.database)
        await project.delete(unit, seen, actor_id=ada)
    assert await forgetting == 0


async def exhaust(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass


async def forget_deletions(lab: Lab) -> int:
    async with lab.database.reading() as connection:
        return await changes.purge(connection, older_than_seconds=0)


async def test_a_replay_ends_where_deletions_are_forgotten_under_it(
    lab: Lab, services: Services
) -> None:
    ada = await lab.user()
    project_id = await lab.project(ada)
    images = await lab.images(project_id, ada, 501)
    await lab.delete_images(images[-1:], ada)
    context = called(services, ada)
    async with aclosing(segmentation_updates(context, project_id, after=1)) as updates:
        await anext(updates)
        assert await forget_deletions(lab) == 1
        with pytest.raises(CursorExpired):
            await asyncio.wait_for(exhaust(updates), 10)
    async with aclosing(segmentation_updates(context, project_id, after=0)) as updates:
        revisions = [(await anext(updates)).revision for _ in range(500)]
    assert revisions == [image.revision for image in images[:500]]


async def test_a_socket_closes_though_the_word_of_its_revocation_was_lost(
    scene: Scene, ada: Person
) -> None:
    key = await ada.do("createApiKey", "{ id secret }", name="microscope")
    program = scene.hub.nobody()
    program.take({"user": {"id": ada.id}, "accessToken": key["secret"], "refreshToken": ""})
    async with raw_socket(scene.hub, program) as theirs, raw_socket(scene.hub, ada) as hers:
        assert "connection_ack" in str(await theirs.recv())
        assert "connection_ack" in str(await hers.recv())
        async with scene.lab.database.transaction() as unit:
            revoked = await account.revoke_api_key(
                unit.connection,
                user_key(ada),
                ids.decode(Kind.API_KEY, key["id"]),
                now=datetime.now(UTC),
            )
        assert revoked is not None
        async with asyncio.timeout(10):
            await theirs.wait_closed()
        assert theirs.close_code == 4403
        assert hers.close_code is None


async def test_a_project_that_is_deleted_right_after_its_members_changed_was_not_revoked(
    lab: Lab, services: Services
) -> None:
    ada, ben, cleo = await lab.user("ada"), await lab.user("ben"), await lab.user("cleo")
    project_id = await lab.project(ada)
    await lab.share(project_id, ada, ben, ProjectRole.VIEWER)
    await lab.images(project_id, ada, 1)
    context = called(services, ben)
    async with (
        aclosing(project_updates(context, project_id)) as numbers,
        aclosing(segmentation_updates(context, project_id, after=0)) as images,
        aclosing(all_project_updates(context)) as all_numbers,
    ):
        assert (await anext(numbers)).operation == "SNAPSHOT"
        assert (await anext(images)).operation == "SNAPSHOT"
        assert (await anext(all_numbers)).operation == "SNAPSHOT"
        lab.announced.clear()
        await lab.share(project_id, ada, cleo, ProjectRole.VIEWER)
        await lab.delete_project(project_id, ada)
        for change in lab.announced:
            if isinstance(change, ProjectChange):
                services.project_feeds.publish(project_id, encode(change))
        async with asyncio.timeout(10):
            assert [update.operation async for update in numbers] == ["DELETED"]
            assert [update.operation async for update in images] == []
            assert (await anext(all_numbers)).operation == "DELETED"
