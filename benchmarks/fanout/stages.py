"""The stages of the comparison: in each, the servers take turns, lest one have better moments."""

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TypeVar

from benchmarks.fanout.measures import (
    Audience,
    Cost,
    Latency,
    Throughput,
    latency,
    saturated,
    settle,
    turn,
    warm_up,
)
from benchmarks.fanout.targets import QUERY, STATISTICS, Target

T = TypeVar("T")
ByName = dict[str, T]
"""What was measured of each server."""

ROUNDS = 5
_CONNECTING, _FIRST, _PRACTICE = 2, 20, 3
_TURN_SECONDS, _TURN_EVENTS = 0.3, 120
_PACED_ROUNDS, _PACED_EVENTS, _PACED_SECONDS = 3, 10, 0.1
_SATURATED_SECONDS, _SATURATED_EVENTS = 1.0, 300
_PER_SECOND, _SECONDS, _TOO_SLOW = 20, 2, Latency(math.inf, math.inf, math.inf)


def connect(
    targets: Sequence[Target], projects: Callable[[int], Sequence[str]], sizes: Sequence[int]
) -> list[ByName[float]]:
    """Open connections up to each of the sizes; return the KiB that one takes of the server.

    Nothing is sent on them meanwhile, so servers need not wait for their turns.
    """
    with ThreadPoolExecutor(_CONNECTING) as pool:
        shares = pool.map(lambda target: _connected(target, projects, sizes), targets)
        found = dict(zip((target.name for target in targets), shares, strict=True))
    return [{name: each[step] for name, each in found.items()} for step in range(len(sizes))]


def _connected(
    target: Target, projects: Callable[[int], Sequence[str]], sizes: Sequence[int]
) -> list[float]:
    # The first ones make a server load and allocate what it needs anyhow.
    target.clients.open(target.server.url, target.token, QUERY, projects(_FIRST))
    target.clients.close(_FIRST)
    settle(target)
    before = target.server.memory_bytes()
    found = []
    for size in sizes:
        more = projects(size)[target.clients.count :]
        target.clients.open(target.server.url, target.token, QUERY, more)
        settle(target)
        found.append((target.server.memory_bytes() - before) / size / 1024)
    return found


def keep(targets: Sequence[Target], count: int) -> None:
    """Close all connections but so many."""
    for target in targets:
        target.clients.close(target.clients.count - count)


def costs(targets: Sequence[Target], audience: Audience) -> ByName[Cost]:
    """Measure what deliveries cost."""
    events = {}
    for target in targets:
        warm_up(target, audience)
        once = turn(target, audience, _PRACTICE).event
        events[target.name] = min(_TURN_EVENTS, math.ceil(_TURN_SECONDS / once))
    rounds: ByName[list[Cost]] = {target.name: [] for target in targets}
    for _ in range(ROUNDS):
        for target in targets:
            rounds[target.name].append(turn(target, audience, events[target.name]))
    return {name: _middle(costs) for name, costs in rounds.items()}


def paced(target: Target, audience: Audience) -> Cost:
    """Measure what deliveries of statistics cost.

    The hub holds them back, lest anybody get more than ten a second; so that is their pace here.
    """
    project = audience.projects[0]
    target.clients.open(target.server.url, target.token, STATISTICS, [project] * audience.receivers)
    warm_up(target, audience)
    return _middle(
        turn(target, audience, _PACED_EVENTS, pause_seconds=_PACED_SECONDS)
        for _ in range(_PACED_ROUNDS)
    )


def _middle(costs: Iterable[Cost]) -> Cost:
    return Cost(*(median(values) for values in zip(*costs, strict=True)))


def throughputs(
    targets: Sequence[Target], audience: Audience, cost: ByName[Cost]
) -> ByName[Throughput]:
    """Measure how much the servers can deliver: the median of three times."""
    found: ByName[list[Throughput]] = {target.name: [] for target in targets}
    for _ in range(3):
        for target in targets:
            events = math.ceil(_SATURATED_SECONDS / cost[target.name].event)
            events = min(_SATURATED_EVENTS, events)
            found[target.name].append(saturated(target, audience, events))
    return {name: sorted(several)[len(several) // 2] for name, several in found.items()}


def latencies(targets: Sequence[Target], audience: Audience, cost: ByName[Cost]) -> ByName[Latency]:
    """Measure how late events are at a steady pace: the median of three times.

    A server of which that takes more than a core falls ever further behind; it isn't tried.
    """
    found: ByName[list[Latency]] = {target.name: [] for target in targets}
    for _ in range(3):
        for target in targets:
            if cost[target.name].event * _PER_SECOND < 1:
                found[target.name].append(
                    latency(target, audience, per_second=_PER_SECOND, seconds=_SECONDS)
                )
            else:
                found[target.name].append(_TOO_SLOW)
    return {
        name: Latency(*(median(values) for values in zip(*several, strict=True)))
        for name, several in found.items()
    }
