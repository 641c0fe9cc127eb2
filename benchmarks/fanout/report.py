"""The numbers as tables: all servers side by side, and ours beside the budgets."""

import math
from collections.abc import Callable, Mapping

from benchmarks.fanout.comparison import MANY, MOST, Numbers
from benchmarks.fanout.servers import BARE, HUB, PEERS

HEADER = ("", HUB, BARE, *PEERS)
_GRAPHQL_WS = PEERS[0]


def servers(numbers: Numbers) -> list[tuple[str, ...]]:
    """Return a row for each measurement, with a column for each server."""
    rows = [
        _row(
            f"CPU a delivery, {count:,} identical",
            {name: cost.delivery * 1e6 for name, cost in costs.items()},
            _micro,
        )
        for count, costs in sorted(numbers.identical.items())
    ]
    rows.append(
        _row(
            f"the same, {MANY:,} of different projects",
            {name: cost.delivery * 1e6 for name, cost in numbers.different.items()},
            _micro,
        )
    )
    throughput = numbers.throughput.items()
    rows += [
        _row(f"deliveries a second, {MANY:,}", {n: t.rate for n, t in throughput}, _whole),
        _row("meanwhile, server's CPU", {n: t.server for n, t in throughput}, _percent),
        _row("meanwhile, clients' CPU", {n: t.clients for n, t in throughput}, _percent),
    ]
    rows += [
        _row(
            f"change → client, 20 a second, {MANY:,}: {name}",
            {n: getattr(latency, name) for n, latency in numbers.latency.items()},
            _milli,
        )
        for name in ("p50", "p95", "p99")
    ]
    rows += [
        _row(f"memory a connection, {count:,}", found, _kibi)
        for count, found in numbers.memory.items()
    ]
    rows.append(_row("bytes of a message", numbers.size, _whole))
    return rows


def budgets(numbers: Numbers) -> list[tuple[str, str, str]]:
    """Return what was measured of the hub, and what it may be."""
    many = {name: cost.delivery for name, cost in numbers.identical[MANY].items()}
    best = min(PEERS, key=lambda name: many[name])
    ours, statistics = many[HUB], numbers.statistics.delivery
    return [
        (f"delivery to {MANY:,} subscribers: CPU of the hub", _micro(ours * 1e6), ""),
        ("hub ÷ a bare write of the same bytes", f"{ours / many[BARE]:.1f}", "≤ 2.6"),
        (f"{_GRAPHQL_WS} ÷ hub", f"{many[_GRAPHQL_WS] / ours:.1f}", "≥ 8"),
        (f"{_GRAPHQL_WS} ÷ a bare write", f"{many[_GRAPHQL_WS] / many[BARE]:.1f}", ""),
        (f"best peer ({best}) ÷ hub", f"{many[best] / ours:.1f}", ""),
        (
            f"delivery of statistics to {MANY:,}, ten a second",
            _micro(statistics * 1e6),
            "",
        ),
        (f"deliveries a second to {MANY:,}", _whole(numbers.throughput[HUB].rate), ""),
        ("change → client, 20 a second: p99", _milli(numbers.latency[HUB].p99), "≤ 50 ms"),
        (f"memory a connection, of {MOST:,} idle", _kibi(numbers.memory[MOST][HUB]), "≤ 30 KiB"),
    ]


def _row(what: str, found: Mapping[str, float], written: Callable[[float], str]) -> tuple[str, ...]:
    return (what, *(written(found[name]) for name in HEADER[1:]))


def _micro(value: float) -> str:
    return f"{value:.1f} µs"


def _milli(value: float) -> str:
    return "falls behind" if math.isinf(value) else f"{value:.1f} ms"


def _kibi(value: float) -> str:
    return f"{value:.1f} KiB"


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"
