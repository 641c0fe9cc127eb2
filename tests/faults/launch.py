"""``cellhub`` with a fault built in: ``python -m tests.faults.launch [FAULT…] serve …``.

The product knows nothing of it: what it uses is replaced before it is imported. The faults hold in
one process, so ``--workers`` has to stay 1.
"""

import argparse
import os
import random
import signal
import sys
from collections.abc import Callable, Sequence

from realtime.backends.base import Backend
from tests.faults.noise import NoisyBackend


def die_before_publishing(nth: int) -> None:
    """Have the process kill itself between the commit and the publishing of the nth change."""
    from resolvers import changes

    publisher = changes.publisher
    committed = 0

    def deadly(*feeds: object) -> Callable[[Sequence[object]], None]:
        publish: Callable[[Sequence[object]], None] = publisher(*feeds)  # type: ignore[assignment, arg-type]

        def publish_or_die(announcements: Sequence[object]) -> None:
            nonlocal committed
            committed += len(announcements)
            if committed >= nth:
                os.kill(os.getpid(), signal.SIGKILL)
            publish(announcements)

        return publish_or_die

    changes.publisher = deadly  # type: ignore[assignment]


def garble_messages(seed: int) -> None:
    """Have the broker drop, double, delay and reorder messages as this seed has it."""
    from realtime import backends

    make_backend = backends.make_backend
    generator = random.Random(seed)

    def make_noisy(url: str) -> Backend:
        return NoisyBackend(make_backend(url), generator)

    backends.make_backend = make_noisy


def drop_messages() -> None:
    """Have nothing arrive that the broker sends, while it seems to be well."""
    from realtime import backends

    make_backend = backends.make_backend

    def make_deaf(url: str) -> Backend:
        return NoisyBackend(make_backend(url), random.Random(), chance=1.0)

    backends.make_backend = make_deaf


def end_in_a_hurry() -> None:
    """Have the process wait for next to nothing when it is told to end."""
    from schema import shutdown

    shutdown.FINISHING_SECONDS = 0.5  # type: ignore[misc]
    from hub import serve

    serve._SHUTDOWN_SECONDS = 2


def main() -> None:
    """Build in the faults that are asked for, and run the command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--die-before-publishing", type=int, metavar="NTH")
    parser.add_argument("--garble-messages", type=int, metavar="SEED")
    parser.add_argument("--drop-messages", action="store_true")
    parser.add_argument("--end-in-a-hurry", action="store_true")
    faults, command = parser.parse_known_args()
    if faults.die_before_publishing is not None:
        die_before_publishing(faults.die_before_publishing)
    if faults.garble_messages is not None:
        garble_messages(faults.garble_messages)
    if faults.drop_messages:
        drop_messages()
    if faults.end_in_a_hurry:
        end_in_a_hurry()
    sys.argv = ["cellhub", *command]
    from hub.cli import main as cellhub

    cellhub()


if __name__ == "__main__":
    main()
