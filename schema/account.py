"""Accounts as clients see them."""

from datetime import datetime
from typing import Annotated

import strawberry

from persistence.records import ApiKeyRecord, UserRecord
from resolvers import account
from resolvers.account import ApiKeyGrant, SessionGrant
from schema import ids
from schema.ids import Kind
from schema.info import Info
from schema.node import Node


@strawberry.type(description="A person with an account.")
class User(Node):
    """A person with an account."""

    name: str = strawberry.field(description="What the person wants to be called.")
    email: str = strawberry.field(description="The e-mail address that the person signs in with.")

    @classmethod
    def of(cls, record: UserRecord) -> "User":
        """Make one of a record."""
        return cls(id=ids.encode(Kind.USER, record.id), name=record.name, email=record.email)


@strawberry.type(description="What lets a client act as a user.")
class SessionPayload:
    """What lets a client act as a user."""

    user: User = strawberry.field(description="Who is signed in.")
    access_token: str = strawberry.field(
        description="Send as 'Authorization: Bearer …', and as connection_init's payload"
        ' {"Authorization": "Bearer …"}.'
    )
    expires_at: datetime = strawberry.field(
        description="When the access token expires; refresh the session before."
    )
    refresh_token: str = strawberry.field(
        description="Good once: refreshing hands out a new pair. Used a second time, it ends the"
        " session."
    )

    @classmethod
    def of(cls, grant: SessionGrant) -> "SessionPayload":
        """Make one of what was granted."""
        return cls(
            user=User.of(grant.user),
            access_token=grant.access_token,
            expires_at=grant.expires_at,
            refresh_token=grant.refresh_token,
        )


@strawberry.type(description="A new API key.")
class ApiKeyPayload:
    """A new API key, with its secret this one time."""

    id: strawberry.ID = strawberry.field(description="Names the key; not secret.")
    name: str = strawberry.field(description="What the key is for.")
    secret: str = strawberry.field(
        description="Shown this once. Used as a bearer token, by segmentation workers."
    )

    @classmethod
    def of(cls, grant: ApiKeyGrant) -> "ApiKeyPayload":
        """Make one of what was granted."""
        return cls(
            id=ids.encode(Kind.API_KEY, grant.key.id), name=grant.key.name, secret=grant.secret
        )


@strawberry.type(description="What lets a program act as a user. Its secret was shown once.")
class ApiKey:
    """An API key, without its secret."""

    id: strawberry.ID = strawberry.field(description="Names the key; not secret.")
    name: str = strawberry.field(description="What the key is for.")
    created_at: datetime = strawberry.field(description="When the key was created.")
    last_used_at: datetime | None = strawberry.field(
        description="When the key was last used, to the minute; null if it never was."
    )

    @classmethod
    def of(cls, record: ApiKeyRecord) -> "ApiKey":
        """Make one of a record."""
        return cls(
            id=ids.encode(Kind.API_KEY, record.id),
            name=record.name,
            created_at=record.created_at,
            last_used_at=record.last_used_at,
        )


@strawberry.type(description="An API key that holds no more.")
class RevokeApiKeyPayload:
    """An API key that holds no more."""

    api_key: ApiKey = strawberry.field(description="The key as it was.")


@strawberry.input(description="An account to create.")
class SignUpInput:
    """An account to create."""

    email: str = strawberry.field(
        description="An e-mail address that has no account yet; upper and lower case are the same."
    )
    password: str = strawberry.field(
        description="10 to 1,024 characters of any kind; none of the few that everybody guesses."
    )
    name: str = strawberry.field(description="What to be called; 1 to 200 characters.")


@strawberry.input(description="An account to sign in to.")
class SignInInput:
    """An account to sign in to."""

    email: str = strawberry.field(description="The e-mail address that was signed up with.")
    password: str = strawberry.field(description="The account's password.")


@strawberry.input(description="A session to go on with, or to end.")
class RefreshSessionInput:
    """A session to go on with, or to end."""

    refresh_token: str = strawberry.field(description="The refresh token handed out last.")


@strawberry.input(description="An API key to create.")
class CreateApiKeyInput:
    """An API key to create."""

    name: str = strawberry.field(description="What the key is for; 1 to 200 characters.")


@strawberry.input(description="An API key to revoke.")
class RevokeApiKeyInput:
    """An API key to revoke."""

    api_key_id: strawberry.ID = strawberry.field(description="The key.")


SignUpArgument = Annotated[SignUpInput, strawberry.argument(description="The account to create.")]
SignInArgument = Annotated[
    SignInInput, strawberry.argument(description="The account to sign in to.")
]
RefreshArgument = Annotated[
    RefreshSessionInput, strawberry.argument(description="The session to go on with.")
]
SignOutArgument = Annotated[
    RefreshSessionInput, strawberry.argument(description="The session to end.")
]
CreateApiKeyArgument = Annotated[
    CreateApiKeyInput, strawberry.argument(description="The API key to create.")
]
RevokeApiKeyArgument = Annotated[
    RevokeApiKeyInput, strawberry.argument(description="The API key to revoke.")
]


async def viewer(info: Info) -> User:
    """Tell whoever asks who they are."""
    return User.of(await account.viewer(info.context))


async def sign_up(info: Info, input: SignUpArgument) -> SessionPayload:
    """Create an account and sign in to it."""
    grant = await account.sign_up(
        info.context, email=input.email, password=input.password, name=input.name
    )
    return SessionPayload.of(grant)


async def sign_in(info: Info, input: SignInArgument) -> SessionPayload:
    """Open a session."""
    grant = await account.sign_in(info.context, email=input.email, password=input.password)
    return SessionPayload.of(grant)


async def refresh_session(info: Info, input: RefreshArgument) -> SessionPayload:
    """Exchange a refresh token for a new pair of tokens."""
    return SessionPayload.of(
        await account.refresh_session(info.context, refresh_token=input.refresh_token)
    )


async def sign_out(info: Info, input: SignOutArgument) -> bool:
    """End a session, its access tokens included; false where it had ended already."""
    return await account.sign_out(info.context, refresh_token=input.refresh_token)


async def create_api_key(info: Info, input: CreateApiKeyArgument) -> ApiKeyPayload:
    """Create an API key of the viewer."""
    return ApiKeyPayload.of(await account.create_api_key(info.context, name=input.name))


async def find_api_keys(info: Info) -> list[ApiKey]:
    """Return the viewer's API keys."""
    return [ApiKey.of(record) for record in await account.api_keys(info.context)]


async def revoke_api_key(info: Info, input: RevokeApiKeyArgument) -> RevokeApiKeyPayload:
    """Revoke an API key of the viewer."""
    record = await account.revoke_api_key(info.context, ids.decode(Kind.API_KEY, input.api_key_id))
    return RevokeApiKeyPayload(api_key=ApiKey.of(record))
