"""Runs the demo: ``python -m hub.demo``.

It draws what was found into ``.cellhub/demo`` in the current folder, and leaves nothing else. It
ends with 0 if what both people were told adds up to what the database holds, and with 1 if not.
With ``--picture docs/pictures/demo.svg`` it draws the picture in the README.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from client.errors import ClientError
from hub.demo import picture
from hub.demo.failure import DemoFailed
from hub.demo.performance import Outcome, perform
from hub.demo.serving import running_hub
from hub.demo.table import Board

_INTERRUPTED = 130  # as shells have it


def main() -> int:
    """Run the demo and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m hub.demo", description="Run the demo.")
    parser.add_argument("--picture", type=Path, help="draw what it prints, in part, as SVG")
    target = parser.parse_args().picture
    console = Console(highlight=False, record=target is not None)
    status = _run(Board(console))
    if target is not None:
        picture.draw(console, target)
    return status


def _run(board: Board) -> int:
    began = time.monotonic()
    try:
        outcome = asyncio.run(_demo(board))
    except (KeyboardInterrupt, asyncio.CancelledError):
        board.verdict(["Interrupted. The demo's hub and worker are stopped."], is_good=False)
        return _INTERRUPTED
    except (DemoFailed, ClientError) as error:
        outcome = Outcome([str(error)])
    if outcome.findings:
        board.verdict(["It does not add up:", *outcome.findings], is_good=False)
        return 1
    board.percentiles()
    board.drawn(outcome.drawn)
    seconds = time.monotonic() - began
    board.verdict(
        [
            f"It adds up: {board.events} events told Ada and Ben what the database holds, in"
            f" {seconds:.1f} s.",
            "Revisions rose strictly in every stream. Numbers, images and dashboards equal fresh"
            " queries, and the rows counted.",
            "Nothing reached Ben after his access ended, nor his worker.",
        ],
        is_good=True,
    )
    return 0


async def _demo(board: Board) -> Outcome:
    demo = asyncio.current_task()
    if demo is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, demo.cancel)
    with tempfile.TemporaryDirectory(prefix="cellhub-demo-") as name:
        folder = Path(name)
        board.head()
        board.tell("A hub starts, on a free port, with an empty database.")
        async with running_hub(folder) as hub:
            board.tell(f"The hub is ready at {hub.url}; Ada and Ben sign up.")
            return await perform(hub, folder, board)


if __name__ == "__main__":
    sys.exit(main())
