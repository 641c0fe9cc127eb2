"""The last events of a relay, for those who did not take them yet."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from realtime.outlet import Group, Rendered

NEVER: Final = -1
"""A revision before all others."""

_MOST_BYTES: Final = 2**16
# An entry takes memory even where it is rendered for nobody.
_ENTRY_BYTES: Final = 2**8


@dataclass(slots=True)
class Entry:
    """An event, as it is for those who know all up to ``known``, and its renderings.

    It is ``last`` where nothing behind it is for those who know no more than that.
    """

    known: int
    revision: int
    event: Any
    payloads: dict[Group, bytes] = field(default_factory=dict)
    last: bool = True


def results_of(entries: Iterable[Entry], group: Group) -> list[Rendered] | None:
    """Return what the group gets of the entries; None where one is not rendered for it."""
    results = []
    for entry in entries:
        payload = entry.payloads.get(group)
        if payload is None:
            return None
        results.append((payload, entry.revision))
    return results


class Log:
    """Entries in order of revision, whole behind ``floor``, and bounded in bytes.

    With ``latest_only`` the newest entry stands for all before it: it is kept whatever its size, so
    that whoever comes or lags shares its renderings.
    """

    def __init__(self, *, latest_only: bool) -> None:
        self.floor = NEVER
        self._latest_only = latest_only
        self._entries: deque[Entry] = deque()
        self._bytes = 0

    def extend(self, entries: Sequence[Entry]) -> None:
        """Add entries; forget what is too much."""
        if self._latest_only:
            self._entries = deque(entries[-1:])
            return
        if self.floor == NEVER:
            self.floor = entries[0].known
        self._entries.extend(entries)
        self._bytes += sum(map(_taken, entries))
        self._forget_what_is_too_much()

    def keep(self, entries: Iterable[Entry], group: Group, payloads: Iterable[bytes]) -> None:
        """Add a group's renderings to those of the entries that are not forgotten."""
        for entry, payload in zip(entries, payloads, strict=True):
            if entry.revision > self.floor and group not in entry.payloads:
                entry.payloads[group] = payload
                self._bytes += len(payload)
        self._forget_what_is_too_much()

    def release(self) -> None:
        """Forget what is kept for those who lag: nobody does."""
        if self._entries and not self._latest_only:
            self.floor = self._entries[-1].revision
            self._entries.clear()
            self._bytes = 0

    def lose(self, revision: int) -> None:
        """Have whoever knows less than all up to the revision read it elsewhere."""
        last = self._entries[-1].revision if self._entries else NEVER
        self._entries.clear()
        self._bytes = 0
        self.floor = max(self.floor, revision, last)

    def behind(self, revision: int) -> Sequence[Entry] | None:
        """Return the entries behind the revision; None where some are forgotten."""
        if revision < self.floor:
            return None
        return [entry for entry in self._entries if entry.revision > revision]

    def is_within_a_change(self, revision: int) -> bool:
        """Tell whether an entry behind the revision is for those who know less."""
        return not self._latest_only and any(
            entry.known < revision < entry.revision for entry in self._entries
        )

    def _forget_what_is_too_much(self) -> None:
        while self._bytes > _MOST_BYTES and not self._latest_only:
            oldest = self._entries.popleft()
            self._bytes -= _taken(oldest)
            self.floor = oldest.revision
            # Somebody may be about to tell it still.
            oldest.payloads.clear()


def _taken(entry: Entry) -> int:
    return _ENTRY_BYTES + sum(map(len, entry.payloads.values()))
