"""What a socket's subscriptions send without a task of their own: frames that others share."""

from collections.abc import Callable, Sequence

from realtime.outlet import Group, Rendered
from schema.frames import Frames


class Waiting:
    """Who of a connection's subscriptions waits for the client to read."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._callbacks: list[Callable[[], None]] = []
        frames.on_writable = self._go_on

    def add(self, callback: Callable[[], None]) -> None:
        """Call back once, when the client takes more."""
        self._callbacks.append(callback)

    def _go_on(self) -> None:
        callbacks, self._callbacks = self._callbacks, []
        for called, callback in enumerate(callbacks):
            if not self._frames.writable:
                # Those whose turn has not come are the first the next time.
                self._callbacks[:0] = callbacks[called:]
                return
            callback()


class SocketOutlet:
    """Where the events of one subscription of a socket go.

    ``opening`` is how its messages begin, up to the payload. Once ``closed`` nothing is sent.
    """

    __slots__ = ("_frames", "_opening", "_waiting", "closed", "group")

    group: Group

    def __init__(self, frames: Frames, waiting: Waiting, opening: bytes) -> None:
        self._frames = frames
        self._waiting = waiting
        self._opening = opening
        self.closed = False

    def deliver(self, results: Sequence[Rendered]) -> bool:
        """Send results; return False where the client takes no more at the moment."""
        frames = self._frames
        if not frames.writable:
            return False
        if not self.closed:
            opening = self._opening
            if len(results) == 1:
                frames.send(b"%b%b}" % (opening, results[0][0]))
            else:
                frames.send_all([b"%b%b}" % (opening, payload) for payload, _ in results])
        return True

    def once_writable(self, callback: Callable[[], None]) -> None:
        """Call back once, when the client takes more."""
        self._waiting.add(callback)
