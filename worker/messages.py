"""What a worker and its segmenting processes tell each other, as lines of JSON."""

from typing import Any

from msgspec import Struct

from worker.failures import Failure


class ListModels(Struct, frozen=True, tag=True):
    """Ask which segmenters are installed, those that lack something included."""


class Check(Struct, frozen=True, tag=True):
    """Ask whether a segmenter can run here."""

    model: str


class Order(Struct, frozen=True, kw_only=True, tag=True):
    """Ask to segment the image file ``picture``; the GeoJSON goes to the path ``outlines``."""

    model: str
    threshold: float | None
    picture: str
    outlines: str


class Stop(Struct, frozen=True, tag=True):
    """Ask to leave off with the order that is worked on."""


class Ready(Struct, frozen=True, tag=True):
    """The first word of a process: it has begun."""


class Models(Struct, frozen=True, tag=True):
    """The names of all segmenters that are installed."""

    names: list[str]


class Available(Struct, frozen=True, tag=True):
    """A segmenter that can run here."""

    version: str


class Unavailable(Struct, frozen=True, tag=True):
    """A segmenter that can't run here, and what it lacks."""

    reason: str


class Progress(Struct, frozen=True, tag=True):
    """The share of an order that is done, 0 to 1. Not the last that is said of it."""

    done: float


class Found(Struct, frozen=True, kw_only=True, tag=True):
    """An order is done: how many cells there are, and what found them in how many seconds."""

    cells: int
    seconds: float
    version: str
    parameters: dict[str, Any]


class Missed(Struct, frozen=True, tag=True):
    """An order has failed; ``trace`` is the traceback, for the worker's own log."""

    failure: Failure
    trace: str = ""


class Stopped(Struct, frozen=True, tag=True):
    """An order was left off, as told."""


Request = ListModels | Check | Order | Stop
Answer = Models | Available | Unavailable | Found | Missed | Stopped
Reply = Ready | Progress | Answer
