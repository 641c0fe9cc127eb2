"""The log of a relay: whole behind its floor, and bounded."""

from collections.abc import Callable, Sequence

import pytest

from realtime.log import NEVER, Entry, Log, results_of
from tests.realtime.relaying import Rendering

GROUP = Rendering()
LARGE = b"x" * 2**14
QUARTER = b"x" * (2**14 - 2**8)
"""With what an entry takes by itself, a quarter of what a log holds."""


def entry(revision: int, known: int | None = None, payload: bytes = b"x") -> Entry:
    return Entry(revision - 1 if known is None else known, revision, revision, {GROUP: payload})


def log_of(*entries: Entry, latest_only: bool = False) -> Log:
    log = Log(latest_only=latest_only)
    for each in entries:
        log.extend([each])
    return log


def revisions(entries: Sequence[Entry] | None) -> list[int] | None:
    return None if entries is None else [each.revision for each in entries]


def test_a_log_that_is_empty_has_nothing_behind_anything() -> None:
    for latest_only in (False, True):
        assert revisions(Log(latest_only=latest_only).behind(0)) == []


def test_it_tells_what_is_behind_a_revision() -> None:
    log = log_of(entry(4), entry(6), entry(7))
    assert revisions(log.behind(3)) == [4, 6, 7]
    assert revisions(log.behind(5)) == [6, 7]
    assert revisions(log.behind(7)) == revisions(log.behind(9)) == []


def test_it_does_not_know_what_was_before_its_first_entry() -> None:
    log = log_of(entry(4))
    assert log.floor == 3
    assert log.behind(2) is None
    together = Log(latest_only=False)
    together.extend([entry(4), entry(5)])
    assert together.floor == 3


def test_it_forgets_the_oldest_where_it_is_too_much() -> None:
    log = log_of(*(entry(revision, payload=LARGE) for revision in range(1, 7)))
    assert log.floor == 3
    assert log.behind(2) is None
    assert revisions(log.behind(3)) == [4, 5, 6]
    log.extend([entry(7), entry(8)])
    assert revisions(log.behind(4)) == [5, 6, 7, 8]


def test_it_forgets_itself_for_what_is_too_much_alone() -> None:
    log = log_of(entry(1), entry(2, payload=LARGE * 5))
    assert log.floor == 2
    assert log.behind(1) is None
    assert revisions(log.behind(2)) == []


def test_renderings_of_all_groups_count() -> None:
    log = Log(latest_only=False)
    for revision in range(1, 4):
        log.extend([Entry(0, revision, None, {Rendering(): LARGE, Rendering(): LARGE})])
    assert log.behind(0) is None
    assert revisions(log.behind(2)) == [3]


def fresh() -> Log:
    return Log(latest_only=False)


def released() -> Log:
    log = log_of(entry(1, payload=LARGE), entry(2))
    log.release()
    return log


def lost() -> Log:
    log = log_of(entry(1, payload=LARGE), entry(2))
    log.lose(2)
    return log


@pytest.mark.parametrize("empty", [fresh, released, lost])
def test_it_holds_as_much_as_it_may_and_not_a_byte_more(empty: Callable[[], Log]) -> None:
    """Whatever it held before."""
    log = empty()
    last = entry(6, payload=QUARTER)
    for each in (*(entry(revision, payload=QUARTER) for revision in range(3, 6)), last):
        log.extend([each])
    assert log.floor == 2
    log.keep([last], Rendering(), [b"x"])
    assert log.floor == 3
    assert revisions(log.behind(3)) == [4, 5, 6]


def test_renderings_of_what_is_forgotten_by_then_do_not_count() -> None:
    forgotten = [entry(1), entry(2)]
    log = log_of(*forgotten)
    log.release()
    log.keep(forgotten, Rendering(), [LARGE * 5] * 2)
    log.extend([entry(3), entry(4)])
    assert revisions(log.behind(2)) == [3, 4]


def test_a_group_has_to_render_every_entry() -> None:
    log = log_of(entry(1), entry(2))
    both = log.behind(0)
    assert both is not None
    with pytest.raises(ValueError, match="shorter"):
        log.keep(both, Rendering(), [b"one"])


def test_what_is_rendered_for_nobody_is_bounded_too() -> None:
    log = log_of(*(Entry(revision - 1, revision, None) for revision in range(1, 10_001)))
    kept = log.behind(log.floor)
    assert kept is not None
    assert 0 < len(kept) < 1_000


def test_what_is_released_leaves_only_the_floor() -> None:
    log = log_of(entry(1), entry(2))
    log.release()
    assert log.floor == 2
    assert log.behind(1) is None
    log.release()
    assert log.floor == 2
    log.extend([entry(3)])
    assert revisions(log.behind(2)) == [3]


def test_what_is_lost_has_to_be_read_elsewhere() -> None:
    log = log_of(entry(1), entry(2))
    log.lose(5)
    assert log.behind(4) is None
    assert revisions(log.behind(5)) == []
    log.lose(3)
    assert log.floor == 5
    log.extend([entry(6)])
    assert revisions(log.behind(5)) == [6]


def test_it_knows_which_revisions_are_within_a_change() -> None:
    log = log_of(entry(1), entry(3, 1), entry(5, 1), entry(6))
    assert [log.is_within_a_change(revision) for revision in range(8)] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_the_newest_entry_stands_for_all_where_only_that_counts() -> None:
    log = log_of(entry(1), entry(2), entry(5, 2, LARGE * 5), latest_only=True)
    assert revisions(log.behind(0)) == revisions(log.behind(4)) == [5]
    assert revisions(log.behind(5)) == []
    assert not log.is_within_a_change(4)
    log.release()
    assert revisions(log.behind(0)) == [5]
    log.extend([entry(6), entry(7)])
    assert revisions(log.behind(0)) == [7]


def test_the_newest_entry_may_be_lost_as_well() -> None:
    log = log_of(entry(1), latest_only=True)
    log.lose(2)
    assert log.behind(1) is None
    assert revisions(log.behind(2)) == []
    assert log.floor == 2


def test_a_group_gets_its_own_renderings_or_none_at_all() -> None:
    other = Rendering()
    both = Entry(0, 1, None, {GROUP: b"mine", other: b"theirs"})
    one = Entry(1, 2, None, {GROUP: b"mine too"})
    assert results_of([both, one], GROUP) == [(b"mine", 1), (b"mine too", 2)]
    assert results_of([both, one], other) is None
    assert results_of([], other) == []


def test_nothing_is_behind_before_all_revisions() -> None:
    assert revisions(log_of(entry(0, NEVER)).behind(NEVER)) == [0]
