"""Event streams of a whole hub: they resume, and they end when they must."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.embedded_postgres import EmbeddedPostgres
from persistence import session
from resolvers.tokens import hash_secret
from tests.hubs import PASSWORD, Person
from tests.live.deeds import set_status
from tests.live.scenes import Scene, open_scene
from tests.protocol.streams import COMPLETE, Event, Reader, code_of, streaming

IMAGES = """subscription($id: ID!, $after: BigInt) { segmentationUpdated(
    projectId: $id, after: $after) { imageId operation status revision } }"""
NUMBERS = """subscription($id: ID) { projectUpdated(projectId: $id) {
    operation revision updates { imageCount } } }"""
SIGN_OUT = "mutation($input: RefreshSessionInput!) { signOut(input: $input) }"


@pytest.fixture(scope="module")
async def scene(
    postgres: EmbeddedPostgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("hub")
    async with open_scene(postgres, migrated_template, folder) as opened:
        yield opened


@pytest.fixture(scope="module")
async def ada(scene: Scene) -> Person:
    return await scene.hub.person("Ada")


def watching(
    scene: Scene, person: Person, query: str, last_event_id: Any = None, **variables: Any
) -> AbstractAsyncContextManager[Reader]:
    headers = {} if last_event_id is None else {"last-event-id": str(last_event_id)}
    return streaming(
        scene.hub.http,
        query,
        path="/graphql",
        variables=variables,
        headers=person.headers | headers,
    )


async def told(stream: Reader, count: int) -> list[Event]:
    """Return the next events, each an update of images that carries its revision as its id."""
    async with asyncio.timeout(10):
        events = [await stream.event() for _ in range(count)]
    for event in events:
        assert event is not None
        assert event.id == str(update(event)["revision"])
    return [event for event in events if event is not None]


def update(event: Event) -> dict[str, Any]:
    (updated,) = event.data["data"].values()
    assert isinstance(updated, dict)
    return updated


def ids_of(events: Sequence[Event]) -> set[str]:
    return {update(event)["imageId"] for event in events}


async def ended(stream: Reader) -> str:
    """Return the code of the error with which a stream ends, told whatever it was before."""
    async with asyncio.timeout(10):
        *_, error, complete = await stream.rest()
    assert complete == COMPLETE
    return code_of(error)


async def signed_in_again(scene: Scene, person: Person) -> Person:
    another = scene.hub.nobody()
    fields = "{ user { id } accessToken refreshToken }"
    another.take(await another.do("signIn", fields, email=person.email, password=PASSWORD))
    return another


async def open_streams(scene: Scene) -> float:
    metrics = (await scene.hub.http.get("/metrics")).text
    (line,) = [line for line in metrics.splitlines() if line.startswith("cellhub_event_streams")]
    return float(line.split()[-1])


class TestResuming:
    @pytest.mark.parametrize("variables", [{}, {"after": 0}])
    async def test_a_client_that_reconnects_goes_on_behind_its_last_event(
        self, scene: Scene, ada: Person, variables: dict[str, int]
    ) -> None:
        project = await scene.project(ada)
        changed, deleted, untouched = await scene.images(project, ada, 3)
        # Without 'after' nothing else would tell when the stream begins.
        begin = None if variables else await scene.revision(project)
        async with watching(scene, ada, IMAGES, begin, id=project, **variables) as stream:
            known = await told(stream, 3) if variables else []
            await set_status(ada, "QUEUED", changed, untouched)
            known += await told(stream, 2)
        await set_status(ada, "UPLOADED", changed)
        await ada.do("deleteImages", "{ deletedIds }", imageIds=[deleted])

        last = known[-1].id
        async with watching(scene, ada, IMAGES, last, id=project, **variables) as stream:
            missed = await told(stream, 2)
            await set_status(ada, "QUEUED", changed)
            (live,) = await told(stream, 1)

        assert [update(event)["operation"] for event in missed] == ["SNAPSHOT", "DELETED"]
        assert ids_of(missed) == {changed, deleted}
        assert update(live)["status"] == "QUEUED"
        revisions = [update(event)["revision"] for event in (*known, *missed, live)]
        assert revisions == sorted(set(revisions))

    async def test_a_replay_that_breaks_off_is_taken_up_where_it_was(
        self, scene: Scene, ada: Person
    ) -> None:
        project = await scene.project(ada)
        images = await scene.images(project, ada, 5)
        async with watching(scene, ada, IMAGES, id=project, after=0) as stream:
            first = await told(stream, 2)

        async with watching(scene, ada, IMAGES, first[-1].id, id=project, after=0) as stream:
            rest = await told(stream, 3)

        assert ids_of(first) | ids_of(rest) == set(images)

    async def test_an_id_from_the_future_is_told_so(self, scene: Scene, ada: Person) -> None:
        project = await scene.project(ada)
        async with watching(scene, ada, IMAGES, "9007199254740991", id=project) as stream:
            assert await ended(stream) == "CURSOR_EXPIRED"


class TestStreams:
    async def test_numbers_begin_with_a_snapshot_and_follow(
        self, scene: Scene, ada: Person
    ) -> None:
        project = await scene.project(ada)
        async with watching(scene, ada, NUMBERS, id=project) as stream:
            (snapshot,) = await told(stream, 1)
            (image,) = await scene.images(project, ada, 1)
            await set_status(ada, "QUEUED", image)
            (followed,) = await told(stream, 1)

        assert update(snapshot)["operation"] == "SNAPSHOT"
        assert update(snapshot)["updates"] == {"imageCount": 0}
        assert update(followed)["updates"] == {"imageCount": 1}

    async def test_nobody_subscribes_without_signing_in(self, scene: Scene) -> None:
        async with watching(scene, scene.hub.nobody(), NUMBERS) as stream:
            assert await ended(stream) == "UNAUTHENTICATED"

    async def test_open_streams_are_counted(self, scene: Scene, ada: Person) -> None:
        project = await scene.project(ada)
        async with watching(scene, ada, IMAGES, id=project), asyncio.timeout(10):
            # Those of other tests may be closing still.
            while await open_streams(scene) != 1:
                pass


class TestEnds:
    async def test_access_lost_is_forbidden_and_nothing_later_is_told(
        self, scene: Scene, ada: Person
    ) -> None:
        ben = await scene.hub.person("Ben")
        project = await scene.project(ada, viewer=ben)
        (image,) = await scene.images(project, ada, 1)
        async with watching(scene, ben, IMAGES, id=project, after=0) as stream:
            await told(stream, 1)
            await ada.do("revokeAccess", "{ __typename }", projectId=project, userId=ben.id)
            await set_status(ada, "QUEUED", image)

            error, complete = await stream.rest()

        assert code_of(error) == "FORBIDDEN"
        assert complete == COMPLETE

    async def test_a_project_that_is_deleted_completes_its_streams(
        self, scene: Scene, ada: Person
    ) -> None:
        project = await scene.project(ada)
        await scene.images(project, ada, 1)
        async with watching(scene, ada, IMAGES, id=project, after=0) as stream:
            await told(stream, 1)
            await ada.do("deleteProject", "{ projectId }", projectId=project)

            assert list(await stream.rest()) == [COMPLETE]

    async def test_signing_out_ends_the_sessions_streams_and_no_others(
        self, scene: Scene, ada: Person
    ) -> None:
        project = await scene.project(ada)
        (image,) = await scene.images(project, ada, 1)
        phone = await signed_in_again(scene, ada)
        async with (
            watching(scene, phone, IMAGES, id=project, after=0) as phones,
            watching(scene, ada, IMAGES, id=project, after=0) as others,
        ):
            for stream in (phones, others):
                await told(stream, 1)
            await phone.ask(SIGN_OUT, input={"refreshToken": phone.refresh_token})
            await set_status(ada, "QUEUED", image)

            error, complete = await phones.rest()
            assert code_of(error) == "UNAUTHENTICATED"
            assert complete == COMPLETE
            await told(others, 1)

    async def test_a_withdrawn_api_key_ends_its_streams(self, scene: Scene, ada: Person) -> None:
        key = await ada.do("createApiKey", "{ id secret }", name="viewer")
        holder = scene.hub.nobody()
        holder.take({"user": {"id": ada.id}, "accessToken": key["secret"], "refreshToken": ""})
        async with watching(scene, holder, NUMBERS) as stream:
            await ada.do("revokeApiKey", "{ apiKey { id } }", apiKeyId=key["id"])

            assert await ended(stream) == "UNAUTHENTICATED"

    async def test_a_session_that_ended_unannounced_ends_its_streams_soon(
        self, scene: Scene, ada: Person
    ) -> None:
        phone = await signed_in_again(scene, ada)
        async with watching(scene, phone, NUMBERS) as stream:
            async with scene.lab.database.transaction() as unit:
                token_hash = hash_secret(phone.refresh_token)
                await session.revoke(unit.connection, token_hash, now=datetime.now(UTC))

            assert await ended(stream) == "UNAUTHENTICATED"
