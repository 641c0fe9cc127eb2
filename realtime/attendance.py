"""Who is present at topics, to be followed through relays as changes of topics are."""

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID

from realtime.feeds import Feeds
from realtime.mailbox import Mailbox
from realtime.presence import Presence
from realtime.room import Attendance, Room
from realtime.watch import Aside, Merge, Revised, Signal, Watch

C = TypeVar("C", bound=Revised)


class AttendanceWatch(Mailbox[Attendance | Signal]):
    """The newest attendance of one topic, until the topic is gone.

    ``changes`` are those of the topic itself.
    """

    __slots__ = ("changes", "on_aside", "room")

    def __init__(self, room: Room, changes: Watch[Any]) -> None:
        super().__init__(limit=1)
        self.room = room
        self.changes = changes
        self.on_aside: Callable[[Aside], None] | None = None

    @property
    def revision(self) -> int:
        """The newest one."""
        return self.room.attendance.revision


class Attendances(Generic[C]):
    """Serves relays as feeds do. The revisions are those of ``Attendance``: this process's own.

    The topics are those of ``feeds``: they tell when one is gone, and, by ``audience_revision``,
    as of when it is known who may follow it. ``merge`` is theirs.
    """

    def __init__(
        self,
        presence: Presence,
        feeds: Feeds[C],
        *,
        merge: Merge[C],
        audience_revision: Callable[[C], int],
    ) -> None:
        self._presence = presence
        self._feeds = feeds
        self._merge = merge
        self._audience_revision = audience_revision

    def join(
        self,
        topic: UUID,
        *,
        merge: object = None,  # noqa: ARG002 - the newest stands for all
        details: bool = False,  # noqa: ARG002 - there are none
    ) -> AttendanceWatch:
        """Begin to watch a topic."""
        changes = self._feeds.join(topic, merge=self._merge)
        watch = AttendanceWatch(self._presence.enter(topic), changes)
        watch.room.watches[watch] = None
        changes.on_arrival = partial(self._take, watch)
        return watch

    async def begun(self, watch: AttendanceWatch) -> None:
        """Wait until whoever comes from now on reaches the watch, and give it who is there.

        Raises SourceAway.
        """
        await self._feeds.begun(watch.changes)
        await watch.room.ready()
        if not watch.closed:
            watch.put(watch.room.attendance)

    def leave(self, watch: AttendanceWatch) -> None:
        """Watch no longer; leaving twice is harmless."""
        if watch.room.watches.pop(watch, ...) is None:
            self._feeds.leave(watch.changes)
            self._presence.leave(watch.room)

    def _take(self, watch: AttendanceWatch) -> None:
        while (change := watch.changes.take()) is not None:
            if isinstance(change, Signal):
                watch.put(change)
                watch.close()
            else:
                watch.room.audience_changed(self._audience_revision(change))
