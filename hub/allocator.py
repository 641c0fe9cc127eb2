"""The C library's memory: what one thread has freed is there for the others."""

import ctypes
import os

_OWN_SETTING = "MALLOC_ARENA_MAX"
_ARENA_MAX, _ARENAS = -8, 2


def share_arenas() -> None:
    """Have glibc's malloc serve all threads from two arenas, unless the environment sets how many.

    Without that there are up to eight for each core, and each keeps the most that it ever gave. To
    be called before there are threads. Other C libraries go without.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and _OWN_SETTING not in os.environ:
        mallopt(_ARENA_MAX, _ARENAS)
