"""Who listens to what in this process, and what the broker has not been told of it yet."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable

from realtime.reports import Report

Receive = Callable[[str], object]
"""Gets each message of a channel, in the event loop; must not block."""

LONGEST_NAME_BYTES = 63
"""PostgreSQL cuts longer channel names off, silently."""


class Channel:
    """A channel with listeners; ``settled`` while they have nothing to wait for at the broker."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.listeners: dict[Listener, None] = {}
        self.settled = asyncio.Event()


class Listener:
    """One receiver on one channel, until it is closed."""

    def __init__(self, channels: "Channels", channel: Channel, receive: Receive) -> None:
        self.receive = receive
        self._channels = channels
        self._channel = channel
        channel.listeners[self] = None

    async def ready(self) -> None:
        """Wait until the broker sends the channel to this process, or is known to be away."""
        await self._channel.settled.wait()

    def close(self) -> None:
        """Receive nothing more; closing twice is harmless."""
        if self in self._channel.listeners:
            del self._channel.listeners[self]
            self._channels.left(self._channel)


class Channels:
    """The channels with listeners.

    Joining and leaving only note what has changed; one task tells the broker, of many changes at a
    time but of none while it is being told. So a listener can go at any moment, and two first ones
    can't get into each other's way.
    """

    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}
        self._changed: OrderedDict[str, None] = OrderedDict()
        self._change = asyncio.Event()
        self._online = False
        self._report = Report(logging.getLogger(__name__))

    def __len__(self) -> int:
        return len(self._channels)

    def join(self, name: str, receive: Receive) -> Listener:
        """Add a listener; raise ValueError for a name that not every broker takes."""
        if not 0 < len(name.encode()) <= LONGEST_NAME_BYTES:
            raise ValueError(f"A channel's name has 1 to {LONGEST_NAME_BYTES} bytes, not {name!r}.")
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name)
            self._note(name)
            if not self._online:
                channel.settled.set()
        return Listener(self, channel, receive)

    def left(self, channel: Channel) -> None:
        """Forget the channel if its last listener has gone."""
        if not channel.listeners:
            channel.settled.set()
            del self._channels[channel.name]
            self._note(channel.name)

    def deliver(self, name: str, message: str) -> None:
        """Hand a message to the channel's listeners; what one of them raises harms no other."""
        channel = self._channels.get(name)
        for listener in tuple(channel.listeners) if channel else ():
            try:
                listener.receive(message)
            except Exception as error:  # noqa: BLE001
                self._report(f"A listener of {name} failed", error)

    def offline(self) -> None:
        """Let nobody wait for the broker, and have it told of every channel when it is back."""
        self._online = False
        self._changed = OrderedDict.fromkeys(self._channels)
        for channel in self._channels.values():
            channel.settled.set()

    def online(self) -> None:
        """Let the listeners of channels yet to come wait for the broker."""
        self._online = True

    @property
    def all_told(self) -> bool:
        """Whether the broker knows of every change."""
        return not self._changed

    async def next_changes(self, at_most: int) -> tuple[list[str], list[str]]:
        """Wait for channels that got their first listener, or lost their last; the oldest first."""
        while not self._changed:
            self._change.clear()
            await self._change.wait()
        joined, left = list[str](), list[str]()
        for _ in range(min(at_most, len(self._changed))):
            name, _ = self._changed.popitem(last=False)
            (joined if name in self._channels else left).append(name)
        return joined, left

    def settle(self, names: Iterable[str]) -> None:
        """Let the channels' listeners go on: the broker knows them."""
        for name in names:
            if channel := self._channels.get(name):
                channel.settled.set()

    def _note(self, name: str) -> None:
        self._changed[name] = None
        self._change.set()
