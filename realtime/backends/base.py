"""What the bus needs of a broker, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NoReturn

Message = tuple[str, str]
"""A channel and what is published on it."""

Deliver = Callable[[str, str], None]
"""Gets channel and text of each message, in the event loop; must neither block nor raise."""


class Backend(ABC):
    """A connection to a broker: bounded, and never silent about having been lost.

    It takes many channels and messages at once, for each call costs a round trip. Those who call it
    do so one call at a time: one for channels, and one to publish.
    """

    @abstractmethod
    def __init__(self, url: str) -> None:
        """Prepare for the broker's address; raise ValueError where it can't be right."""

    @abstractmethod
    async def connect(self, deliver: Deliver) -> None:
        """Connect; ``deliver`` gets what is published on subscribed channels from then on."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Close what is open, without waiting for the broker; at any time, and twice."""

    @abstractmethod
    async def listen(self) -> NoReturn:
        """Read what arrives until the connection is lost, and raise what broke it."""

    @abstractmethod
    async def subscribe(self, channels: Sequence[str]) -> None:
        """Return when the broker sends these channels; needs somebody who does ``listen``."""

    @abstractmethod
    async def unsubscribe(self, channels: Sequence[str]) -> None:
        """Return when the broker sends these channels no longer."""

    @abstractmethod
    async def publish(self, messages: Sequence[Message]) -> list[Exception]:
        """Send messages in their order; return the error of each that the broker refuses.

        Where it raises any of them may be lost.
        """
