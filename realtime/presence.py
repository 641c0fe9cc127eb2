"""Who is watching what at this moment, over all processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Final, NoReturn, Self
from uuid import UUID, uuid4

from realtime.bus import Bus
from realtime.channels import Listener
from realtime.room import Attendance, Room
from realtime.tasks import Tasks

_CHANNEL: Final = "presence"
_MOST_PROCESSES: Final = 256
_BEATS_PER_REPEAT: Final = 10


class Presence:
    """The users present at each topic, each once, in however many tabs and processes.

    Every process tells the others on the bus channel ``presence:{topic}`` who is present through
    it: when that changes, when a newcomer asks, and now and then, lest a lost message matter for
    long. On the channel ``presence`` it says every ``heartbeat_seconds`` that it is alive. One of
    which nothing was heard for ``expire_seconds`` is forgotten, unless the broker is away: then
    whoever was there last stays. To be used between ``async with``'s entry and exit.
    """

    def __init__(
        self, bus: Bus, *, heartbeat_seconds: float = 2.0, expire_seconds: float = 6.0
    ) -> None:
        self._bus = bus
        self._heartbeat_seconds = heartbeat_seconds
        self._expire_seconds = expire_seconds
        self._process = uuid4()
        self._rooms: dict[UUID, Room] = {}
        self._heard_at: dict[UUID, float] = {}
        self._beats = 0
        self._beaten_at = 0.0
        self._tasks = Tasks()
        self._listener: Listener

    @asynccontextmanager
    async def here(
        self, topic: UUID, user: UUID, audience_revision: int = 0
    ) -> AsyncIterator[None]:
        """Have the user be present at the topic within the block.

        ``audience_revision`` tells as of when it is known that the user may be.
        """
        room = self.enter(topic)
        try:
            with room.present(user, audience_revision):
                await room.ready()
                yield
        finally:
            self.leave(room)

    def attendance(self, topic: UUID) -> Attendance:
        """Return who is present at the topic, as it is shown."""
        room = self._rooms.get(topic)
        return Attendance() if room is None else room.attendance

    def enter(self, topic: UUID) -> Room:
        """Return the topic's room, which is kept until it is left."""
        room = self._rooms.get(topic) or self._open(topic)
        room.guests += 1
        return room

    def leave(self, room: Room) -> None:
        """Leave a room as often as it was entered."""
        room.guests -= 1
        if not room.guests:
            del self._rooms[room.topic]
            room.close()

    def beat(self) -> None:
        """Tell other processes that this one is alive, and forget those that are silent."""
        if not self._bus.healthy:
            return
        now = asyncio.get_running_loop().time()
        self._bus.publish(_CHANNEL, str(self._process))
        self._beats += 1
        for topic, room in self._rooms.items():
            if (hash(topic) + self._beats) % _BEATS_PER_REPEAT == 0:
                room.repeat()
        if now - self._beaten_at > 2 * self._heartbeat_seconds:
            # Held up, this process has heard nobody, and may have been forgotten.
            self._begin_anew()
        self._beaten_at = now
        self._forget_silent(now - self._expire_seconds)

    async def __aenter__(self) -> Self:
        self._beaten_at = asyncio.get_running_loop().time()
        self._listener = self._bus.join(_CHANNEL, self._hear)
        self._bus.on_rebuild.append(self._begin_anew)
        self._tasks.start(self._keep_beating())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()
        self._bus.on_rebuild.remove(self._begin_anew)
        await self._tasks.cancel()
        for room in self._rooms.values():
            room.close()

    def _forget_silent(self, since: float) -> None:
        for process, heard_at in list(self._heard_at.items()):
            if heard_at < since:
                del self._heard_at[process]
                for room in self._rooms.values():
                    room.forget(process)

    def _open(self, topic: UUID) -> Room:
        channel = f"{_CHANNEL}:{topic}"
        send = partial(self._bus.publish, channel)
        room = self._rooms[topic] = Room(topic, self._process, send=send, knows=self._knows)
        room.listener = self._bus.join(channel, room.receive)
        return room

    def _hear(self, message: str) -> None:
        self._knows(UUID(message))

    def _knows(self, process: UUID) -> bool:
        """Note that the process is alive; return False for one too many to remember."""
        known = process in self._heard_at or len(self._heard_at) < _MOST_PROCESSES
        if known:
            self._heard_at[process] = asyncio.get_running_loop().time()
        return known

    def _begin_anew(self) -> None:
        """Have all others heard and told, and silence count from now."""
        self._heard_at = dict.fromkeys(self._heard_at, asyncio.get_running_loop().time())
        for room in self._rooms.values():
            room.ask()
            room.repeat()

    async def _keep_beating(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            self.beat()
