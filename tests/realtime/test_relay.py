"""Relays: one rendering of an event for all that get it alike, to each behind where it stands."""

import asyncio

import pytest

from realtime.feed import SourceAway
from realtime.view import Reason
from tests.realtime.ledger import Change, Ledger
from tests.realtime.relaying import Reader, Rendering, a_room


async def test_an_event_is_rendered_once_for_each_group() -> None:
    async with a_room() as room:
        one, other = Rendering("one:"), Rendering("other:")
        followers = [await room.follower(group=group) for group in (one, other, one, one, other)]
        await room.commit()
        await room.commit(3)
        await asyncio.gather(*(follower.reader.until(4) for follower in followers))
        assert one.rendered == other.rendered == [1, 2, 3, 4]
        for follower in followers:
            name = follower.reader.group.name
            assert follower.reader.told == [(n, f"{name}{n}") for n in (1, 2, 3, 4)]
        assert len(room.relays) == 1


async def test_a_group_that_nobody_belongs_to_any_more_is_not_rendered_for() -> None:
    async with a_room() as room:
        gone = Rendering()
        await room.follower()
        leaving = await room.follower(group=gone)
        await room.commit()
        leaving.member.leave()
        await room.commit()
        assert gone.rendered == [1]
        assert room.group.rendered == [1, 2]


async def test_nothing_is_sent_before_a_member_says_where_it_stands() -> None:
    async with a_room() as room:
        joined = await room.join()
        await room.commit()
        assert joined.revisions == []
        assert room.group.rendered == []


async def test_a_member_gets_what_came_since_its_revision_and_nothing_twice() -> None:
    async with a_room() as room:
        first = await room.follower()
        late = await room.join()
        for _ in range(4):
            await room.commit()
        late.follow(2)
        assert late.revisions == [3, 4]
        await room.commit()
        assert late.revisions == [3, 4, 5]
        assert first.revisions == [1, 2, 3, 4, 5]
        assert room.group.rendered == [1, 2, 3, 4, 5]


async def test_a_member_that_is_ahead_of_the_relay_gets_only_what_is_news_to_it() -> None:
    async with a_room() as room:
        first = await room.follower()
        changes = [room.ledger.commit(room.topic) for _ in range(3)]
        ahead = await room.follower()
        for change in changes:
            room.world.publish(room.topic, change)
        await room.heard()
        assert ahead.revisions == []
        await room.commit()
        assert ahead.revisions == [4]
        assert first.revisions == [1, 2, 3, 4]


async def test_a_member_at_the_relays_revision_gets_what_comes_next() -> None:
    async with a_room() as room:
        await room.follower()
        await room.commit()
        at = await room.follower()
        await room.commit()
        assert at.revisions == [2]
        assert at.undisturbed


async def test_a_member_of_a_new_group_gets_what_came_before_it_followed() -> None:
    async with a_room() as room:
        await room.follower()
        other = await room.join(group=Rendering("other:"))
        await room.commit()
        other.follow(0)
        await room.commit()
        await other.reader.until(2)
        assert other.reader.told == [(1, "other:1"), (2, "other:2")]
        assert other.undisturbed


async def test_a_member_whose_revision_is_within_a_change_is_behind() -> None:
    """What a change did to an item is said for those who know all before it, or all of it."""
    async with a_room() as room:
        first = await room.follower()
        late = await room.join()
        await room.commit(3)
        await first.reader.until(3)
        late.follow(2)
        assert await late.reason() is Reason.BEHIND
        late.follow()
        await room.commit()
        assert late.revisions == [4]


async def test_a_member_that_stood_within_a_change_before_it_came_is_behind() -> None:
    """A repair tells at once what was lost, and a member may have read some of that for itself."""
    async with a_room() as room:
        first = await room.follower()
        room.ledger.commit(room.topic)
        ahead = await room.follower()
        room.ledger.commit(room.topic)
        await room.commit()
        assert await first.reader.until(3) == [1, 2, 3]
        parting = await ahead.parted()
        assert (parting.reason, parting.revision) == (Reason.BEHIND, 1)
        assert ahead.revisions == []
        ahead.follow()
        await room.commit()
        assert ahead.revisions == [4]
        assert first.undisturbed


async def test_a_relay_reads_nothing_as_long_as_nothing_is_lost() -> None:
    async with a_room() as room:
        followers = await room.followers(3)
        for count in (1, 5, 2):
            await room.commit(count)
        await followers[0].reader.until(8)
        assert room.ledger.pages == []
        assert room.ledger.audience_questions == 0


async def test_what_is_over_is_told_to_all_with_the_change_that_ended_it() -> None:
    async with a_room() as room:
        follower = await room.follower()
        joined = await room.join()
        await room.commit()
        last = room.ledger.remove(room.topic)
        room.world.publish(room.topic, last)
        parting = await follower.parted()
        assert (parting.reason, parting.change, parting.revision) == (Reason.GONE, last, 1)
        joined.member.follow(0, 0)
        parting = await joined.parted()
        assert (parting.reason, parting.change, parting.revision) == (Reason.GONE, None, 0)
        assert follower.undisturbed


async def test_a_topic_that_does_not_exist_is_gone_for_whoever_follows_it() -> None:
    async with a_room() as room:
        room.topic = Ledger().create()
        follower = await room.join()
        follower.member.follow(7, 0)
        assert await follower.reason() is Reason.GONE


async def test_a_topic_found_gone_ends_the_relay() -> None:
    async with a_room() as room:
        follower = await room.follower()
        room.ledger.remove(room.topic)
        await room.world.feeds.reconcile()
        assert await follower.reason() is Reason.GONE


async def test_nobody_joins_while_the_database_is_away_and_nothing_remains_of_the_attempt() -> None:
    async with a_room() as room:
        room.ledger.away = True
        with pytest.raises(SourceAway):
            await room.join()
        assert len(room.relays) == len(room.world.feeds) == 0
        room.ledger.away = False
        follower = await room.follower()
        await room.commit()
        assert follower.revisions == [1]


async def test_each_key_has_a_relay_of_its_own() -> None:
    async with a_room() as room:
        first = await room.follower()
        room.topic = room.ledger.create()
        second = await room.follower(reader=Reader(Rendering()))
        await room.commit()
        assert (first.revisions, second.revisions) == ([], [1])
        assert len(room.relays) == 2


async def test_an_empty_change_moves_the_relay_and_is_told_to_nobody() -> None:
    async with a_room() as room:
        follower = await room.follower()
        room.ledger.commit(room.topic)
        room.world.publish(room.topic, Change(0, 1, ()))
        await room.commit()
        assert follower.revisions == [2]
