"""The floor: a server that does nothing but write a ready frame to each subscriber's transport."""

import asyncio
import re
from collections import defaultdict
from typing import Any, cast
from uuid import uuid4

import msgspec
import uvloop

from benchmarks.fanout.websocket import TEXT, acceptance, frame, frames

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_KEY = re.compile(rb"sec-websocket-key: *(\S+)", re.IGNORECASE)
_ACK = frame(b'{"type":"connection_ack"}')
_ID = str(uuid4())

subscribers: dict[str, set[asyncio.Transport]] = defaultdict(set)


def publish(topic: str, event: msgspec.Raw) -> None:
    """Write one frame, the same to all."""
    payload = {"data": {"segmentationUpdated": event}}
    message = frame(msgspec.json.encode({"id": _ID, "type": "next", "payload": payload}))
    for transport in subscribers[topic]:
        transport.write(message)


class Publication(msgspec.Struct):
    """The body of POST /publish."""

    topic: str
    event: msgspec.Raw


class Connection(asyncio.Protocol):
    """A WebSocket, or one of HTTP over which events are published."""

    def __init__(self) -> None:
        self._received = b""
        self._upgraded = False
        self._topics: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        for topic in self._topics:
            subscribers[topic].discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._upgraded:
            self._take_frames()
        else:
            self._take_requests()

    def _take_requests(self) -> None:
        while b"\r\n\r\n" in self._received and not self._upgraded:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            size = int(length[1]) if length else 0
            if len(rest) < size:
                return
            self._received = rest[size:]
            if key := _KEY.search(head):
                self._upgraded = True
                self._transport.write(acceptance(key[1]))
            else:
                publication = msgspec.json.decode(rest[:size], type=Publication)
                publish(publication.topic, publication.event)
                self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    def _take_frames(self) -> None:
        end = 0
        for opcode, begin, end in frames(self._received):
            if opcode == TEXT:
                self._take(msgspec.json.decode(self._received[begin:end]))
        self._received = self._received[end:]

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "connection_init":
            self._transport.write(_ACK)
        elif message["type"] == "subscribe":
            topic = message["payload"]["variables"]["projectId"]
            self._topics.append(topic)
            subscribers[topic].add(self._transport)


async def main() -> None:
    """Serve on a free port of the loopback interface."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
