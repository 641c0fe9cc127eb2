"""What was acknowledged, and hence has to be there in the end."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from tests.faults.model import GONE, Violation
from tests.faults.truth import Truth

NO_ROLE = "none"
_PATIENCE_SECONDS = 30.0
_NEVER = math.inf

K = TypeVar("K")
V = TypeVar("V")


class Ledger:
    """The outcomes of mutations.

    ``acknowledged`` counts those that succeeded, the last of them at ``latest`` (as of
    ``time.monotonic``); ``failures`` counts the others by what their caller got to see. Where
    nobody knows what came of one of those, what it wanted is noted as one more possibility.
    """

    def __init__(self) -> None:
        self.acknowledged = 0
        self.latest = 0.0
        self.failures: Counter[str] = Counter()
        self._failed: list[tuple[float, float, str]] = []
        self._images: dict[tuple[str, str], set[str]] = {}
        self._projects: dict[str, set[bool]] = {}
        self._roles: dict[tuple[str, str], set[str]] = {}
        self._revisions: dict[str, set[int]] = {}
        self._shut_out: dict[tuple[str, str], list[tuple[int, float]]] = {}
        self._news = asyncio.Event()

    def acknowledge(self) -> None:
        """Note that a mutation has succeeded."""
        self.acknowledged += 1
        self.latest = time.monotonic()
        self._news.set()

    def fail(self, what: str, began: float) -> None:
        """Note that a mutation has failed, and how, and when it began."""
        self.failures[what] += 1
        self._failed.append((began, time.monotonic(), what))
        self._news.set()

    def broken_off(self, moment: float) -> list[str]:
        """Return how those mutations failed that were under way at this moment."""
        return [what for began, ended, what in self._failed if began < moment < ended]

    def happened(self, project: str, revisions: Iterable[int]) -> None:
        """Note revisions that changes of a project were acknowledged with."""
        self._revisions.setdefault(project, set()).update(revisions)

    def image(self, project: str, image: str, status: str, *, sure: bool = True) -> None:
        """Note what an image has become, or may have."""
        _note(self._images, (project, image), status, sure)

    def project(self, project: str, exists: bool, *, sure: bool = True) -> None:
        """Note whether a project exists now, or may."""
        _note(self._projects, project, exists, sure)

    def sharing(self, project: str, user: str) -> None:
        """Note that somebody is about to be let in: from now on they may be told everything."""
        periods = self._shut_out.setdefault((project, user), [(1, _NEVER)])
        since, until = periods[-1]
        periods[-1] = since, min(until, time.monotonic())

    def shared(self, project: str, user: str, role: str, revision: int) -> None:
        """Note that somebody was let in, as of a revision."""
        self.happened(project, [revision])
        _note(self._roles, (project, user), role, True)

    def revoked(self, project: str, user: str, revision: int) -> None:
        """Note that somebody was shut out, as of a revision."""
        self.happened(project, [revision])
        _note(self._roles, (project, user), NO_ROLE, True)
        self._shut_out[(project, user)].append((revision, _NEVER))

    def perhaps(self, project: str, user: str, role: str) -> None:
        """Note that somebody may have got this role, or none."""
        _note(self._roles, (project, user), role, False)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds for the ledger."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def newest(self, project: str) -> int:
        """Return the newest revision of a project that was acknowledged."""
        return max(self._revisions[project])

    def check(self, truth: Truth) -> None:
        """Hold the ledger against what there is. Raises Violation."""
        for (project, image), statuses in self._images.items():
            status, _ = truth.images[project].get(image, (GONE, 0))
            if status not in statuses:
                raise Violation(f"{image} is {status}, and should be {' or '.join(statuses)}")
        for project, exists in self._projects.items():
            if (project in truth.stats) not in exists:
                raise Violation(f"{project} exists: {project in truth.stats}")
        for (project, user), roles in self._roles.items():
            role = truth.visible.get(user, {}).get(project, NO_ROLE)
            if role not in roles:
                raise Violation(f"{user} has the role {role}, and should have {' or '.join(roles)}")
        self._check_log(truth)

    def check_secrets(self, project: str, user: str, told: Mapping[int, float]) -> None:
        """Hold what somebody was told of which revision, when, against when they were shut out."""
        for since, until in self._shut_out.get((project, user), ()):
            if leaked := [number for number, at in told.items() if number >= since and at < until]:
                raise Violation(f"{user} was shut out as of {since}, and told of {leaked}")

    def _check_log(self, truth: Truth) -> None:
        for project, revisions in self._revisions.items():
            log = truth.log[project]
            logged = {number for since, last in log for number in range(since + 1, last + 1)}
            if lost := revisions - logged:
                raise Violation(f"{project}: lost what was acknowledged: {sorted(lost)}")
            if [since for since, _ in log] != [0, *(last for _, last in log[:-1])]:
                raise Violation(f"{project}: the log has gaps: {log}")


def _note(notes: dict[K, set[V]], key: K, value: V, sure: bool) -> None:
    if sure:
        notes[key] = {value}
    else:
        notes.setdefault(key, set()).add(value)
