"""Delivery by itself: members may begin at moments at which a relay has none begin."""

import asyncio

import pytest

from realtime.cohort import PORTION
from realtime.delivery import Delivery
from realtime.log import Entry
from realtime.member import Member
from realtime.tasks import Tasks
from tests.realtime.relaying import ADA, Reader, Rendering, a_room


def a_delivery(lost: list[object]) -> Delivery:
    """Return one that hands on every event, and notes who has lost some."""
    return Delivery(latest_only=False, start=Tasks().start, turn=asyncio.Lock(), lost=lost.append)


async def test_who_begins_while_an_event_is_rendered_for_others_gets_it_too() -> None:
    lost: list[object] = []
    delivery = a_delivery(lost)
    async with a_room() as room:
        relay = (await room.follower()).member._relay
        slow = Rendering(slow=True)
        slow.gate.clear()
        readers = [Reader(group) for group in (slow, slow, Rendering())]
        members = [Member(relay, ADA, reader, lost.append) for reader in readers]
        for member in members:
            delivery.hold(member)
            member.position = 0
        delivery.revision = 0
        delivery.begin(members[0])
        delivery.push([Entry(0, 1, "event")])
        for member in members[1:]:
            delivery.begin(member)
        assert await readers[2].until(1) == [1]
        assert readers[0].revisions == readers[1].revisions == []
        slow.gate.set()
        for reader in readers:
            assert await reader.until(1) == [1]
        assert slow.rendered == ["event"]
        assert lost == []


async def test_who_begins_within_a_burst_gets_the_rest_of_it() -> None:
    lost: list[object] = []
    delivery = a_delivery(lost)
    async with a_room() as room:
        relay = (await room.follower()).member._relay
        readers = [Reader(room.group) for _ in range(3)]
        for position, reader in enumerate(readers):
            member = Member(relay, ADA, reader, lost.append)
            member.position = 2 * position
            delivery.hold(member)
            delivery.begin(member)
        await delivery.push_each(
            [(revision, revision) for revision in range(1, 5)], 0, 6, more=False
        )
        assert [reader.revisions for reader in readers] == [[1, 2, 3, 4], [3, 4], []]
        assert delivery.revision == 6
        assert lost == []


async def test_who_was_parted_while_it_took_no_more_is_not_disturbed_once_it_does() -> None:
    lost: list[object] = []
    delivery = a_delivery(lost)
    async with a_room() as room:
        relay = (await room.follower()).member._relay
        reader = Reader(room.group, room=0)
        member = Member(relay, ADA, reader, lost.append)
        delivery.revision = member.position = 0
        delivery.hold(member)
        delivery.begin(member)
        delivery.push([Entry(0, 1, 1)])
        delivery.hold(member)
        delivery.revision = member.position = 1
        delivery.begin(member)
        reader.drain()
        delivery.push([Entry(1, 2, 2)])
        assert reader.revisions == [2]
        assert delivery.followers() == [member]
        assert lost == []


@pytest.mark.parametrize(
    ("count", "portion"), [(1, PORTION), (300, PORTION), (2_000, 2), (5_001, 1)]
)
async def test_the_more_there_are_to_tell_the_fewer_events_they_are_told_in_one_go(
    count: int, portion: int
) -> None:
    lost: list[object] = []
    delivery = a_delivery(lost)
    delivery.revision = 0
    async with a_room() as room:
        relay = (await room.follower()).member._relay
        readers = [Reader(room.group) for _ in range(count)]
        for reader in readers:
            member = Member(relay, ADA, reader, lost.append)
            member.position = 0
            delivery.hold(member)
            delivery.begin(member)
        last = 2 * portion
        events = [(revision, revision) for revision in range(1, last + 1)]
        await delivery.push_each(events, 0, last, more=False)
        assert max(len(each) for each in room.group.calls) == portion
        assert all(reader.revisions == list(range(1, last + 1)) for reader in readers)
