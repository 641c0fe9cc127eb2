"""All servers at once, each with the subscribers' process that belongs to it."""

import asyncio
import os
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from benchmarks.fanout.clients import clients
from benchmarks.fanout.targets import Hub, Peer, Target
from benchmarks.hubs import database, hub, serving, signed_up
from benchmarks.peers.subscriptions import NODE, STRAWBERRY, peer
from benchmarks.seeds import projects_with_images

HUB, BARE = Hub.name, "bare write"
PEERS = (*NODE, STRAWBERRY)
_IMAGES = 1_000
_FILES = 16_384


class Field(NamedTuple):
    """The servers; two large projects and many small ones to have events in."""

    targets: Sequence[Target]
    watched: str
    unwatched: str
    many: Sequence[str]


@contextmanager
def field(many: int) -> Iterator[Field]:
    """Run all servers, with so many projects; their clients are not connected yet."""
    _allow_many_files()
    with ExitStack() as stack:
        enter = stack.enter_context
        url = enter(database())
        folder = enter(tempfile.TemporaryDirectory(prefix="cellhub-bench-data-"))
        server = enter(hub(url, Path(folder)))
        token, user = signed_up(server, "fanout")
        key = UUID(user.removeprefix("usr_"))
        large = asyncio.run(projects_with_images(url, key, 2, _IMAGES))
        small = asyncio.run(projects_with_images(url, key, many, 1))
        bare = enter(serving([sys.executable, "-m", "benchmarks.fanout.bare"], dict(os.environ)))
        targets: list[Target] = [
            Hub(server, enter(clients(HUB)), token, large | small),
            Peer(BARE, bare, enter(clients(BARE))),
            *(Peer(name, enter(peer(name)), enter(clients(name))) for name in PEERS),
        ]
        watched, unwatched = large
        yield Field(targets, watched, unwatched, list(small))


def _allow_many_files() -> None:
    """Let this process and those that it starts have thousands of connections open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
