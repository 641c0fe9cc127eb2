"""What is measured, of one server at a time."""

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import NamedTuple

from benchmarks.fanout.targets import Target

AT_ONCE = 4
_QUIET, _LOOK_SECONDS, _PATIENCE_SECONDS = 0.05, 0.2, 60.0
_ATTEMPTS, _ATTEMPT_SECONDS = 5, 20.0


class Audience(NamedTuple):
    """Projects to have events in, in turns; how many subscribers each has; others without any."""

    projects: Sequence[str]
    receivers: int
    unwatched: Sequence[str]


class Cost(NamedTuple):
    """CPU of the server, in seconds: of an event that is told, and of telling it to one more."""

    event: float
    delivery: float


class Throughput(NamedTuple):
    """Deliveries a second, and of how much of a core the server and its clients took, 0 to 1."""

    rate: float
    server: float
    clients: float


class Latency(NamedTuple):
    """Milliseconds from the moment that an event was due to a subscriber's having it."""

    p50: float
    p95: float
    p99: float


def settle(target: Target) -> None:
    """Wait until the server has nothing to do."""
    deadline = time.perf_counter() + _PATIENCE_SECONDS
    while time.perf_counter() < deadline:
        before = target.server.cpu_seconds()
        time.sleep(_LOOK_SECONDS)
        if target.server.cpu_seconds() - before < _QUIET * _LOOK_SECONDS:
            return
    raise RuntimeError(f"{target.name} does not come to rest.")


def warm_up(target: Target, audience: Audience) -> None:
    """Have events, until one in each project reaches everybody."""
    for _ in range(_ATTEMPTS):
        settle(target)
        expected = target.clients.counted().events + len(audience.projects) * audience.receivers
        for project in audience.projects:
            target.announce(project)
        if target.clients.wait(expected, _ATTEMPT_SECONDS).events == expected:
            return
    raise RuntimeError(f"{target.name} does not reach everybody.")


def turn(target: Target, audience: Audience, events: int, *, pause_seconds: float = 0.0) -> Cost:
    """Have so many events, each when all have the one before; in between as many for nobody.

    Those show what the events cost without being told, in the same rhythm: a server that is asked
    at longer intervals finds its caches colder.
    """
    expected = target.clients.counted().events
    alone = told = 0.0
    mark = target.server.cpu_seconds()
    unwatched = cycle(audience.unwatched)
    for project in islice(cycle(audience.projects), events):
        time.sleep(pause_seconds)
        target.announce(next(unwatched))
        target.clients.expect(expected)
        before, mark = mark, target.server.cpu_seconds()
        alone += mark - before
        time.sleep(pause_seconds)
        target.announce(project)
        expected += audience.receivers
        target.clients.expect(expected)
        before, mark = mark, target.server.cpu_seconds()
        told += mark - before
    return Cost(told / events, (told - alone) / events / audience.receivers)


def saturated(target: Target, audience: Audience, events: int) -> Throughput:
    """Have so many events as fast as the server takes them, and count until the last is there."""
    before = target.clients.counted()
    cpu, began = target.server.cpu_seconds(), time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(target.announce, islice(cycle(audience.projects), events)))
    deliveries = events * audience.receivers
    after = target.clients.expect(before.events + deliveries)
    seconds = after.last - began
    return Throughput(
        deliveries / seconds,
        (target.server.cpu_seconds() - cpu) / seconds,
        (after.cpu - before.cpu) / seconds,
    )


def latency(target: Target, audience: Audience, *, per_second: int, seconds: int) -> Latency:
    """Have events at a steady pace, in one project.

    An event counts from the moment that it is due, just before the mutation is sent; so what the
    mutation takes until its commit is included, and the delay where the server falls behind.
    """
    (project,) = audience.projects
    events = per_second * seconds
    expected = target.clients.counted().events + events * audience.receivers
    target.clients.record()
    due: dict[int, float] = {}

    def announce(moment: float) -> None:
        due[target.announce(project)] = moment

    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        announced = []
        for number in range(events):
            moment = began + number / per_second
            time.sleep(max(0.0, moment - time.perf_counter()))
            announced.append(pool.submit(announce, moment))
    for each in announced:
        each.result()
    target.clients.expect(expected)
    arrivals = target.clients.recorded()
    times = sorted(
        at / 1e6 - due[revision] * 1e3
        for revision, at in zip(arrivals[::2], arrivals[1::2], strict=True)
    )
    return Latency(*(times[math.ceil(share * len(times)) - 1] for share in (0.5, 0.95, 0.99)))
