"""graphql-transport-ws: whatever a client sends is answered by a close code or an error."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.protocol import (
    Authenticate,
    Close,
    Connection,
    ProtocolLimits,
    Start,
    Transmit,
)
from tests.protocol.client import Client
from tests.schema.toy import World

BAD = [
    "",
    " ",
    "x",
    '"x"',
    "1",
    "null",
    "true",
    "[1]",
    "[]",
    "{}",
    '{"id": {}}',
    '{"type": null}',
    '{"type": 5}',
    '{"type": {}}',
    '{"type": "PING"}',
    '{"type": "next", "id": "1", "payload": {}}',
    '{"type": "start", "id": "1", "payload": {}}',
    '{"type": "connection_ack"}',
    '{"type": "connection_init", "payload": []}',
    '{"type": "connection_init", "payload": "Bearer ada"}',
    '{"type": "ping", "payload": 1}',
    '{"type": "ping", "payload": [{}]}',
    '{"type": "ping", "payload": NaN}',
    '{"type": "ping", "payload": {"a": }}',
    '{"type": "ping"} {"type": "ping"}',
    '{"type": "ping"',
    '{"type": "ping", "type": "x"}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": "1"}',
    '{"type": "subscribe", "payload": {"query": "{ viewer }"}}',
    '{"type": "subscribe", "id": "1", "payload": null}',
    '{"type": "subscribe", "id": "1", "payload": "{ viewer }"}',
    '{"type": "subscribe", "id": "1", "payload": []}',
    '{"type": "subscribe", "id": "1", "payload": {}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": null}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": {}}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer }", "variables": []}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer }", "variables": "x"}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer }", "operationName": 1}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer }", "extensions": 1}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "x", "variables": {"x": NaN}}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "x", "variables": {"x": 1e999}}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "\\ud800"}}',
    '{"type": "subscribe", "id": "", "payload": {"query": "{ viewer }"}}',
    '{"type": "subscribe", "id": 1, "payload": {"query": "{ viewer }"}}',
    '{"type": "subscribe", "id": null, "payload": {"query": "{ viewer }"}}',
    '{"type": "subscribe", "id": {}, "payload": {"query": "{ viewer }"}}',
    '{"type": "subscribe", "id": "%s", "payload": {"query": "{ viewer }"}}' % ("x" * 257),
    '{"type": "subscribe", "id": "%s", "payload": {"query": "{ viewer }"}}' % ("ü" * 100_000),
    '{"type": "complete"}',
    '{"type": "complete", "id": 1}',
    '{"type": "complete", "id": null}',
    '{"type": "%s"}' % ("ü" * 100_000),
    "[" * 100_000,
    '{"type": "subscribe", "id": "1", "payload": {"query": "x", "variables": {"a": '
    + "[" * 50_000
    + "]" * 50_000
    + "}}}",
    '{"type": "ping", "payload": ' + '{"a": ' * 50_000 + "1" + "}" * 50_000 + "}",
]  # fmt: skip


@pytest.mark.parametrize("frame", BAD)
async def test_a_malformed_frame_closes_with_4400(client: Client, world: World, frame: str) -> None:
    await client.socket.send(frame)

    code, reason = await client.closed()

    assert code == 4400
    assert 0 < len(reason.encode()) <= 123
    assert world.unexpected == []


async def test_a_binary_frame_closes_with_4400(client: Client) -> None:
    await client.socket.send(b'{"type":"ping"}')

    assert await client.closed() == (4400, "Text frames only")


async def test_a_frame_that_is_not_utf8_closes(client: Client, world: World) -> None:
    # The server itself answers this one.
    await client.socket.send(b"\xff\xfe", text=True)

    code, _ = await client.closed()
    assert code == 1007


@pytest.mark.parametrize(
    "frame",
    [
        '{"type": "ping", "id": "1", "more": [1]}',
        '{"type": "ping", "type": "ping"}',
        '\n\t {"type": "ping"} \n',
        '{"type": "p\\u0069ng"}',
    ],
)
async def test_an_odd_but_well_formed_frame_is_taken(client: Client, frame: str) -> None:
    await client.socket.send(frame)

    assert await client.hear() == {"type": "pong"}


class TestWithoutSockets:
    """The same for a core that is driven by hand, with more noise than a socket is worth."""

    @staticmethod
    def _ready() -> Connection:
        connection = Connection(ProtocolLimits())
        assert isinstance(connection.receive('{"type":"connection_init"}'), Authenticate)
        connection.acknowledge()
        return connection

    @given(st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
            st.sampled_from(["id", "type", "payload", "query", "variables"]) | st.text(max_size=3),
            inner | st.sampled_from(["subscribe", "complete", "ping", "pong", "connection_init"]),
            max_size=5,
        ),
    ))  # fmt: skip
    @settings(max_examples=1_000)
    def test_any_json_leads_to_an_action(self, value: object) -> None:
        frame = json.dumps(value, ensure_ascii=False)

        action = self._ready().receive(frame.encode(errors="ignore").decode())

        if isinstance(action, Close):
            assert len(action.reason.encode()) <= 123

    @given(st.text(max_size=200))
    def test_any_text_leads_to_an_action(self, text: str) -> None:
        self._ready().receive(text)

    @given(st.text(min_size=1, max_size=256), st.text(max_size=300))
    def test_frames_are_json_whatever_the_id(self, key: str, query: str) -> None:
        connection = self._ready()
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

    def test_what_an_operation_says_after_its_end_is_nothing(self) -> None:
        connection = self._ready()
        subscribe = '{"id":"1","type":"subscribe","payload":{"query":"x"}}'
        first, _ = connection.receive(subscribe), connection.receive('{"id":"1","type":"complete"}')
        second = connection.receive(subscribe)
        assert isinstance(first, Start)
        assert isinstance(second, Start)

        assert connection.next(first.operation, b"{}") is None
        assert connection.error(first.operation, ()) is None
        assert connection.complete(first.operation) is None
        assert connection.next(second.operation, b"{}") is not None

    def test_after_a_close_there_is_nothing(self) -> None:
        connection = self._ready()
        start = connection.receive('{"id":"1","type":"subscribe","payload":{"query":"x"}}')
        assert isinstance(start, Start)

        assert connection.receive_binary() is not None

        assert connection.receive('{"type":"ping"}') is None
        assert connection.receive_binary() is None
        assert connection.time_out() is None
        assert connection.forbid() is None
        assert connection.next(start.operation, b"{}") is None
        assert connection.complete(start.operation) is None
