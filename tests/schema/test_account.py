"""Accounts, as clients see them."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from resolvers.authentication import authenticate
from resolvers.context import Services
from resolvers.errors import Unauthenticated
from schema import account
from schema.scalars import SCALARS
from tests.resolvers.accounts import PASSWORD, Clock, WatchedHasher, account_services, called

SESSION = "user { id name email } accessToken expiresAt refreshToken"


@strawberry.type
class Query:
    viewer = strawberry.field(account.viewer)


@strawberry.type
class Mutation:
    sign_up = strawberry.mutation(account.sign_up)
    sign_in = strawberry.mutation(account.sign_in)
    refresh_session = strawberry.mutation(account.refresh_session)
    sign_out = strawberry.mutation(account.sign_out)
    create_api_key = strawberry.mutation(account.create_api_key)


SCHEMA = strawberry.Schema(Query, Mutation, config=StrawberryConfig(scalar_map=SCALARS))


@pytest.fixture
async def services(database_url: str) -> AsyncIterator[Services]:
    async with account_services(database_url, Clock(), WatchedHasher()) as made:
        yield made


async def execute(
    services: Services, document: str, *, token: str | None = None, **variables: object
) -> dict[str, Any]:
    viewer = await authenticate(services, token and f"Bearer {token}")
    context = called(services, viewer=viewer)
    result = await SCHEMA.execute(document, variables, context)
    if result.errors:
        raise result.errors[0].original_error or result.errors[0]
    assert result.data is not None
    return result.data


async def sign_up(services: Services) -> dict[str, Any]:
    document = f"mutation ($input: SignUpInput!) {{ signUp(input: $input) {{ {SESSION} }} }}"
    variables = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
    data = await execute(services, document, input=variables)
    return dict(data["signUp"])


async def test_signing_up_and_in_gives_a_session_of_one_user(services: Services) -> None:
    up = await sign_up(services)
    document = f"mutation ($input: SignInInput!) {{ signIn(input: $input) {{ {SESSION} }} }}"
    signed_in = await execute(
        services, document, input={"email": "ADA@example.com", "password": PASSWORD}
    )
    user = signed_in["signIn"]["user"]
    assert user == up["user"] == {"id": user["id"], "name": "Ada", "email": "ada@example.com"}
    assert user["id"].startswith("usr_")
    assert datetime.fromisoformat(up["expiresAt"]) > Clock()()


async def test_the_access_token_is_the_viewers(services: Services) -> None:
    grant = await sign_up(services)
    data = await execute(services, "{ viewer { id name } }", token=grant["accessToken"])
    assert data == {"viewer": {"id": grant["user"]["id"], "name": "Ada"}}


async def test_refreshing_hands_out_a_pair_and_signing_out_ends_it(services: Services) -> None:
    grant = await sign_up(services)
    document = (
        "mutation ($input: RefreshSessionInput!)"
        f" {{ refreshSession(input: $input) {{ {SESSION} }} }}"
    )
    data = await execute(services, document, input={"refreshToken": grant["refreshToken"]})
    refreshed = data["refreshSession"]
    assert refreshed["user"] == grant["user"]
    document = "mutation ($input: RefreshSessionInput!) { signOut(input: $input) }"
    token = {"refreshToken": refreshed["refreshToken"]}
    assert await execute(services, document, input=token) == {"signOut": True}
    assert await execute(services, document, input=token) == {"signOut": False}
    with pytest.raises(Unauthenticated):
        await execute(services, "{ viewer { id } }", token=refreshed["accessToken"])


async def test_an_api_key_is_a_bearer_token(services: Services) -> None:
    grant = await sign_up(services)
    document = 'mutation { createApiKey(input: {name: "worker"}) { id name secret } }'
    data = await execute(services, document, token=grant["accessToken"])
    key = data["createApiKey"]
    assert key["id"].startswith("key_")
    assert key["name"] == "worker"
    data = await execute(services, "{ viewer { id } }", token=key["secret"])
    assert data == {"viewer": {"id": grant["user"]["id"]}}
