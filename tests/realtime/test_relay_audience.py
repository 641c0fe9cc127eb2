"""Who may follow a topic is found out before a change is told that knows more of it than others."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from realtime.view import Reason
from tests.realtime.relaying import ADA, BEN, CLEO, MOMENT, Rendering, Room, a_room


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with a_room() as opened:
        opened.world.admit(opened.topic, ADA, BEN, CLEO)
        await opened.heard()
        yield opened


async def test_the_audience_is_asked_for_once_for_all_before_anybody_is_told(room: Room) -> None:
    followers = [await room.follower(user) for user in (ADA, BEN, CLEO, ADA)]
    room.ledger.relays_gate.clear()
    room.world.admit(room.topic, ADA, BEN, CLEO)
    await room.commit()
    assert [follower.revisions for follower in followers] == [[]] * 4
    assert room.group.rendered == []
    room.ledger.relays_gate.set()
    for follower in followers:
        assert await follower.reader.until(3) == [2, 3]
    assert room.ledger.audience_questions == 1


async def test_who_is_missing_is_shut_out_with_that_change_and_told_nothing_after_it(
    room: Room,
) -> None:
    ada, ben, cleo = [await room.follower(user) for user in (ADA, BEN, CLEO)]
    await room.commit()
    change = room.world.admit(room.topic, ADA, CLEO)
    last = await room.commit(3)
    for follower in (ada, cleo):
        assert await follower.reader.until(last) == [2, 3, 4, 5, 6]
        assert follower.undisturbed
    parting = await ben.parted()
    assert (parting.reason, parting.change, parting.revision) == (Reason.SHUT_OUT, change, 2)
    assert ben.revisions == [2]


async def test_who_lags_is_shut_out_as_well_and_gets_nothing_more_when_it_can_take_it(
    room: Room,
) -> None:
    ada, ben = await room.follower(ADA), await room.follower(BEN)
    ben.reader.room = 1
    await room.commit()
    await room.commit()
    change = room.world.admit(room.topic, ADA)
    await room.commit()
    await ada.reader.until(5)
    parting = await ben.parted()
    assert (parting.reason, parting.change, parting.revision) == (Reason.SHUT_OUT, change, 2)
    ben.reader.drain()
    await room.commit()
    assert ben.revisions == [2]


@pytest.mark.parametrize("slow", [False, True])
async def test_nothing_that_waits_for_its_rendering_reaches_who_is_shut_out_behind_it(
    room: Room, slow: bool
) -> None:
    group = Rendering(slow=slow)
    ada, ben = await room.follower(ADA, group=group), await room.follower(BEN, group=group)
    group.gate.clear()
    await room.commit()
    room.world.admit(room.topic, ADA)
    await room.commit()
    group.gate.set()
    assert await ada.reader.until(4) == [2, 3, 4]
    assert (await ben.parted()).reason is Reason.SHUT_OUT
    assert ben.revisions == ([] if slow else [2])


async def test_the_question_is_repeated_until_the_database_is_back(room: Room) -> None:
    ada, ben = await room.follower(ADA), await room.follower(BEN)
    room.ledger.away = True
    room.world.admit(room.topic, ADA)
    await room.commit()
    async with asyncio.timeout(MOMENT):
        while room.ledger.audience_questions < 3:
            room.ledger.relays_asked.clear()
            await room.ledger.relays_asked.wait()
    assert ada.revisions == ben.revisions == []
    room.ledger.away = False
    assert await ada.reader.until(3) == [2, 3]
    assert await ben.reason() is Reason.SHUT_OUT
    assert ben.revisions == []


async def test_who_was_checked_before_the_audience_that_the_relay_knows_is_behind(
    room: Room,
) -> None:
    await room.follower(ADA)
    late = await room.join(BEN)
    room.world.admit(room.topic, ADA)
    await room.commit()
    await room.done()
    late.member.follow(1, 1)
    parting = await late.parted()
    assert (parting.reason, parting.revision) == (Reason.BEHIND, 1)
    assert late.revisions == []


async def test_who_was_checked_before_what_came_while_nobody_followed_is_behind(
    room: Room,
) -> None:
    """There was nobody to ask for."""
    late = await room.join(BEN)
    change = room.ledger.admit(room.topic, ADA)
    room.world.publish(room.topic, replace(change, items=()))
    await room.heard()
    assert room.ledger.audience_questions == 0
    late.member.follow(1, 1)
    assert await late.reason() is Reason.BEHIND


async def test_who_says_where_it_stands_while_the_audience_is_asked_for_has_to_be_in_it(
    room: Room,
) -> None:
    ada, joined = await room.follower(ADA), await room.join(BEN)
    late = await room.join(CLEO)
    room.ledger.relays_gate.clear()
    room.world.admit(room.topic, ADA, CLEO)
    await room.heard()
    joined.member.follow(1, 1)
    late.member.follow(2, 2)
    room.ledger.relays_gate.set()
    await ada.reader.until(2)
    assert await joined.reason() is Reason.BEHIND
    await room.commit()
    assert (joined.revisions, late.revisions) == ([], [3])


async def test_who_is_let_in_again_before_anybody_asked_goes_on(room: Room) -> None:
    ben = await room.follower(BEN)
    room.ledger.relays_gate.clear()
    room.world.admit(room.topic, ADA)
    room.world.admit(room.topic, ADA, BEN)
    await room.commit()
    room.ledger.relays_gate.set()
    assert await ben.reader.until(4) == [2, 3, 4]
    assert ben.undisturbed
    assert room.ledger.audience_questions == 1


async def test_who_was_shut_out_by_a_later_change_gets_nothing_from_the_first_on(
    room: Room,
) -> None:
    """What was told of the audience is then newer than the change that made the relay ask."""
    ada, ben = await room.follower(ADA), await room.follower(BEN)
    room.ledger.relays_gate.clear()
    room.world.admit(room.topic, ADA, BEN)
    room.world.admit(room.topic, ADA)
    await room.commit()
    room.ledger.relays_gate.set()
    assert await ada.reader.until(4) == [2, 3, 4]
    parting = await ben.parted()
    assert parting.reason is Reason.SHUT_OUT
    assert ben.revisions == []
    # It is not the change that did it.
    assert parting.change is None


async def test_who_has_read_more_than_the_relay_is_not_shut_out_by_an_older_change(
    room: Room,
) -> None:
    """Revisions rise for everybody, whatever a follower knew before."""
    await room.follower(ADA)
    first = room.ledger.admit(room.topic, ADA, BEN)
    await room.heard()
    ben = await room.follower(BEN)
    second = room.ledger.admit(room.topic, ADA)
    for change in (first, second):
        room.world.publish(room.topic, change)
    parting = await ben.parted()
    assert parting.reason is Reason.SHUT_OUT
    assert parting.change is None or parting.change.revision > parting.revision


async def test_a_topic_that_is_gone_when_its_audience_is_asked_for_ends_with_its_last_change(
    room: Room,
) -> None:
    ada = await room.follower(ADA)
    room.ledger.relays_gate.clear()
    room.world.admit(room.topic, ADA, BEN)
    await room.heard()
    last = room.ledger.remove(room.topic)
    room.world.publish(room.topic, last)
    await room.heard()
    room.ledger.relays_gate.set()
    parting = await ada.parted()
    assert (parting.reason, parting.change) == (Reason.GONE, last)
    assert ada.revisions == []


async def test_a_topic_that_is_gone_behind_more_than_is_kept_ends_with_its_last_change() -> None:
    async with a_room(mailbox_limit=3) as room:
        ada = await room.follower(ADA)
        room.ledger.relays_gate.clear()
        for _ in range(5):
            room.world.admit(room.topic, ADA)
        last = room.ledger.remove(room.topic)
        room.world.publish(room.topic, last)
        await room.heard()
        room.ledger.relays_gate.set()
        parting = await ada.parted()
        assert (parting.reason, parting.change) == (Reason.GONE, last)
        assert ada.revisions == []


async def test_a_reading_shuts_out_before_it_tells(room: Room) -> None:
    """Of a change of the audience no message told: it is found with what is read."""
    ada, ben = await room.follower(ADA), await room.follower(BEN)
    room.ledger.most_repaired = 0
    room.ledger.page_size = 2
    room.ledger.admit(room.topic, ADA)
    await room.commit(5)
    assert await ada.reader.until(7) == [2, 3, 4, 5, 6, 7]
    parting = await ben.parted()
    assert (parting.reason, parting.revision) == (Reason.SHUT_OUT, 1)
    assert ben.revisions == []


async def test_who_is_shut_out_between_two_pages_gets_no_more_of_them(room: Room) -> None:
    room.ledger.most_repaired = 0
    room.ledger.page_size = 2
    ada, ben = await room.follower(ADA), await room.follower(BEN)
    pages = room.relays._read
    assert pages is not None

    async def page(key: object, since: int, known: int) -> object:
        found = await pages(key, since, known)
        if since == 1:
            room.ledger.admit(room.topic, ADA)
        return found

    for relay in room.relays._relays.values():
        relay._read_events = page  # type: ignore[assignment]
    await room.commit(5, bare=True)
    assert await ada.reader.until(7) == [2, 3, 4, 5, 6, 7]
    assert await ben.reason() is Reason.SHUT_OUT
    assert ben.revisions == [2, 3]


async def test_followers_that_came_after_the_change_need_not_be_asked_for_again(
    room: Room,
) -> None:
    await room.follower(ADA)
    room.world.admit(room.topic, ADA, BEN)
    await room.commit()
    await room.done()
    ben = await room.follower(BEN)
    await room.commit()
    assert ben.revisions == [4]
    assert room.ledger.audience_questions == 1


async def test_what_changes_nothing_about_the_audience_asks_nobody(room: Room) -> None:
    ada = await room.follower(ADA)
    for count in (1, 3, 1):
        await room.commit(count)
    assert await ada.reader.until(6) == [2, 3, 4, 5, 6]
    assert room.ledger.audience_questions == 0
