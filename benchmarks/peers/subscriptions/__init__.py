"""Other GraphQL servers that push the same events, each in a process of its own.

They keep their subscribers in memory, check nobody's credentials, and are told what to push by POST
/publish.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.hubs import Server, serving

_FOLDER = Path(__file__).parent
NODE = {"graphql-ws + ws": "graphql-ws", "Mercurius": "mercurius", "GraphQL Yoga": "yoga"}
STRAWBERRY = "stock Strawberry"


@contextmanager
def peer(name: str) -> Iterator[Server]:
    """Serve the peer of this name."""
    with serving(_command(name), os.environ | {"NODE_ENV": "production"}) as server:
        yield server


def _command(name: str) -> list[str]:
    if name == STRAWBERRY:
        return [sys.executable, "-m", f"{__name__}.stock_strawberry"]
    if not (_FOLDER / "node_modules").exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=_FOLDER, check=True)
    return ["node", str(_FOLDER / f"{NODE[name]}.mjs")]
