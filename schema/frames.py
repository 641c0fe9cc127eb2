"""What the WebSocket side needs of the server that serves it: ready frames, without waiting."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

EXTENSION: Final = "cellhub.frames"
"""The key in an ASGI scope's ``extensions`` under which the server puts a ``Frames``."""


class Frames(Protocol):
    """One WebSocket connection, below ASGI.

    ``on_writable`` is called when ``writable`` turns True again, and ``on_shutdown`` when the
    server shuts down and asks the connection to end soon; soon after it was put in place, where
    that has begun already. Both are called from the event loop, and do nothing until they are
    replaced.
    """

    on_writable: Callable[[], None]
    on_shutdown: Callable[[], None]

    @property
    def writable(self) -> bool:
        """Whether the client takes what it is sent: False while anything waits for it.

        True once the connection is gone: what is sent then is forgotten.
        """
        ...

    def send(self, text: bytes) -> None:
        """Send a text frame of this UTF-8 at once, or keep it until the client reads.

        Does nothing before the handshake is complete and after the close has begun.
        """
        ...

    def send_all(self, texts: Sequence[bytes]) -> None:
        """Send several text frames as one piece, as ``send`` does each."""
        ...

    def abort(self) -> None:
        """End the connection at once; what was not sent yet is forgotten."""
        ...
