"""The subscribers of a server, from the outside: they count in a process of their own."""

import multiprocessing
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.fanout.counter import Counted, Counter

_PATIENCE_SECONDS = 60.0


class Clients:
    """The subscribers of one server; ``count`` of them are there."""

    def __init__(self, name: str, control: "Connection[Any, Any]") -> None:
        self._name = name
        self._control = control
        self.count = 0

    def open(self, url: str, token: str, query: str, projects: Sequence[str]) -> None:
        """Add a subscriber, with a connection of its own, for each of these projects."""
        self._ask("open", url, token, query, list(projects))
        self.count += len(projects)

    def close(self, count: int) -> None:
        """Have so many of them hang up."""
        self._ask("close", count)
        self.count -= count

    def counted(self) -> Counted:
        """Return what came so far."""
        return self.wait(0)

    def wait(self, events: int, seconds: float = _PATIENCE_SECONDS) -> Counted:
        """Return what came when so many events have come in all, or when that time is over."""
        counted: Counted = self._ask("wait", events, seconds)
        return counted

    def expect(self, events: int) -> Counted:
        """Wait until so many events came in all; it is an error if it is not as many."""
        counted = self.wait(events)
        if counted.events != events:
            raise RuntimeError(f"{self._name}: {counted.events} events came instead of {events}.")
        return counted

    def sample(self) -> bytes:
        """Return the first event's message since this was called last."""
        sample: bytes = self._ask("sample")
        return sample

    def record(self) -> None:
        """Have revision and time of each event noted from now on."""
        self._ask("record")

    def recorded(self) -> "array[int]":
        """End that; return revisions and times (of ``time.perf_counter_ns``) in turns."""
        arrivals: array[int] = self._ask("recorded")
        return arrivals

    def _ask(self, name: str, *arguments: object) -> Any:
        self._control.send((name, arguments))
        answer = self._control.recv()
        if isinstance(answer, Exception):
            raise RuntimeError(f"Clients of {self._name}: {answer!r}") from answer  # noqa: TRY004
        return answer


@contextmanager
def clients(name: str) -> Iterator[Clients]:
    """Start a process of subscribers for a server of this name; end it afterwards."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Clients(name, ours)
    finally:
        ours.close()
        process.join()


def _serve(control: "Connection[Any, Any]") -> None:
    Counter().serve(control)
