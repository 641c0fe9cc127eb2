"""Folders for uploads under way: each process has one, and what a killed one had goes."""

import subprocess
import sys
from pathlib import Path

from hub.spool import open_spool

_HOLD = """
import sys
from pathlib import Path
from hub.spool import open_spool
with open_spool(Path(sys.argv[1])) as spool:
    (spool / "0").write_bytes(b"half of an image")
    print(spool, flush=True)
    sys.stdin.read()
"""


def test_a_spool_is_gone_when_its_process_ends(tmp_path: Path) -> None:
    with open_spool(tmp_path / "uploads") as spool:
        (spool / "0").write_bytes(b"half of an image")
    assert list((tmp_path / "uploads").iterdir()) == []


def test_the_spool_of_a_process_that_was_killed_is_removed_by_the_next(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        theirs = Path(process.stdout.readline().strip())
        with open_spool(tmp_path) as ours:
            assert set(tmp_path.iterdir()) == {theirs, ours}
            process.kill()
            process.wait()
            with open_spool(tmp_path) as another:
                assert set(tmp_path.iterdir()) == {ours, another}
