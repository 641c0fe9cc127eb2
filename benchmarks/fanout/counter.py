"""Thousands of subscribers in a process of their own, who count what they are sent.

Sockets are read by epoll and a frame is looked at, not parsed, so that counting costs less than
sending does; a counter that falls behind reads many frames at once, which is cheaper still.
"""

import re
import select
import socket
import time
from array import array
from multiprocessing.connection import Connection
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from benchmarks.fanout.websocket import CLOSE, PING, PONG, TEXT, frame, frames, request

AT_ONCE = 50
_BUFFER_BYTES = 256 * 1024
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_PATIENCE_SECONDS = 60
_REVISION = re.compile(rb'"revision":\s*(\d+)')


class Counted(msgspec.Struct, frozen=True):
    """Events that came so far; when the last came, and what CPU was taken, in seconds."""

    events: int
    last: float
    cpu: float


class Subscriber:
    """A socket, and what came of a frame whose rest is yet to come."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=_PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def send(self, message: object) -> None:
        """Send a message of the subprotocol."""
        self.socket.sendall(frame(msgspec.json.encode(message), masked=True))

    def expect(self, *, until: bytes) -> None:
        """Wait for this text."""
        seen = b""
        while until not in seen:
            chunk = self.socket.recv(65_536)
            if not chunk:
                raise RuntimeError(f"The server hung up: {seen!r}")
            seen += chunk


class Counter:
    """The subscribers. What is public is called from another process, by ``serve``."""

    def __init__(self) -> None:
        self._subscribers: dict[int, Subscriber] = {}
        self._epoll = select.epoll()
        self._buffer = bytearray(_BUFFER_BYTES)
        self._events = self._last = 0
        self._arrivals: array[int] | None = None
        self._sample = b""
        self._trouble: list[str] = []

    def serve(self, control: Connection) -> None:
        """Read sockets, and do what is asked for, until the other side hangs up."""
        self._epoll.register(control.fileno(), select.EPOLLIN)
        while True:
            ready = {file for file, _ in self._epoll.poll()}
            # Before what is asked for, which may read the same sockets.
            for file in ready - {control.fileno()}:
                self._read(file)
            if control.fileno() in ready:
                try:
                    name, arguments = control.recv()
                except EOFError:
                    return
                control.send(self._answer(name, arguments))

    def _answer(self, name: str, arguments: tuple[object, ...]) -> object:
        try:
            return getattr(self, name)(*arguments)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            return error

    def open(self, url: str, token: str, query: str, projects: list[str]) -> None:
        """Open a socket with one subscription for each of these projects."""
        for first in range(0, len(projects), AT_ONCE):
            self._open(url, token, query, projects[first : first + AT_ONCE])
            # A server hangs up on who does not answer its pings meanwhile.
            self._read_what_is_there(0)

    def _open(self, url: str, token: str, query: str, projects: list[str]) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        new = [Subscriber(parts.hostname, parts.port) for _ in projects]
        for subscriber in new:
            subscriber.socket.sendall(request(parts.netloc, _KEY))
        for subscriber in new:
            subscriber.expect(until=b"\r\n\r\n")
            payload = {"Authorization": f"Bearer {token}"}
            subscriber.send({"type": "connection_init", "payload": payload})
        for subscriber, project in zip(new, projects, strict=True):
            subscriber.expect(until=b"connection_ack")
            asked = {"query": query, "variables": {"projectId": project}}
            # As graphql-ws names its operations.
            subscriber.send({"id": str(uuid4()), "type": "subscribe", "payload": asked})
            subscriber.socket.setblocking(False)
            self._subscribers[subscriber.socket.fileno()] = subscriber
            self._epoll.register(subscriber.socket.fileno(), select.EPOLLIN)

    def close(self, count: int) -> None:
        """Close so many of the sockets."""
        for file in list(self._subscribers)[:count]:
            self._epoll.unregister(file)
            self._subscribers.pop(file).socket.close()

    def wait(self, events: int, seconds: float) -> Counted:
        """Wait until so many events came in all, but no longer than that."""
        deadline = time.perf_counter() + seconds
        while self._events < events and (left := deadline - time.perf_counter()) > 0:
            self._read_what_is_there(left)
        if self._trouble:
            raise RuntimeError(f"{len(self._trouble)} × {self._trouble[0]}")
        return Counted(self._events, self._last / 1e9, time.process_time())

    def sample(self) -> bytes:
        """Return the first event's message since this was called last."""
        sample, self._sample = self._sample, b""
        return sample

    def record(self) -> None:
        """Note revision and time of each event from now on."""
        self._arrivals = array("q")

    def recorded(self) -> "array[int]":
        """Stop noting; return revisions and times in turns, the latter in nanoseconds."""
        arrivals, self._arrivals = self._arrivals, None
        return arrivals or array("q")

    def _read_what_is_there(self, seconds: float) -> None:
        """Read sockets; what is asked for next waits."""
        for file, _ in self._epoll.poll(seconds):
            if file in self._subscribers:
                self._read(file)

    def _read(self, file: int) -> None:
        subscriber, buffer = self._subscribers[file], self._buffer
        size = subscriber.socket.recv_into(buffer)
        now = time.perf_counter_ns()
        if (
            not subscriber.rest
            and buffer[1] == 126
            and size == 4 + (buffer[2] << 8 | buffer[3])
            and buffer.find(b'"next"', 4, 120) > 0
        ):
            self._note(buffer, 4, size, now)
        elif size == 0:
            self._trouble.append("The server hung up.")
            self._epoll.unregister(file)
            del self._subscribers[file]
        else:
            self._sort(subscriber, subscriber.rest + buffer[:size], now)

    def _sort(self, subscriber: Subscriber, data: bytes, now: int) -> None:
        end = 0
        for opcode, begin, end in frames(data):
            if opcode == TEXT and data.find(b'"next"', begin, begin + 120) > 0:
                self._note(data, begin, end, now)
            elif opcode == PING:
                subscriber.socket.sendall(frame(data[begin:end], PONG, masked=True))
            elif opcode == TEXT and data.find(b'"ping"', begin, end) > 0:
                subscriber.send({"type": "pong"})
            elif opcode in (TEXT, CLOSE) and data.find(b'"pong"', begin, end) < 0:
                self._trouble.append(repr(data[begin:end]))
        subscriber.rest = bytes(data[end:])

    def _note(self, data: bytes | bytearray, begin: int, end: int, now: int) -> None:
        self._events += 1
        self._last = now
        if self._arrivals is not None and (found := _REVISION.search(data, begin, end)):
            self._arrivals.append(int(found[1]))
            self._arrivals.append(now)
        if not self._sample:
            self._sample = bytes(data[begin:end])
