"""The C library's memory: what was freed is there for others, and for the system."""

import ctypes
import os

_SETTINGS = {
    # Two arenas, which all threads share: each keeps the most that it ever gave.
    "MALLOC_ARENA_MAX": (-8, 2),
    # What is as large has pages of its own, and leaves no hole behind.
    "MALLOC_MMAP_THRESHOLD_": (-3, 128 * 2**10),
    # What is free at an arena's end is kept up to so much.
    "MALLOC_TRIM_THRESHOLD_": (-1, 2**20),
}
"""The parameters of glibc's mallopt and their values, by the environment's names for them."""


def give_back() -> None:
    """Have glibc's malloc keep little of what is freed; the environment's settings come first.

    By itself it has up to eight arenas for each core, and takes what is as large as anything freed
    before, up to 32 MiB, from among what is small, which may then stay in the way for good. To be
    called before there are threads. Other C libraries go without.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    for name, (parameter, value) in _SETTINGS.items():
        if mallopt is not None and name not in os.environ:
            mallopt(parameter, value)
