"""Run a program as a user other than root, for PostgreSQL refuses to run as root.

usage: unprivileged.py wait|detach UID GID PROGRAM [ARGUMENT…]

``wait`` becomes the program. ``detach`` starts it in a session of its own, so that neither Ctrl-C
nor the end of this process reaches it, and prints its process id.

Of root's rights the program keeps one, to open files whatever their mode (CAP_DAC_OVERRIDE): data
directories and virtual environments often lie below folders that only root may enter, and opening
those to everybody would be worse. Where the right can't be kept, the program does without.
"""

import ctypes
import os
import sys

_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION = 0x20080522
_CAP_DAC_OVERRIDE = 1


def main() -> None:
    """Do what the command line says."""
    mode, uid, gid, *command = sys.argv[1:]
    if mode == "detach":
        if pid := os.fork():
            print(pid)  # noqa: T201 - the answer that the caller reads
            return
        os.setsid()
        os.dup2(2, 1)
    if int(uid) != os.geteuid():
        _become(int(uid), int(gid))
    os.execv(command[0], command)  # noqa: S606 - the very purpose


def _become(uid: int, gid: int) -> None:
    linux = sys.platform == "linux"
    libc = ctypes.CDLL(None) if linux else None
    if libc:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if libc:
        _keep_file_access(libc)


def _keep_file_access(libc: ctypes.CDLL) -> None:
    mask = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    effective_permitted_inheritable = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    if libc.capset(header, effective_permitted_inheritable) == 0:
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


if __name__ == "__main__":
    main()
