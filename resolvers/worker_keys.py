"""Worker keys: API keys with which workers serve the queues of all projects.

The hub's operator makes them, on the command line; nobody can by the API. They belong to an account
of their own, which nobody can sign in to.
"""

import secrets
from datetime import datetime

from persistence import account
from persistence.database import Database
from resolvers.inputs import email_key, name_of
from resolvers.passwords import Passwords
from resolvers.tokens import API_KEY_PREFIX, hash_secret, new_secret

# A top level domain in which there are no addresses (RFC 2606): nobody can sign up with it.
EMAIL = "workers@cellhub.invalid"
NAME = "Workers"


async def create(database: Database, passwords: Passwords, *, name: str) -> str:
    """Make a worker key; return its secret. Raises BadUserInput for a name that can't be one."""
    name = name_of(name)
    # Nobody has ever seen the password.
    password_hash = await passwords.hash(secrets.token_urlsafe())
    secret = new_secret(API_KEY_PREFIX)
    async with database.transaction() as unit:
        await account.create(
            unit.connection,
            name=NAME,
            email=EMAIL,
            email_key=email_key(EMAIL),
            password_hash=password_hash,
        )
        owner = await account.user_by_email_key(unit.connection, email_key(EMAIL))
        assert owner is not None  # noqa: S101 - it was just made, if it was not there before
        await account.create_api_key(
            unit.connection,
            owner.id,
            name=name,
            secret_hash=hash_secret(secret),
            serves_all=True,
        )
    return secret


async def withdraw(database: Database, *, name: str, now: datetime) -> int:
    """Withdraw all worker keys of this name; return how many.

    Processes that serve cut off within seconds whoever is connected with one.
    """
    name = name_of(name)
    async with database.transaction() as unit:
        owner = await account.user_by_email_key(unit.connection, email_key(EMAIL))
        keys = [] if owner is None else await account.api_keys(unit.connection, owner.id)
        withdrawn = [
            await account.revoke_api_key(unit.connection, key.user_id, key.id, now=now)
            for key in keys
            if key.name == name
        ]
    return len(withdrawn)
