"""Segmenters that try a worker's patience. A worker finds them with this folder on PYTHONPATH."""

import os
import signal
import time
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from worker.pictures import Picture
from worker.segmenters.base import BadImage, Labels, Report, SegmenterUnavailable

GATE = "TRYING_GATE"
"""The variable with the path for which ``gated`` waits."""


class Trying:
    """Finds one cell: the whole picture."""

    name = "trying"
    version = "1.0"

    def parameters(self, threshold: float | None) -> dict[str, Any]:
        return {"threshold": threshold}

    def segment(self, picture: Picture, *, threshold: float | None, report: Report) -> Labels:
        self.try_out(picture, report)
        return np.ones((picture.height, picture.width), np.int32)

    def try_out(self, picture: Picture, report: Report) -> None:
        """Do what is trying."""


class Gated(Trying):
    """Goes on when the gate's file is there, and reports meanwhile."""

    def try_out(self, picture: Picture, report: Report) -> None:
        report(0.5)
        while not Path(os.environ[GATE]).exists():
            report(0.5)
            time.sleep(0.01)


class Chatty(Trying):
    """Reports something new all the time, until the gate's file is there."""

    def try_out(self, picture: Picture, report: Report) -> None:
        done = 0.0
        while not Path(os.environ[GATE]).exists():
            done += 0.0001
            report(done)
            time.sleep(0.01)


class Endless(Trying):
    """Never ends, and never reports again: it can't be asked to stop."""

    def try_out(self, picture: Picture, report: Report) -> None:
        report(0.25)
        while True:
            time.sleep(60)


class Stubborn(Trying):
    """Takes what ``report`` raises for an error of its own that it may survive."""

    def try_out(self, picture: Picture, report: Report) -> None:
        while True:
            try:
                report(0.1)
                time.sleep(0.01)
            except Exception:  # noqa: BLE001
                continue


class Picky(Trying):
    def try_out(self, picture: Picture, report: Report) -> None:
        raise BadImage("There is nothing to be seen.")


class Raising(Trying):
    def try_out(self, picture: Picture, report: Report) -> None:
        raise ValueError("a secret of the worker's machine")


class Greedy(Trying):
    def try_out(self, picture: Picture, report: Report) -> None:
        np.zeros(2**60, np.uint8)


class Killed(Trying):
    """Ends as the kernel ends whoever takes too much memory."""

    def try_out(self, picture: Picture, report: Report) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Crashing(Trying):
    def try_out(self, picture: Picture, report: Report) -> None:
        print("trying prints something", flush=True)  # noqa: T201
        os.kill(os.getpid(), signal.SIGSEGV)


class Scattered(Trying):
    """Returns what no segmenter may: a cell in two parts."""

    def segment(self, picture: Picture, *, threshold: float | None, report: Report) -> Labels:
        labels = np.zeros((picture.height, picture.width), np.int32)
        labels[0, 0] = labels[-1, -1] = 1
        return labels


class Many(Trying):
    """Finds a cell in every second pixel of every second row: more than a call can hold."""

    def segment(self, picture: Picture, *, threshold: float | None, report: Report) -> Labels:
        labels = np.zeros((picture.height, picture.width), np.int32)
        labels[::2, ::2] = np.arange(1, labels[::2, ::2].size + 1).reshape(labels[::2, ::2].shape)
        return labels


def lacking() -> NoReturn:
    raise SegmenterUnavailable("It needs the package 'nowhere'.")


def toxic() -> NoReturn:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError
