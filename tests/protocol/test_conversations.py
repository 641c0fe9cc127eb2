"""Conversations that are right in the main, with something wrong anywhere, over real sockets.

Whatever the client says, the server answers by the protocol: in its order, with its codes, with no
task left behind and nothing in the log. The examples are the same in each run.
"""

import asyncio
import io
import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schema.websocket import GraphQLWebSocketEndpoint
from tests.protocol.judge import SILENT, Judge
from tests.protocol.malformed_frames import BAD_FRAMES, Bad
from tests.protocol.raw import INIT, Opcode, RawSocket, close_frame, frame, raw_connection
from tests.schema.toy import websocket_endpoint
from tests.schema.world import World
from tests.serving import Stage

LAST = b'{"type":"ping","payload":{"the":"last"}}'
LAST_PONG = {"type": "pong", "payload": {"the": "last"}}

QUERIES = [
    SILENT,
    "{ viewer }",
    "mutation { increment }",
    "subscription { count(to: 3) { number } }",
    "subscription { revoked { number } }",
    "query A { viewer } query B { viewer }",
    "{ nothing }",
    "{",
]
KEYS = st.sampled_from("abcdef")


def _message(**fields: object) -> str:
    return json.dumps(fields)


RIGHT = st.one_of(
    st.builds(
        lambda key, query: _message(id=key, type="subscribe", payload={"query": query}),
        KEYS,
        st.sampled_from(QUERIES),
    ),
    st.builds(lambda key: _message(id=key, type="complete"), KEYS),
    st.sampled_from([_message(type="ping"), _message(type="pong", payload={"a": [1]})]),
)
ODD = RIGHT | st.sampled_from([INIT.decode(), _message(type="connection_init")])
# What can be put in makes no number that one parser takes and the other does not.
PIECES = st.sampled_from(
    ['"', "{", "}", "[", "]", ":", ",", " ", "0", "null", "\\", "ä", "\n", "🧫"]
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Draw a message in which a piece is missing, doubled, or put in."""
    text: str = draw(ODD)
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 12)))
    middle = draw(st.just("") | st.just(text[start:end] * 2) | PIECES)
    return text[:start] + middle + text[end:]


SMALL_BAD_FRAMES = [bad for bad in BAD_FRAMES.values() if len(bad.data) < 1_000]
WRONG = ODD | damaged() | st.sampled_from(SMALL_BAD_FRAMES) | st.binary(max_size=5)


@st.composite
def conversations(draw: st.DrawFn) -> list[str | bytes | Bad]:
    """Draw an introduction and what is right after it, with up to two wrong steps anywhere."""
    steps: list[str | bytes | Bad] = [INIT.decode(), *draw(st.lists(RIGHT, max_size=12))]
    for wrong in draw(st.lists(WRONG, max_size=2)):
        steps.insert(draw(st.integers(0, len(steps))), wrong)
    return steps


def _data_of(step: str | bytes | Bad, judge: Judge) -> bytes:
    """Return what is sent, and let the judge hear it."""
    match step:
        case Bad(data, code):
            judge.hear_bad_frame(code)
            return data
        case bytes():
            judge.must = judge.must or 4400
            return frame(Opcode.BINARY, step)
        case _:
            judge.hear(step)
            return frame(Opcode.TEXT, step.encode())


async def _converse(
    socket: RawSocket, steps: list[bytes], packet: int, pause: int
) -> tuple[list[Any], int | None]:
    """Say it all, in packets of this size, and leave the server some turns after each step.

    Returns the messages, and the code of the close frame.
    """
    with suppress(ConnectionError):
        for step in [*steps, frame(Opcode.TEXT, LAST)]:
            for start in range(0, len(step), packet):
                await socket.send(step[start : start + packet])
            for _ in range(pause):
                await asyncio.sleep(0)
    messages: list[Any] = []
    while not messages or messages[-1] != LAST_PONG:
        heard = await socket.hear()
        if heard.opcode is Opcode.CLOSE:
            return messages, int.from_bytes(heard.payload[:2])
        assert heard.opcode is Opcode.TEXT
        messages.append(json.loads(heard.payload))
    await socket.send(close_frame(1000))
    code, _ = await socket.closed()
    return messages, code


def _check_order(messages: list[Any], subscribed: list[str]) -> None:
    kinds = [message["type"] for message in messages if message["type"] != "pong"]
    assert kinds[:1] in ([], ["connection_ack"]), "nothing before it"
    assert kinds.count("connection_ack") <= 1
    ends: Counter[str] = Counter()
    for message in messages:
        match message:
            case {"type": "next", "id": key, "payload": {"data": _}} | {
                "type": "complete",
                "id": key,
            }:
                pass
            case {"type": "error", "id": key, "payload": [{"message": _}, *_]}:
                pass
            case {"type": "pong" | "connection_ack"}:
                continue
            case _:
                raise AssertionError(message)
        assert ends[key] < subscribed.count(key), "nothing behind the last end"
        ends[key] += message["type"] != "next"


@contextmanager
def _quiet_log() -> Iterator[None]:
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setLevel(logging.ERROR)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
    assert said.getvalue() == ""


async def _tasks_are(before: set["asyncio.Task[Any]"]) -> None:
    async with asyncio.timeout(5):
        while left := asyncio.all_tasks() - before:
            await asyncio.wait(left)


@given(
    conversation=conversations(),
    packet=st.sampled_from([7, 100, 10_000]),
    pause=st.sampled_from([0, 1, 30]),
)
@settings(max_examples=250, derandomize=True)
async def test_any_conversation_is_answered_by_the_protocol(
    stage_and_address: tuple[Stage, str],
    conversation: list[str | bytes | Bad],
    packet: int,
    pause: int,
) -> None:
    stage, address = stage_and_address
    world = World()
    world.sign_in("ada")
    endpoint: GraphQLWebSocketEndpoint = websocket_endpoint(world)
    stage.websocket = endpoint
    judge = Judge("ada")
    steps = [_data_of(step, judge) for step in conversation]
    before = asyncio.all_tasks()

    with _quiet_log():
        async with raw_connection(f"ws://{address}/graphql", None) as socket:
            messages, code = await _converse(socket, steps, packet, pause)
        await _tasks_are(before)

    assert code in judge.may | {judge.must or 1000}
    _check_order(messages, judge.subscribed)
    assert endpoint.open_sockets == 0
    assert world.unexpected == []
