"""What followers see of a topic, and why they may stop seeing it."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeAlias, TypeVar
from uuid import UUID

C_contra = TypeVar("C_contra", contravariant=True)

Events: TypeAlias = Sequence[tuple[int, Any]]
"""Events with their revisions, rising."""

Ask: TypeAlias = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""Puts a question to the database, again and again until it is answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Audience:
    """Who may follow a topic, as of the latest change of that."""

    revision: int
    users: Collection[UUID]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What was read of a topic: events up to ``revision``, and who may follow it at that moment.

    ``more`` follows behind.
    """

    events: Events
    revision: int
    more: bool
    audience: Audience


@dataclass(frozen=True, kw_only=True, slots=True)
class Remarks:
    """What asides were about, as it is at one moment: events that have no revision of their own.

    ``audience_revision`` is that of the latest change of who may follow the topic.
    """

    events: Sequence[Any]
    audience_revision: int


Read: TypeAlias = Callable[[Any, int, int], Awaitable[Page | None]]
"""Reads a key's events behind a revision, for those who know all up to another; None where gone."""

ReadAsides: TypeAlias = Callable[[Any, Collection[UUID], int], Awaitable[Remarks | None]]
"""Reads what asides about these subjects of a key are about; None where the topic is gone.

It is for those who know all up to a revision, which the events bear: what is of a later one, they
are yet to be told.
"""

Concerns: TypeAlias = Callable[[Any, UUID], bool]
"""Tells whether an aside about a subject is of interest to those who follow a key."""


class View(Protocol[C_contra]):
    """What a relay makes of its topic's changes."""

    def events(self, key: Any, change: C_contra, known: int) -> Events | None:
        """Return the events behind revision ``known``; None where they have to be read."""
        ...

    def is_last(self, change: C_contra) -> bool:
        """Tell whether the topic is gone with this change."""
        ...

    def audience_revision(self, change: C_contra) -> int:
        """Return as of which revision the change knows who may follow the topic."""
        ...

    async def audience(self, key: Any) -> Audience | None:
        """Read who may follow the topic now; None where it is gone.

        What is raised is taken for a passing trouble.
        """
        ...


class Reason(Enum):
    """Why a follower can't go on following."""

    GONE = "The topic no longer exists."
    SHUT_OUT = "The user may not follow the topic any more."
    BEHIND = "What comes next isn't at hand, or whether it may be told: read it."


@dataclass(frozen=True, slots=True)
class Parting:
    """A follower was parted from what it followed: why, and by which change if that is known.

    ``revision`` is the last one that it was sent. What is behind that is for those who know all up
    to ``known``.
    """

    member: object
    key: Any
    reason: Reason
    revision: int
    known: int
    change: Any = None
