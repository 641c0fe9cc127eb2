"""Making and withdrawing the keys with which workers serve all projects."""

from datetime import UTC, datetime

from hub.settings import Settings
from persistence.database import Database
from resolvers import worker_keys
from resolvers.passwords import Passwords


async def create(settings: Settings, name: str) -> str:
    """Make a worker key; return its secret. Raises BadUserInput for a name that can't be one."""
    database = Database(settings.database_url, on_commit=lambda _: None)
    passwords = Passwords()
    try:
        return await worker_keys.create(database, passwords, name=name)
    finally:
        passwords.close()
        await database.close()


async def withdraw(settings: Settings, name: str) -> int:
    """Withdraw all worker keys of this name; return how many."""
    database = Database(settings.database_url, on_commit=lambda _: None)
    try:
        return await worker_keys.withdraw(database, name=name, now=datetime.now(UTC))
    finally:
        await database.close()
