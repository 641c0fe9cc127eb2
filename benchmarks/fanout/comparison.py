"""The comparison: stage by stage, with ever fewer subscribers."""

from collections.abc import Sequence

import msgspec
from rich.console import Console

from benchmarks.fanout.measures import Audience, Cost, Latency, Throughput
from benchmarks.fanout.servers import Field, field
from benchmarks.fanout.stages import (
    ByName,
    connect,
    costs,
    keep,
    latencies,
    paced,
    throughputs,
)
from benchmarks.fanout.targets import Target

MOST, MANY, FEW = 5_000, 1_000, 100


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, by the server's name.

    ``identical``: what deliveries cost, by the number of subscribers; ``different``: where each of
    as many as MANY watches a project of its own. ``memory``: KiB of a connection, by the number of
    connections. ``throughput`` and ``latency``: with MANY. ``size``: bytes of a message.
    ``statistics``: what it costs the hub to deliver projectUpdated to MANY.
    """

    identical: dict[int, ByName[Cost]]
    different: ByName[Cost]
    memory: dict[int, ByName[float]]
    throughput: ByName[Throughput]
    latency: ByName[Latency]
    size: ByName[int]
    statistics: Cost


def compare(console: Console) -> Numbers:
    """Measure everything; takes some minutes."""
    with field(2 * MANY) as servers:
        return _measured(servers, console)


def _measured(servers: Field, console: Console) -> Numbers:
    targets = servers.targets
    console.print(f"Connecting {MOST:,} subscribers of each server …")
    memory = connect(targets, lambda count: [servers.watched] * count, (MANY, MOST))
    identical = {}
    for count in (MOST, MANY, FEW):
        console.print(f"Telling {count:,} …")
        keep(targets, count)
        audience = Audience([servers.watched], count, [servers.unwatched])
        identical[count] = costs(targets, audience)
        if count == MANY:
            console.print(f"Telling {count:,} as much as can be …")
            throughput = throughputs(targets, audience, identical[count])
            console.print(f"Telling {count:,} at a steady pace …")
            latency = latencies(targets, audience, identical[count])
    sizes = _sizes(targets)
    console.print(f"Telling {MANY:,} statistics …")
    keep(targets, 0)
    statistics = paced(targets[0], Audience([servers.watched], MANY, [servers.unwatched]))
    keep(targets, 0)
    console.print(f"Telling {MANY:,} of different projects …")
    watched, others = servers.many[:MANY], servers.many[MANY:]
    connect(targets, lambda count: watched[:count], (MANY,))
    different = costs(targets, Audience(watched, 1, others))
    return Numbers(
        identical=identical,
        different=different,
        memory=dict(zip((MANY, MOST), memory, strict=True)),
        throughput=throughput,
        latency=latency,
        size=sizes,
        statistics=statistics,
    )


def _sizes(targets: Sequence[Target]) -> ByName[int]:
    """Return the messages' sizes; raises RuntimeError where they don't tell the same."""
    samples = {target.name: target.clients.sample() for target in targets}
    forms = {_form(msgspec.json.decode(sample)["payload"]) for sample in samples.values()}
    if len(forms) > 1:
        raise RuntimeError(f"The servers tell different things: {samples}")
    return {name: len(sample) for name, sample in samples.items()}


def _form(value: object) -> object:
    """Return the names that are in a value of JSON."""
    if isinstance(value, dict):
        return tuple(sorted((name, _form(inner)) for name, inner in value.items()))
    return None
