"""``cellhub`` commands as child processes of the demo."""

import asyncio
import os
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from hub.settings import PREFIX

_STOP_SECONDS = 20.0
_LINES = 10


class Command:
    """A command that runs, whatever is set outside; what it logs goes into a file."""

    def __init__(self, *arguments: str, variables: Mapping[str, str], log: Path) -> None:
        inherited = {name: at for name, at in os.environ.items() if not name.startswith(PREFIX)}
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [Path(sysconfig.get_path("scripts")) / "cellhub", *arguments],
                env={**inherited, **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                # Ctrl-C is for the demo, which ends its children in order.
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    async def line(self) -> str:
        """Return the next line that it prints; an empty one, without its end, once it is over."""
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        return await asyncio.to_thread(self._process.stdout.readline)

    def logged(self) -> str:
        """Return the end of what it has logged."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_LINES:])

    def end(self) -> int:
        """Have it end in order, wait, and return its exit code; kill it where it takes too long."""
        self._process.terminate()
        with self._process:
            try:
                return self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                return self._process.wait()
