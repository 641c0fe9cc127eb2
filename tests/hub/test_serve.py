"""What a process that serves does once it is ready."""

import subprocess
import sys
from pathlib import Path

from tests.hub.test_cli import environment

START = """
import asyncio, gc
from hub.serve import application

async def start_and_end():
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive():
        return {"type": next(messages)}

    async def send(message):
        print(message["type"], gc.get_freeze_count() > 10_000)

    await application()({"type": "lifespan", "state": {}}, receive, send)

asyncio.run(start_and_end())
"""


def test_the_garbage_collector_leaves_alone_what_is_there_for_good(
    database_url: str, tmp_path: Path
) -> None:
    """Each full collection holds up everybody."""
    variables = {
        "DATABASE_URL": database_url,
        "SECRET_KEY": "a secret of tests, long enough for it",
    }
    ended = subprocess.run(
        [sys.executable, "-c", START],
        env=environment(tmp_path, BROADCAST_URL="memory://", **variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.splitlines() == [
        "lifespan.startup.complete True",
        "lifespan.shutdown.complete True",
    ], ended.stderr
