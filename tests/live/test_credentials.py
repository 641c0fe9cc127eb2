"""What opens the API, and what does not: tokens, keys and nothing at all."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import msgspec
import pytest

from resolvers.tokens import AccessTokens, derive
from tests.hubs import PASSWORD, GraphQLFailed, Person
from tests.live.scenes import (
    Scene,
    first_frame,
    raw_socket,
    subscribe,
    user_key,
)

DASHBOARD = "subscription { dashboardUpdated { projectCount } }"
SECRET = "a secret of tests, long enough for it"


PUBLIC = '{ __typename __schema { queryType { fields { name } } } __type(name: "Image") { name } }'


async def test_the_schema_may_be_read_by_anybody(scene: Scene, ada: Person) -> None:
    for person in (scene.hub.nobody(), ada):
        data = await person.ask(PUBLIC)
        assert data["__typename"] == "Query"
        assert data["__type"] == {"name": "Image"}


def _tokens(ada: Person) -> dict[str, str]:
    now = datetime.now(UTC)
    user_id, session_id = user_key(ada), uuid4()
    hub = AccessTokens(derive(SECRET, "access tokens"), lifetime_seconds=900)
    foreign = AccessTokens(derive("another secret", "access tokens"), lifetime_seconds=900)
    good = ada.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(good, options={"verify_signature": False})
    return {
        "nonsense": "Bearer nonsense",
        "nothing": "Bearer",
        "empty": "",
        "another scheme": f"Basic {good}",
        "without a scheme": good,
        "tampered with": f"Bearer {good[:-4]}AAAA",
        "unsigned": f"Bearer {jwt.encode(claims, None, algorithm='none')}",
        "of another hub": f"Bearer {foreign.issue(user_id, session_id, now)[0]}",
        "of an unknown session": f"Bearer {hub.issue(user_id, session_id, now)[0]}",
        "expired": f"Bearer {hub.issue(user_id, session_id, now - timedelta(hours=1))[0]}",
        "an unknown API key": f"Bearer chk_{'x' * 43}",
        "a refresh token": f"Bearer {ada.refresh_token}",
    }


TOKENS = (
    "nonsense",
    "nothing",
    "empty",
    "another scheme",
    "without a scheme",
    "tampered with",
    "unsigned",
    "of another hub",
    "of an unknown session",
    "expired",
    "an unknown API key",
    "a refresh token",
)


@pytest.mark.parametrize("token", TOKENS)
async def test_a_bad_token_is_refused_wherever_one_is_needed(
    token: str, scene: Scene, ada: Person
) -> None:
    authorization = {"Authorization": _tokens(ada)[token]}
    for query in ("{ viewer { id } }", "{ __typename dashboard { imageCount } }"):
        response = await scene.hub.http.post(
            "/graphql", json={"query": query}, headers=authorization
        )
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
        [error] = response.json()["errors"]
        assert error["extensions"] == {"code": "UNAUTHENTICATED"}
        assert "data" not in response.json()
    person = _Bearer(scene, authorization)
    assert await first_frame(
        scene.hub, person, "subscription { dashboardUpdated { imageCount } }", {}
    ) == {
        "type": "close",
        "code": 4403,
    }


async def test_an_old_token_does_not_stand_in_the_way_of_a_new_one(
    scene: Scene, ada: Person
) -> None:
    sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { expiresAt } }"
    response = await scene.hub.http.post(
        "/graphql",
        json={
            "query": sign_in,
            "variables": {"input": {"email": ada.email, "password": PASSWORD}},
        },
        headers={"Authorization": _tokens(ada)["expired"]},
    )
    assert response.status_code == 200
    assert response.json()["data"]["signIn"]["expiresAt"]


async def test_signing_out_ends_one_session_and_no_other(scene: Scene, ada: Person) -> None:
    first, second = scene.hub.nobody(), scene.hub.nobody()
    for person in (first, second):
        values = {"email": ada.email, "password": PASSWORD}
        person.take(await person.do("signIn", "{ user { id } accessToken refreshToken }", **values))
    sign_out = "mutation($input: RefreshSessionInput!) { signOut(input: $input) }"
    ended = await second.ask(sign_out, input={"refreshToken": first.refresh_token})
    assert ended == {"signOut": True}
    assert await first.post("{ viewer { id } }") == {
        "errors": [
            {
                "message": "This session has ended: sign in again.",
                "extensions": {"code": "UNAUTHENTICATED"},
            }
        ]
    }
    assert await second.ask("{ viewer { id } }") == {"viewer": {"id": ada.id}}


async def test_a_withdrawn_api_key_opens_nothing_and_ends_what_it_opened(
    scene: Scene, ada: Person
) -> None:
    key = await ada.do("createApiKey", "{ id secret }", name="microscope")
    worker = _Bearer(scene, {"Authorization": f"Bearer {key['secret']}"})
    assert await worker.ask("{ viewer { id } }") == {"viewer": {"id": ada.id}}
    listed = (await ada.ask("{ apiKeys { id name lastUsedAt } }"))["apiKeys"]
    assert [(entry["id"], entry["name"]) for entry in listed] == [(key["id"], "microscope")]
    assert listed[0]["lastUsedAt"] is not None
    async with worker.connected() as socket:
        stream = socket.watch("subscription { dashboardUpdated { imageCount } }")
        await stream.until(lambda events: len(events) == 1)
        await ada.do("revokeApiKey", "{ apiKey { id } }", apiKeyId=key["id"])
        await stream.end()
    assert (await worker.post("{ viewer { id } }"))["errors"][0]["message"] == (
        "This API key is unknown or revoked: create another one."
    )
    assert await ada.ask("{ apiKeys { id } }") == {"apiKeys": []}
    with pytest.raises(GraphQLFailed) as again:
        await ada.do("revokeApiKey", "{ apiKey { id } }", apiKeyId=key["id"])
    assert again.value.code == "NOT_FOUND"


async def test_signing_out_closes_the_sessions_sockets_and_no_others(
    scene: Scene, ada: Person
) -> None:
    values = {"email": ada.email, "password": PASSWORD}
    fields = "{ user { id } accessToken refreshToken }"
    phone, laptop, key = (scene.hub.nobody() for _ in range(3))
    for person in (phone, laptop):
        person.take(await person.do("signIn", fields, **values))
    secret = (await ada.do("createApiKey", "{ secret }", name="worker"))["secret"]
    key.take({"user": {"id": ada.id}, "accessToken": secret, "refreshToken": ""})
    sign_out = "mutation($input: RefreshSessionInput!) { signOut(input: $input) }"
    async with (
        raw_socket(scene.hub, phone) as phones,
        laptop.connected() as laptops,
        key.connected() as keys,
    ):
        await phones.recv()
        await subscribe(phones, DASHBOARD)
        await phones.recv()
        others = [socket.watch(DASHBOARD) for socket in (laptops, keys)]
        for stream in others:
            await stream.until(lambda events: events)
        await phone.ask(sign_out, input={"refreshToken": phone.refresh_token})
        async with asyncio.timeout(10):
            await phones.wait_closed()
        assert phones.close_code == 4403
        await ada.do("createProject", "{ project { id } }", name="Cells")
        for stream in others:
            await stream.until(lambda events: len(events) >= 2)


async def test_a_stolen_refresh_token_closes_the_sessions_sockets(scene: Scene) -> None:
    victim = await scene.hub.person("Victim")
    async with raw_socket(scene.hub, victim) as socket:
        assert msgspec.json.decode(await socket.recv()) == {"type": "connection_ack"}
        old = victim.refresh_token
        refresh = """mutation($input: RefreshSessionInput!) { refreshSession(input: $input) {
            refreshToken } }"""
        await victim.ask(refresh, input={"refreshToken": old})
        stolen = await victim.post(refresh, input={"refreshToken": old})
        assert stolen["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
        async with asyncio.timeout(10):
            await socket.wait_closed()
        assert socket.close_code == 4403


class _Bearer(Person):
    """Somebody with headers of their own."""

    def __init__(self, scene: Scene, headers: dict[str, str]) -> None:
        super().__init__(scene.hub.url, scene.hub.http)
        self._given = headers

    @property
    def headers(self) -> dict[str, str]:
        return self._given
