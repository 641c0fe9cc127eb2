"""Apollo Server with pg, on the hub's own tables: run by Node in a process of its own."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks.hubs import SECRET, Server, serving
from resolvers.tokens import derive

_FOLDER = Path(__file__).parent


@contextmanager
def apollo(database_url: str) -> Iterator[Server]:
    """Serve the peer from the hub's database; it takes the hub's access tokens."""
    if not (_FOLDER / "node_modules").exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=_FOLDER, check=True)
    parts = urlsplit(database_url)
    place = {
        "host": parts.hostname or parse_qs(parts.query)["host"][0],
        "user": parts.username,
        "password": parts.password,
        "database": parts.path.strip("/"),
    }
    environment = os.environ | {
        "NODE_ENV": "production",
        "PEER_DATABASE": json.dumps(place),
        "PEER_JWT_KEY": derive(SECRET, "access tokens").hex(),
    }
    with serving(["node", str(_FOLDER / "server.mjs")], environment) as server:
        yield server
