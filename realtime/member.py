"""A follower's place in a relay."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from realtime.log import NEVER, Entry
from realtime.outlet import Outlet
from realtime.view import Parting

if TYPE_CHECKING:
    from realtime.relay import Relay


class Member:
    """One follower's place in a relay. It is sent nothing before it has said where it stands."""

    __slots__ = ("_relay", "deliver", "following", "known", "outlet", "part", "position", "user")

    def __init__(
        self, relay: "Relay[Any]", user: UUID, outlet: Outlet, part: Callable[[Parting], object]
    ) -> None:
        self._relay = relay
        self.user = user
        self.outlet = outlet
        self.deliver = outlet.deliver
        self.part = part
        # The last revision that it was told; and up to where it knows all, which is less in the
        # midst of events that are for those who know no more.
        self.position = self.known = NEVER
        self.following = False

    def follow(self, revision: int, audience_revision: int, told: Any = None) -> None:
        """Get all events behind the revision, or be parted.

        ``audience_revision`` tells as of when it is known that the user may follow the topic, and
        ``told`` what event the revision brought, where the relay leaves out what says no more.
        """
        self._relay.place(self, revision, audience_revision, told)

    def told(self, entry: Entry) -> None:
        """Note that it was told all up to this."""
        self.position = entry.revision
        self.known = entry.revision if entry.last else entry.known

    def leave(self) -> None:
        """Follow no longer; leaving twice is harmless."""
        self._relay.remove(self)
