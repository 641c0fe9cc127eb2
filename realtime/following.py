"""What one subscription follows."""

import asyncio
from collections.abc import Collection, Hashable
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from realtime.mailbox import Mailbox
from realtime.member import Member
from realtime.outlet import Outlet
from realtime.relays import Relays
from realtime.view import Parting


class Following:
    """The keys that a user's subscription follows, within ``async with``.

    Events go straight to the outlet. ``async for`` yields what needs thought: a ``Parting`` for
    each key that can't be followed any further as it was, and what else was noted.
    """

    def __init__(self, user: UUID, outlet: Outlet) -> None:
        self._user = user
        self._outlet = outlet
        self._members: dict[Hashable, Member] = {}
        self._notes: Mailbox[Any] = Mailbox(limit=float("inf"))

    async def join(self, relays: Relays[Any], key: Hashable) -> None:
        """Keep the events of a new key until ``follow`` is called; raises SourceAway."""
        self._members[key] = await relays.join(key, self._user, self._outlet, self._notes.put)

    async def join_all(self, relays: Relays[Any], keys: Collection[Hashable]) -> None:
        """Join many at once: together they ask the database once or twice, not each."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for key in keys:
                    tasks.create_task(self.join(relays, key))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def follow(
        self, key: Hashable, revision: int, audience_revision: int, told: Any = None
    ) -> None:
        """Get the key's events behind a revision, as ``Member.follow`` says."""
        self._members[key].follow(revision, audience_revision, told)

    def position(self, key: Hashable) -> int:
        """Return the revision of the last event of the key that was delivered."""
        return self._members[key].position

    def leave(self, key: Hashable) -> int:
        """Follow a key no longer; return the revision of the last event that was delivered."""
        member = self._members.pop(key)
        member.leave()
        return member.position

    def leave_all(self) -> None:
        """Follow nothing any longer."""
        for key in list(self._members):
            self.leave(key)

    def note(self, item: object) -> None:
        """Yield this, too."""
        self._notes.put(item)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave_all()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Parting | Any:
        while True:
            item = await anext(self._notes)
            # Of a key that was left and joined again, what was said before counts no more.
            if not isinstance(item, Parting) or self._members.get(item.key) is item.member:
                return item
