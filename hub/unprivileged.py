"""Run a program as a user other than root, for PostgreSQL refuses to run as root.

usage: unprivileged.py wait|detach UID GID PROGRAM [ARGUMENT…]

``wait`` becomes the program. ``detach`` starts it in a session of its own, so that neither Ctrl-C
nor the end of this process reaches it, and prints its process id.

Where the user can't get at the program, or at its data (the argument behind -D), the program keeps
one of root's rights: to open files whatever their mode (CAP_DAC_OVERRIDE). Data directories and
virtual environments may lie below folders that only root may enter, and opening those to everybody
would be worse. But then who else runs as this user could get that right from the program: better
have both where all may pass. Where the right can't be kept, the program does without.
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
        _become(int(uid), int(gid), needs=_paths_of(command))
    os.execv(command[0], command)  # noqa: S606 - the very purpose


def _paths_of(command: list[str]) -> list[str]:
    data = command.index("-D") + 1 if "-D" in command else 0
    return [command[0], command[data]]


def _become(uid: int, gid: int, *, needs: list[str]) -> None:
    linux = sys.platform == "linux"
    libc = ctypes.CDLL(None) if linux else None
    if libc:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if libc and not all(os.access(path, os.X_OK) for path in needs):
        _keep_file_access(libc)


def _keep_file_access(libc: ctypes.CDLL) -> None:
    mask = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    effective_permitted_inheritable = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    if libc.capset(header, effective_permitted_inheritable) == 0:
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


if __name__ == "__main__":
    main()
