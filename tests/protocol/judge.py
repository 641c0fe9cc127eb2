"""What the protocol says of a client's messages, written down a second time, for tests to compare.

Where the answer depends on how quick the server is, all that is right is named.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NoReturn

SILENT = "subscription { silent }"
"""An operation that runs until it is completed."""

_LONGEST_ID = 256


class Verdict(Enum):
    """What one message asks for, whatever came before it."""

    INITIALISE = "connection_init"
    PING = "ping"
    PONG = "pong"
    SUBSCRIBE = "subscribe"
    COMPLETE = "complete"
    INVALID = "invalid"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def parsed(text: str) -> object:
    """Read JSON; raises ValueError or RecursionError where it is none."""
    return json.loads(text, parse_constant=_refuse)


def verdict(message: object) -> Verdict:
    """Judge a message by its form alone."""
    if not isinstance(message, dict) or message.get("type") not in list(_FORMS):
        return Verdict.INVALID
    kind: str = message["type"]
    return Verdict(kind) if _FORMS[kind](message) else Verdict.INVALID


def _payload_is_map(message: dict[str, Any]) -> bool:
    return _map_or_null(message.get("payload"))


def _map_or_null(value: object) -> bool:
    return value is None or isinstance(value, dict)


def _is_subscribe(message: dict[str, Any]) -> bool:
    payload = message.get("payload")
    return (
        isinstance(message.get("id"), str)
        and isinstance(payload, dict)
        and isinstance(payload.get("query"), str)
        and isinstance(payload.get("operationName"), str | None)
        and _map_or_null(payload.get("variables"))
        and _map_or_null(payload.get("extensions"))
    )


_FORMS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "connection_init": _payload_is_map,
    "ping": _payload_is_map,
    "pong": _payload_is_map,
    "subscribe": _is_subscribe,
    "complete": lambda message: isinstance(message.get("id"), str),
}


@dataclass
class Judge:
    """Follows what a client says, up to the message on which the server must close.

    ``must`` is the code of that, ``may`` are those on which it may have closed before.
    """

    token: str
    must: int | None = None
    may: set[int] = field(default_factory=set)
    subscribed: list[str] = field(default_factory=list)
    _introduced: bool = False
    _running: dict[str, bool] = field(default_factory=dict)

    def hear(self, text: str) -> None:
        """Take in a text message."""
        if self.must is None:
            self.must = self._code(text)

    def hear_bad_frame(self, code: int) -> None:
        """Take in a frame on which the server must close with this code.

        It may do so before it looks at what came in the same packet.
        """
        if self.must is None:
            self.must = code
        else:
            self.may.add(code)

    def _code(self, text: str) -> int | None:
        try:
            message: Any = parsed(text)
        except (ValueError, RecursionError):
            return 4400
        match verdict(message):
            case Verdict.INVALID:
                return 4400
            case Verdict.INITIALISE:
                return self._initialise(message.get("payload") or {})
            case Verdict.SUBSCRIBE:
                return self._subscribe(message["id"], message["payload"])
            case Verdict.COMPLETE:
                self._running.pop(message["id"], None)
        return None

    def _initialise(self, payload: dict[str, Any]) -> int | None:
        if self._introduced:
            return 4429
        self._introduced = True
        tokens = [value for name, value in payload.items() if name.lower() == "authorization"]
        return None if tokens == [f"Bearer {self.token}"] else 4403

    def _subscribe(self, key: str, payload: dict[str, Any]) -> int | None:
        if not self._introduced:
            return 4401
        if not 0 < len(key) <= _LONGEST_ID:
            return 4400
        if self._running.get(key):
            return 4409
        if key in self._running:
            self.may.add(4409)
        self._running[key] = payload == {"query": SILENT}
        self.subscribed.append(key)
        return None
