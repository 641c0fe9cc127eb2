"""What a process that serves does once it is ready."""

import subprocess
import sys
from pathlib import Path

import pytest

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


ARENAS = """
import ctypes, sys, threading
from hub.serve import application

application()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
everybody = threading.Barrier(8)

def take():
    libc.malloc(1_000)
    everybody.wait()

threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_info(0, ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w")))
libc.fflush(None)
"""


@pytest.mark.parametrize(("told", "expected"), [({}, 2), ({"MALLOC_ARENA_MAX": "5"}, 5)])
def test_threads_share_two_arenas_of_memory_unless_the_environment_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], expected: int
) -> None:
    """Each keeps what was once taken from it."""
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    variables = {
        "DATABASE_URL": "postgresql://nowhere/none",
        "SECRET_KEY": "a secret of tests, long enough for it",
    }
    ended = subprocess.run(
        [sys.executable, "-c", ARENAS],
        env=environment(tmp_path, BROADCAST_URL="memory://", **variables) | told,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.count("<heap ") == expected, ended.stderr
