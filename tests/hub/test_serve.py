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


LARGE = """
import ctypes, re, tempfile
from hub.serve import application

application()
libc = ctypes.CDLL(None)
for function in (libc.malloc, libc.fopen):
    function.restype = ctypes.c_void_p

def taken():
    with tempfile.NamedTemporaryFile() as file:
        stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
        libc.malloc_info(0, stream)
        libc.fclose(stream)
        told = file.read().decode()
    apart = re.findall('type="mmap" count="([0-9]+)"', told)[0]
    arenas = re.findall('system type="current" size="([0-9]+)"', told)[-1]
    return int(apart), int(arenas)

def take(*sizes):
    return [ctypes.c_void_p(libc.malloc(size)) for size in sizes]

def free(blocks):
    for block in blocks:
        libc.free(block)

free(take(20 * 2**20))
before = taken()
kept = take(2**20, *[100 * 2**10] * 50)
amid = taken()
free(kept[1:])
after = taken()
print(amid[0] - before[0], amid[1] - before[1] > 4 * 2**20, after[1] - before[1] > 2 * 2**20)
"""


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, "1 True False"),
        (
            {"MALLOC_MMAP_THRESHOLD_": "4194304", "MALLOC_TRIM_THRESHOLD_": "33554432"},
            "0 True True",
        ),
    ],
)
def test_what_was_large_is_given_back_unless_the_environment_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], expected: str
) -> None:
    """Whatever larger was freed before."""
    assert _started(LARGE, tmp_path, monkeypatch, told).strip() == expected


@pytest.mark.parametrize(("told", "expected"), [({}, 2), ({"MALLOC_ARENA_MAX": "5"}, 5)])
def test_threads_share_two_arenas_of_memory_unless_the_environment_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], expected: int
) -> None:
    """Each keeps what was once taken from it."""
    assert _started(ARENAS, tmp_path, monkeypatch, told).count("<heap ") == expected


def _started(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, str]
) -> str:
    """Return what a program prints that knows of malloc what it is told, and nothing else."""
    for name in ("MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)
    variables = {
        "DATABASE_URL": "postgresql://nowhere/none",
        "SECRET_KEY": "a secret of tests, long enough for it",
    }
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path, BROADCAST_URL="memory://", **variables) | told,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
