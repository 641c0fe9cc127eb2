"""What pages say and ask for, and what of it they should not."""

import re
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Request, WebError, WebSocket

# What a page gives up itself, as a picture that is still on its way when another page is opened.
_GIVEN_UP = "net::ERR_ABORTED"
_LOCAL = ("blob", "data")
_QUIET = ("debug", "info", "log")

# The console does not tell of all of them.
_VIOLATIONS = """addEventListener("securitypolicyviolation", (violation) =>
    console.error("Content-Security-Policy", violation.violatedDirective, violation.blockedURI))"""


class Witness:
    """Notes everything that the pages of one browser do, from ``attend`` on.

    ``url`` is that of the hub, the only one that they may speak to.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Request] = []
        self.sockets: list[WebSocket] = []
        self._host = urlsplit(url).netloc
        self._faults: list[str] = []
        self._excused: list[re.Pattern[str]] = []

    async def attend(self, context: BrowserContext) -> None:
        """Note what all pages of a browser do."""
        await context.add_init_script(_VIOLATIONS)
        context.on("console", self._hear)
        context.on("weberror", self._fail)
        context.on("request", self._ask)
        context.on("requestfailed", self._miss)
        context.on("page", lambda page: page.on("websocket", self._connect))

    def excuse(self, pattern: str) -> None:
        """Let faults pass in which the pattern is found: the test itself brings them about."""
        self._excused.append(re.compile(pattern))

    @property
    def faults(self) -> list[str]:
        """What was wrong so far, and is not excused."""
        return [
            fault
            for fault in self._faults
            if not any(pattern.search(fault) for pattern in self._excused)
        ]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in _QUIET:
            where = message.location.get("url", "")
            self._faults.append(f"console: {message.type}: {message.text} ({where})")

    def _fail(self, error: WebError) -> None:
        self._faults.append(f"error: {error.error}")

    def _ask(self, request: Request) -> None:
        self.requests.append(request)
        self._hold(request.url)

    def _miss(self, request: Request) -> None:
        if request.failure != _GIVEN_UP:
            self._faults.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _connect(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        self._hold(socket.url)

    def _hold(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _LOCAL and parts.netloc != self._host:
            self._faults.append(f"another host: {url}")
