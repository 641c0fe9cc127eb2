"""Text frames that are no messages of graphql-transport-ws, and odd ones that are."""

import json
from typing import Any

Path = tuple[str, ...]

VALUES: dict[str, str] = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "fraction": "-1.5",
    "huge number": "1" + "0" * 300,
    "empty text": '""',
    "text": '"some text"',
    "empty array": "[]",
    "array of objects": "[{}]",
    "empty object": "{}",
    "object": '{"some": {"more": [null]}}',
}
"""JSON of every kind, to stand where another kind belongs."""

_MAP = ("null", "empty object", "object")
_TEXT = ("empty text", "text")

FIELDS: dict[tuple[str, Path], tuple[str, ...]] = {
    ("connection_init", ("payload",)): _MAP,
    ("ping", ("payload",)): _MAP,
    ("pong", ("payload",)): _MAP,
    ("subscribe", ("id",)): ("text",),
    ("subscribe", ("payload",)): (),
    ("subscribe", ("payload", "query")): _TEXT,
    ("subscribe", ("payload", "operationName")): (*_TEXT, "null"),
    ("subscribe", ("payload", "variables")): _MAP,
    ("subscribe", ("payload", "extensions")): _MAP,
    ("complete", ("id",)): _TEXT,
    ("ping", ("type",)): (),
}
"""The fields of messages, and which kinds of values may stand there."""

_WHOLE: dict[str, dict[str, Any]] = {
    "connection_init": {},
    "ping": {},
    "pong": {},
    "subscribe": {"id": "1", "payload": {"query": "{ viewer }"}},
    "complete": {"id": "1"},
}


def with_value(kind: str, path: Path, value: str) -> str:
    """Return a message that is right but for the value at this path."""
    message: dict[str, Any] = {"type": kind, **_WHOLE[kind]}
    *parents, last = path
    part = message
    for name in parents:
        part[name] = dict(part[name])
        part = part[name]
    part[last] = "%"
    return json.dumps(message).replace('"%"', value)


WRONG_VALUES = {
    f"{kind}: {'.'.join(path)} = {name}": with_value(kind, path, value)
    for (kind, path), allowed in FIELDS.items()
    for name, value in VALUES.items()
    if name not in allowed
}
"""Messages with one value of a kind that does not belong there."""

RIGHT_VALUES = {
    f"{kind}: {'.'.join(path)} = {name}": with_value(kind, path, VALUES[name])
    for (kind, path), allowed in FIELDS.items()
    for name in allowed
}
"""The same with values that do."""


def _subscribe(**payload: str) -> str:
    fields = "".join(f', "{name}": {value}' for name, value in payload.items())
    return f'{{"type": "subscribe", "id": "1", "payload": {{"query": "{{ viewer }}"{fields}}}}}'


NO_JSON = {
    "nothing": "",
    "blank": " \n",
    "word": "ping",
    "byte order mark": '\ufeff{"type": "ping"}',
    "zero byte": "\0",
    "zero byte behind": '{"type": "ping"}\0',
    "half a message": '{"type": "ping"',
    "two messages": '{"type": "ping"} {"type": "ping"}',
    "two messages, one a line": '{"type": "ping"}\n{"type": "ping"}',
    "comma behind": '{"type": "ping",}',
    "comment": '{"type": "ping" /* now */}',
    "single quotes": "{'type': 'ping'}",
    "keys without quotes": '{type: "ping"}',
    "no value": '{"type": "ping", "payload": {"a": }}',
    "leading zero": '{"type": "ping", "payload": {"a": 01}}',
    "plus": '{"type": "ping", "payload": {"a": +1}}',
    "hexadecimal": '{"type": "ping", "payload": {"a": 0x1}}',
    "NaN": '{"type": "ping", "payload": {"a": NaN}}',
    "infinity": _subscribe(variables='{"a": -Infinity}'),
    "raw line feed": '{"type": "ping", "payload": {"a": "\n"}}',
    "unknown escape": '{"type": "ping", "payload": {"a": "\\x41"}}',
    "first half of a pair": '{"type": "ping", "payload": {"a": "\\ud83d"}}',
    "second half of a pair": _subscribe(variables='{"a": "\\udc00"}'),
    "halves in the wrong order": _subscribe(operationName='"\\udc00\\ud83d"'),
    "half a pair as key": _subscribe(variables='{"\\ud800": 1}'),
    "half a pair as id": '{"type": "complete", "id": "\\ud800"}',
    "half a pair as type": '{"type": "\\ud800"}',
    "full-width quotes": "{\uff02type\uff02: \uff02ping\uff02}",
    "HTML": "<!doctype html><title>ping</title>",
    "HTTP": "GET /graphql HTTP/1.1\r\n\r\n",
    "array that never ends": "[" * 100_000,
    "object that never ends": '{"a":' * 100_000,
}
"""Frames that are not JSON (RFC 8259)."""

NO_MESSAGE = {
    "null": "null",
    "true": "true",
    "number": "1",
    "text": '"ping"',
    "array": "[]",
    "array of messages": '[{"type": "ping"}]',
    "object": "{}",
    "no type": '{"id": "1", "payload": {"query": "{ viewer }"}}',
    "capital type": '{"type": "PING"}',
    "capital key": '{"Type": "ping"}',
    "type with a blank": '{"type": "ping "}',
    "long type": '{"type": "%s"}' % ("🧫" * 100_000),
    "prototype as type": '{"__proto__": {"type": "ping"}}',
    "constructor as type": '{"type": "constructor"}',
    "second type counts": '{"type": "ping", "type": "x"}',
    "what servers say: connection_ack": '{"type": "connection_ack"}',
    "what servers say: next": '{"type": "next", "id": "1", "payload": {}}',
    "what servers say: error": '{"type": "error", "id": "1", "payload": []}',
    "legacy start": '{"type": "start", "id": "1", "payload": {"query": "{ viewer }"}}',
    "legacy stop": '{"type": "stop", "id": "1"}',
    "legacy connection_terminate": '{"type": "connection_terminate"}',
    "legacy keep-alive": '{"type": "ka"}',
    "complete without id": '{"type": "complete"}',
    "subscribe without id": '{"type": "subscribe", "payload": {"query": "{ viewer }"}}',
    "subscribe without payload": '{"type": "subscribe", "id": "1"}',
    "subscribe without query": '{"type": "subscribe", "id": "1", "payload": {"variables": {}}}',
    "subscribe with a batch": (
        '{"type": "subscribe", "id": "1", "payload": [{"query": "{ viewer }"}]}'
    ),
    "persisted query only": (
        '{"type": "subscribe", "id": "1", "payload": {"extensions": {"persistedQuery": {}}}}'
    ),
    "id of 257 characters": _subscribe().replace('"1"', f'"{"x" * 257}"'),
    "id of 100,000 characters": _subscribe().replace('"1"', f'"{"ü" * 100_000}"'),
    "number out of range": _subscribe(variables='{"a": 1e999}'),
    "whole number of 5,000 digits": _subscribe(variables='{"a": %s}' % ("9" * 5_000)),
    "exponent of 1,000 digits": _subscribe(variables='{"a": 1e%s}' % ("9" * 1_000)),
    "deep variables": _subscribe(variables='{"a": ' + "[" * 50_000 + "]" * 50_000 + "}"),
    "deep extensions": _subscribe(extensions='{"a": ' * 50_000 + "1" + "}" * 50_000),
    "deep payload of a ping": (
        '{"type": "ping", "payload": ' + '{"a": ' * 50_000 + "1" + "}" * 50_000 + "}"
    ),
    "deep unknown field": '{"type": "ping", "x": ' + "[" * 50_000 + "]" * 50_000 + "}",
}
"""Frames that are JSON, but no messages that clients send."""

ODD_PINGS = {
    "unknown fields": '{"type": "ping", "id": 5, "more": [1]}',
    "type twice": '{"type": "ping", "type": "ping"}',
    "type last": '{"payload": null, "type": "ping"}',
    "white space": '\r\n\t {"type" :\n"ping"} \n',
    "escapes": '{"t\\u0079pe": "p\\u0069ng"}',
    "keys of JavaScript": '{"type": "ping", "__proto__": {"type": "x"}, "constructor": null}',
    "empty key": '{"type": "ping", "": ""}',
    "zero byte in a key": '{"type": "ping", "\\u0000": "\\u0000"}',
}
"""Frames that are pings all the same."""
