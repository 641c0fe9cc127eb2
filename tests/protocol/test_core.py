"""The protocol without sockets, driven by hand, with more noise than a socket is worth."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schema.protocol import (
    Action,
    Authenticate,
    Close,
    CloseCode,
    Connection,
    ProtocolLimits,
    Start,
    Transmit,
)
from tests.protocol.judge import Verdict, verdict

SUBSCRIBE = '{"id":"1","type":"subscribe","payload":{"query":"x"}}'

# No NaN and no infinity, which are not JSON.
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)
KINDS = ["connection_init", "ping", "pong", "subscribe", "complete"]
# Most fields are as they should be, so that the odd one is looked at.
PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "query": st.text(max_size=20) | JSON,
        "operationName": st.none() | st.text(max_size=5) | JSON,
        "variables": st.none() | st.dictionaries(st.text(max_size=3), JSON, max_size=2) | JSON,
        "extensions": st.none() | st.dictionaries(st.text(max_size=3), JSON, max_size=2) | JSON,
    },
)
MESSAGES = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS) | JSON},
    optional={"id": st.text(min_size=1, max_size=5) | JSON, "payload": PAYLOADS | JSON},
)


def ready() -> Connection:
    connection = Connection(ProtocolLimits())
    assert isinstance(connection.receive('{"type":"connection_init"}'), Authenticate)
    connection.acknowledge()
    return connection


def is_right(message: Any, action: Action | None) -> bool:
    """Tell whether this is how an acknowledged connection without operations reacts."""
    match verdict(message), action:
        case Verdict.INVALID, Close(CloseCode.BAD_REQUEST, reason):
            right = 0 < len(reason.encode()) <= 123
        case Verdict.PING, Transmit(text):
            payload = {} if message.get("payload") is None else {"payload": message["payload"]}
            right = json.loads(text) == {"type": "pong", **payload}
        case Verdict.SUBSCRIBE, Start(operation):
            right = (operation.id, operation.request.query, operation.request.variables) == (
                message["id"],
                message["payload"]["query"],
                message["payload"].get("variables"),
            )
        case Verdict.SUBSCRIBE, Close(CloseCode.BAD_REQUEST, _):
            right = not message["id"]
        case (Verdict.INITIALISE, Close(CloseCode.TOO_MANY_INITIALISATIONS, _)) | (
            Verdict.PONG | Verdict.COMPLETE,
            None,
        ):
            right = True
        case _:
            right = False
    return right


@given(MESSAGES)
@settings(max_examples=300)
@example({"type": "subscribe", "id": "", "payload": {"query": ""}})
def test_any_json_leads_to_the_right_action(message: object) -> None:
    assert is_right(message, ready().receive(json.dumps(message)))


@given(st.text(max_size=200))
def test_any_text_leads_to_an_action(text: str) -> None:
    action = ready().receive(text)

    assert isinstance(action, Close), "none of it is a message"
    assert len(action.reason.encode()) <= 123


@given(st.text(min_size=1, max_size=256), st.text(max_size=300))
def test_frames_are_json_whatever_the_id(key: str, query: str) -> None:
    connection = ready()
    frame = {"id": key, "type": "subscribe", "payload": {"query": query}}
    start = connection.receive(json.dumps(frame))
    assert isinstance(start, Start)

    transmit = connection.next(start.operation, b'{"data":null}')
    assert isinstance(transmit, Transmit)
    assert json.loads(transmit.text) == {"id": key, "type": "next", "payload": {"data": None}}

    close = connection.receive(json.dumps(frame))
    assert isinstance(close, Close)
    assert len(close.reason.encode()) <= 123
    assert close.reason.endswith(" already exists")


def test_what_an_operation_says_after_its_end_is_nothing() -> None:
    connection = ready()
    first = connection.receive(SUBSCRIBE)
    connection.receive('{"id":"1","type":"complete"}')
    second = connection.receive(SUBSCRIBE)
    assert isinstance(first, Start)
    assert isinstance(second, Start)

    assert connection.next(first.operation, b"{}") is None
    assert connection.error(first.operation, ()) is None
    assert connection.complete(first.operation) is None
    assert connection.next(second.operation, b"{}") is not None


def test_after_a_close_there_is_nothing() -> None:
    connection = ready()
    start = connection.receive(SUBSCRIBE)
    assert isinstance(start, Start)

    assert connection.receive_binary() is not None

    assert connection.receive('{"type":"ping"}') is None
    assert connection.receive_binary() is None
    assert connection.time_out() is None
    assert connection.forbid() is None
    assert connection.next(start.operation, b"{}") is None
    assert connection.complete(start.operation) is None
