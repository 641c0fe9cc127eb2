"""The client: what it takes for an error, how it stays signed in, how it sends and watches."""

import asyncio
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from client.connection import HubClient
from client.credentials import SIGN_UP, ApiKey, Ask, Grant, Session
from client.errors import ClientError, HubUnreachable, NotAHub, Refused
from client.images import checksums, sent_name, upload_images
from client.retrying import Patience
from tests.hubs import PASSWORD, Hub, Person, running_hub
from tests.live.pictures import png
from tests.serving import Stage, serving

VIEWER = "{ viewer { email } }"
HASTE = Patience(attempts=4, first_seconds=0.001, longest_seconds=0.002)


class Viewer(Struct):
    email: str


async def sign_up(url: str, email: str = "ada@example.org") -> Grant:
    async with HubClient(url) as nobody:
        values = {"email": email, "password": PASSWORD, "name": "Ada"}
        return await nobody.call(SIGN_UP, Grant, {"input": values})


async def project_of(person: Person) -> str:
    created = await person.do("createProject", "{ project { id } }", name="Nuclei")
    project_id: str = created["project"]["id"]
    return project_id


# What is said of failures


async def test_the_hubs_errors_keep_their_code_and_message(hub: Hub) -> None:
    async with HubClient(hub.url) as nobody:
        with pytest.raises(Refused) as refused:
            await nobody.call(VIEWER, Viewer)
    assert refused.value.code == "UNAUTHENTICATED"
    assert str(refused.value).startswith("Sign in first")
    assert not refused.value.passes


async def test_nobody_at_the_address_is_an_error_that_may_pass() -> None:
    async with HubClient("http://127.0.0.1:1") as client:
        with pytest.raises(HubUnreachable, match=r"^http://127.0.0.1:1 can't be reached: \w"):
            await client.call(VIEWER, Viewer)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8000", "http://", ""])
def test_what_is_no_address_is_told_at_once(url: str) -> None:
    with pytest.raises(NotAHub, match="no address of a hub"):
        HubClient(url)


ANSWERS: list[tuple[Response, type[ClientError]]] = [
    (HTMLResponse("<h1>Welcome</h1>"), NotAHub),
    (HTMLResponse("<h1>Not found</h1>", 404), NotAHub),
    (HTMLResponse("<h1>Bad gateway</h1>", 502), HubUnreachable),
    (HTMLResponse("<h1>Slow down</h1>", 429), HubUnreachable),
    (JSONResponse({"errors": [{"message": "an error without a code"}]}), NotAHub),
    (JSONResponse({"data": {"viewer": {"mail": "of another version"}}}), NotAHub),
    (JSONResponse({"data": {"viewer": None}}), NotAHub),
]


@pytest.mark.parametrize(("answer", "kind"), ANSWERS)
async def test_answers_that_no_hub_gives_are_told_from_those_of_a_proxy(
    answer: Response, kind: type[ClientError]
) -> None:
    stage = Stage()
    stage.http = answer
    async with serving(stage) as address, HubClient(f"http://{address}") as client:
        with pytest.raises(ClientError) as failed:
            await client.call(VIEWER, Viewer)
    assert type(failed.value) is kind
    assert "\n" not in str(failed.value)


async def test_a_hub_that_does_not_answer_in_time_may_later() -> None:
    asked = asyncio.Event()

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        while (await receive())["type"] != "http.disconnect":
            pass

    stage = Stage()
    stage.http = silent
    async with serving(stage) as address, HubClient(f"http://{address}", seconds=0.2) as client:
        with pytest.raises(HubUnreachable, match=r"gave no answer in time\.$"):
            await client.call(VIEWER, Viewer)
    assert asked.is_set()


# Trying again


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (HubUnreachable("away"), 4),
        (Refused("RATE_LIMITED", "slowly"), 4),
        (Refused("INTERNAL_SERVER_ERROR", "oh"), 4),
        (Refused("FORBIDDEN", "no"), 1),
        (Refused("BAD_USER_INPUT", "no"), 1),
        (NotAHub("no"), 1),
        (OSError("no"), 1),
    ],
)
async def test_only_what_may_pass_is_tried_again(error: Exception, attempts: int) -> None:
    made = 0
    waits: list[tuple[ClientError, float]] = []

    async def attempt() -> None:
        nonlocal made
        made += 1
        raise error

    with pytest.raises(type(error)) as raised:
        await HASTE.call(attempt, lambda failed, seconds: waits.append((failed, seconds)))
    assert raised.value is error
    assert made == attempts
    assert [failed for failed, _ in waits] == [error] * (attempts - 1)
    assert all(0 < seconds <= 0.003 for _, seconds in waits)


# Staying signed in


async def test_an_access_token_is_renewed_before_it_expires(
    database_url: str, tmp_path: Path
) -> None:
    async with running_hub(database_url, tmp_path, access_token_seconds=2) as hub:
        session = Watched("ada@example.org", PASSWORD, grant=await sign_up(hub.url))
        async with HubClient(hub.url, session) as client:
            while len(session.tokens) < 3:
                assert (await client.call(VIEWER, Viewer)).email == "ada@example.org"
                await asyncio.sleep(0.05)
    sessions, _ = await tokens_of(database_url)
    assert sessions == 1
    assert session.dropped == []


class Watched(Session):
    """A session that tells which tokens it gave, and which ones were refused."""

    def __init__(self, email: str, password: str, *, grant: Grant) -> None:
        super().__init__(email, password, grant=grant)
        self.tokens: set[str] = set()
        self.dropped: list[str] = []

    async def token(self, ask: Ask) -> str:
        token = await super().token(ask)
        self.tokens.add(token)
        return token

    def drop(self, token: str) -> bool:
        self.dropped.append(token)
        return super().drop(token)


async def tokens_of(database_url: str) -> tuple[int, int]:
    """Count the sessions there were, and the refresh tokens that were handed out."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        return (
            await connection.fetchval("SELECT count(*) FROM sessions"),
            await connection.fetchval("SELECT count(*) FROM refresh_tokens"),
        )
    finally:
        await connection.close()


async def test_calls_at_the_same_time_refresh_once(hub: Hub, database_url: str) -> None:
    grant = await sign_up(hub.url)
    session = Session("ada@example.org", PASSWORD, grant=grant)
    # A refresh token that came twice would end the session.
    assert session.drop(grant.access_token)
    async with HubClient(hub.url, session) as client:
        await asyncio.gather(*(client.call(VIEWER, Viewer) for _ in range(8)))
    assert await tokens_of(database_url) == (1, 2)


async def test_a_session_that_was_ended_is_opened_anew(hub: Hub, database_url: str) -> None:
    grant = await sign_up(hub.url)
    session = Session("ada@example.org", PASSWORD, grant=grant)
    await hub.nobody().do("signOut", "", refreshToken=grant.refresh_token)
    async with HubClient(hub.url, session) as client:
        assert (await client.call(VIEWER, Viewer)).email == "ada@example.org"
    assert await tokens_of(database_url) == (2, 2)


async def test_a_clock_that_is_wrong_does_not_sign_anybody_out(hub: Hub, database_url: str) -> None:
    grant = await sign_up(hub.url)
    past = msgspec.structs.replace(grant, expires_at=datetime.now(UTC) - timedelta(hours=2))
    async with HubClient(hub.url, Session("ada@example.org", PASSWORD, grant=past)) as client:
        for _ in range(3):
            await client.call(VIEWER, Viewer)
    assert await tokens_of(database_url) == (1, 1)


async def test_a_wrong_password_is_refused(hub: Hub) -> None:
    await sign_up(hub.url)
    async with HubClient(hub.url, Session("ada@example.org", "not the password")) as client:
        with pytest.raises(Refused, match="e-mail address or the password is wrong") as refused:
            await client.call(VIEWER, Viewer)
    assert refused.value.code == "UNAUTHENTICATED"


async def test_an_api_key_acts_as_its_user(hub: Hub) -> None:
    ada = await hub.person("Ada")
    secret = (await ada.do("createApiKey", "{ secret }", name="uploads"))["secret"]
    async with HubClient(hub.url, ApiKey(secret)) as client:
        assert (await client.call(VIEWER, Viewer)).email == ada.email
    async with HubClient(hub.url, ApiKey(f"{secret}x")) as client:
        with pytest.raises(Refused) as refused:
            await client.call(VIEWER, Viewer)
    assert refused.value.code == "UNAUTHENTICATED"


# Watching


async def test_subscriptions_share_a_socket_and_end_with_the_hubs_code(hub: Hub) -> None:
    grant = await sign_up(hub.url)
    document = "subscription($id: ID) { projectUpdated(projectId: $id) { operation } }"
    session = Session("ada@example.org", PASSWORD, grant=grant)
    async with HubClient(hub.url, session) as client, client.live() as live:
        numbers = live.subscribe("subscription { dashboardUpdated { imageCount } }", dict)
        assert await anext(numbers) == {"imageCount": 0}
        unknown = live.subscribe(document, dict, {"id": f"prj_{'0' * 32}"})
        with pytest.raises(Refused) as refused:
            await anext(unknown)
        assert refused.value.code == "NOT_FOUND"
        await numbers.aclose()


async def test_a_socket_without_good_credentials_is_refused(hub: Hub) -> None:
    async with HubClient(hub.url, ApiKey("nonsense")) as client:
        with pytest.raises(Refused) as refused:
            async with client.live():
                raise AssertionError("it opened")
    assert refused.value.code == "UNAUTHENTICATED"


async def test_a_socket_that_nobody_answers_is_unreachable() -> None:
    async with HubClient("http://127.0.0.1:1") as client:
        with pytest.raises(HubUnreachable):
            async with client.live():
                raise AssertionError("it opened")


# Sending


async def test_files_are_streamed_from_disk(tmp_path: Path) -> None:
    size = 64 * 2**20
    path = tmp_path / "large.tif"
    with path.open("wb") as file:
        file.truncate(size)
    received = 0

    async def count(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal received
        async for chunk in Request(scope, receive).stream():
            received += len(chunk)
        uploaded = {
            "repeated": False,
            "images": [],
            "rejected": [],
            "project": {"stats": {"revision": 1}},
        }
        await JSONResponse({"data": {"uploadImages": uploaded}})(scope, receive, send)

    stage = Stage()
    stage.http = count
    sent: list[int] = []
    async with serving(stage) as address, HubClient(f"http://{address}") as client:
        tracemalloc.start()
        try:
            await upload_images(client, "prj_", [path], upload_id="u", on_sent=sent.append)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert received > size
    assert sum(sent) == size
    assert peak < size / 8


async def test_uploads_at_the_same_time_do_not_close_each_others_files(
    hub: Hub, tmp_path: Path
) -> None:
    ada = await hub.person("Ada")
    secret = (await ada.do("createApiKey", "{ secret }", name="uploads"))["secret"]
    project = await project_of(ada)
    paths = [tmp_path / f"{shade}.png" for shade in range(8)]
    for shade, path in enumerate(paths):
        path.write_bytes(png(shade))
    async with HubClient(hub.url, ApiKey(secret)) as client:
        uploads = await asyncio.gather(
            *(upload_images(client, project, [path], upload_id=path.name) for path in paths)
        )
        assert [upload.images[0].name for upload in uploads] == [path.name for path in paths]
        stored = await checksums(client, project, HASTE, lambda *_: None)
        assert stored == {upload.images[0].checksum for upload in uploads}
        assert await checksums(client, f"prj_{'0' * 32}", HASTE, lambda *_: None) == set()


async def test_a_hub_with_small_pages_is_read_by_small_pages(
    database_url: str, tmp_path: Path
) -> None:
    async with running_hub(database_url, tmp_path, max_page_size=2) as hub:
        ada = await hub.person("Ada")
        secret = (await ada.do("createApiKey", "{ secret }", name="uploads"))["secret"]
        project = await project_of(ada)
        await ada.upload(project, *((f"{shade}.png", png(shade)) for shade in range(5)))
        async with HubClient(hub.url, ApiKey(secret)) as client:
            assert len(await checksums(client, project, HASTE, lambda *_: None)) == 5


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("plain.png", "plain.png"),
        ("näme ☃.png", "näme ☃.png"),
        ('say "cheese".png', "say 'cheese'.png"),
        ("back\\slash\\", "back_slash_"),
        ("bell\x07\x7f\x1b.png", "bell.png"),
        ("not utf-8 \udcff.png", "not utf-8 .png"),
        ("\x07", "unnamed"),
        ("x" * 300, "x" * 255),
    ],
)
async def test_the_hub_calls_a_file_what_the_client_said(
    hub: Hub, tmp_path: Path, name: str, sent: str
) -> None:
    assert sent_name(Path(name)) == sent
    ada = await hub.person("Ada")
    secret = (await ada.do("createApiKey", "{ secret }", name="uploads"))["secret"]
    path = tmp_path / name[:200]
    path.write_bytes(png())
    async with HubClient(hub.url, ApiKey(secret)) as client:
        uploaded = await upload_images(client, await project_of(ada), [path], upload_id="u")
    assert uploaded.images[0].name == sent_name(path)
