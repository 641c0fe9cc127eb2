"""What answers that have no end need of the server: to be told that it shuts down."""

from collections.abc import Callable
from typing import Final, Protocol

EXTENSION: Final = "cellhub.shutdown"
"""The key in an HTTP scope's ``extensions`` under which the server puts a ``Shutdown``."""


FINISHING_SECONDS: Final = 10.0
"""How long what runs may go on, and be answered, once the server shuts down."""


class Shutdown(Protocol):
    """The shutting down of the server, as far as it concerns one request.

    ``on_shutdown`` does nothing until it is replaced. It is called once from the event loop, when
    the server begins to shut down; soon after it was put in place, where that has begun already.
    An answer that is not complete ``FINISHING_SECONDS`` later is cut off.
    """

    on_shutdown: Callable[[], None]
