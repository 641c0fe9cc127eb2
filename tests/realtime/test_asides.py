"""Asides: told now or not at all, to those who know all else, and to nobody who may not hear."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import msgspec
import pytest

from realtime import asides
from realtime.cohort import SLICE_SECONDS
from realtime.feeds import Feeds
from realtime.relays import Relays
from realtime.view import Concerns, Reason, Remarks
from realtime.watch import Aside
from tests.realtime.hearing import everything_heard
from tests.realtime.ledger import Change, World, a_world, is_last, lacks_items
from tests.realtime.relaying import ADA, BEN, MOMENT, Items, Reader, Rendering, Room

SUBJECT = UUID(int=7)


class Whispering(Room):
    """A topic of which asides tell; what they are about is a text, read from ``notes``."""

    def __init__(self, world: World, relays: Relays[Change]) -> None:
        super().__init__(world, relays)
        self.group.wants_asides = True

    async def whisper(self, subject: UUID = SUBJECT) -> None:
        self.world.bus.publish(f"toy:{self.topic}", subject.hex)
        await everything_heard(self.world.bus)


class Notes:
    """What asides are about, and the questions that were asked about it."""

    def __init__(self) -> None:
        self.texts: dict[UUID, str] = {}
        self.audience_revision = 0
        self.asked: list[tuple[set[UUID], int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.reading = asyncio.Event()

    async def read(self, _key: UUID, subjects: Collection[UUID], revision: int) -> Remarks | None:
        self.asked.append((set(subjects), revision))
        self.reading.set()
        await self.gate.wait()
        told = [f"{self.texts[each]}@{revision}" for each in subjects if each in self.texts]
        return Remarks(events=told, audience_revision=self.audience_revision)


def decode(message: str) -> Change | Aside:
    if message.startswith("{"):
        return msgspec.json.decode(message, type=Change)
    return Aside(UUID(message))


@pytest.fixture
def notes() -> Notes:
    made = Notes()
    made.texts[SUBJECT] = "half"
    return made


@pytest.fixture
async def room(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Whispering]:
    monkeypatch.setattr(asides, "SECONDS_BETWEEN", 0.02)
    async with a_whispering_room(notes) as made:
        yield made


@asynccontextmanager
async def a_whispering_room(
    notes: Notes, concerns: Concerns = lambda _, __: True
) -> AsyncIterator[Whispering]:
    async with a_world() as world:
        feeds: Feeds[Change] = Feeds(
            world.bus,
            kind="toy",
            source=world.ledger,
            decode=decode,
            needs_read=lacks_items,
            is_last=is_last,
            tick_seconds=3_600,
            down_tick_seconds=900,
        )
        async with feeds:
            world.feeds = feeds
            relays = Relays(
                feeds,
                Items(world.ledger),
                topic=lambda key: key,
                read=world.ledger.page,
                read_asides=notes.read,
                concerns=concerns,
                retry_seconds=0.01,
            )
            async with relays:
                yield Whispering(world, relays)


async def told(reader: Reader, text: str) -> list[tuple[int, str]]:
    """Wait until the reader was told this; return all that it was told."""
    async with asyncio.timeout(MOMENT):
        while text not in [payload for _, payload in reader.told]:
            reader._news.clear()
            await reader._news.wait()
    return reader.told


async def test_an_aside_is_told_with_the_revision_that_was_told_last(
    room: Whispering,
) -> None:
    follower = await room.follower()
    await room.commit(2)
    await room.whisper()
    assert await told(follower.reader, "half@2") == [(1, "1"), (2, "2"), (2, "half@2")]
    await room.commit()
    assert follower.revisions == [1, 2, 2, 3]
    assert follower.undisturbed


async def test_only_groups_that_want_asides_are_told(room: Whispering, notes: Notes) -> None:
    plain = await room.follower(group=Rendering("plain "))
    eager = await room.follower(BEN)
    await room.whisper()
    await told(eager.reader, "half@0")
    assert plain.reader.told == []


async def test_a_group_shares_one_rendering_even_if_it_has_to_be_waited_for(
    room: Whispering,
) -> None:
    group = Rendering(slow=True)
    group.wants_asides = True
    followers = [await room.follower(group=group) for _ in range(5)]
    await room.whisper()
    for follower in followers:
        await told(follower.reader, "half@0")
    assert group.rendered == ["half@0"]


async def test_what_is_rendered_too_late_is_not_told(room: Whispering) -> None:
    group = Rendering(slow=True)
    group.wants_asides = True
    follower = await room.follower(group=group)
    group.gate.clear()
    await room.whisper()
    async with asyncio.timeout(MOMENT):
        await group.asked.wait()
    group.slow = False
    await room.commit()
    group.gate.set()
    await room.done()
    assert [payload for _, payload in follower.reader.told] == ["1"]


async def test_many_words_about_many_subjects_are_read_together(
    room: Whispering, notes: Notes
) -> None:
    others = [uuid4() for _ in range(50)]
    notes.texts |= {other: other.hex for other in others}
    follower = await room.follower()
    await room.whisper()
    for _ in range(20):
        for other in others:
            await room.whisper(other)
    for other in others:
        await told(follower.reader, f"{other.hex}@0")
    assert sum(len(subjects) for subjects, _ in notes.asked) < 20 * 50
    assert len(notes.asked) < 50


async def test_what_was_read_before_a_change_came_is_read_anew(
    room: Whispering, notes: Notes
) -> None:
    follower = await room.follower()
    notes.gate.clear()
    await room.whisper()
    async with asyncio.timeout(MOMENT):
        await notes.reading.wait()
    await room.commit()
    notes.texts[SUBJECT] = "more"
    notes.gate.set()
    assert await told(follower.reader, "more@1") == [(1, "1"), (1, "more@1")]
    assert [revision for _, revision in notes.asked] == [0, 1]


async def test_nothing_is_told_before_it_is_known_who_may_hear_it(
    room: Whispering, notes: Notes
) -> None:
    ada, ben = await room.follower(ADA), await room.follower(BEN)
    # The database knows that Ben is shut out; no word of it has come yet.
    change = room.ledger.admit(room.topic, ADA)
    notes.audience_revision = change.members
    await room.whisper()
    async with asyncio.timeout(MOMENT):
        for _ in range(2):
            await notes.reading.wait()
            notes.reading.clear()
    assert (ada.reader.told, ben.reader.told) == ([], [])
    room.world.publish(room.topic, change)
    await told(ada.reader, "half@1")
    assert await ben.reason() is Reason.SHUT_OUT
    assert [payload for _, payload in ben.reader.told] == []


async def test_who_lags_or_takes_nothing_is_not_told_and_misses_nothing_else(
    room: Whispering,
) -> None:
    slow, quick = await room.follower(ADA), await room.follower(BEN)
    slow.reader.room = 0
    await room.whisper()
    await told(quick.reader, "half@0")
    await room.commit()
    await room.whisper()
    await told(quick.reader, "half@1")
    slow.reader.drain()
    await room.commit()
    assert await slow.reader.until(2) == [1, 2]
    assert [payload for _, payload in slow.reader.told] == ["1", "2"]


async def test_a_rendering_that_fails_parts_nobody(room: Whispering) -> None:
    follower = await room.follower()
    room.group.broken = True
    await room.whisper()
    async with asyncio.timeout(MOMENT):
        await room.group.asked.wait()
    room.group.broken = False
    await room.commit()
    assert follower.revisions == [1]
    assert follower.undisturbed


async def test_what_nobody_follows_any_more_is_not_read(room: Whispering, notes: Notes) -> None:
    follower = await room.follower()
    notes.gate.clear()
    await room.whisper()
    async with asyncio.timeout(MOMENT):
        await notes.reading.wait()
    follower.member.leave()
    notes.gate.set()
    await room.whisper()
    assert len(room.relays) == 0
    assert len(notes.asked) == 1


async def test_an_aside_that_concerns_nobody_who_follows_a_key_is_not_read(notes: Notes) -> None:
    other = uuid4()
    notes.texts[other] = "other"
    async with a_whispering_room(notes, lambda _, subject: subject != other) as room:
        follower = await room.follower()
        await room.whisper(other)
        await room.whisper()
        assert await told(follower.reader, "half@0") == [(0, "half@0")]
    assert notes.asked == [({SUBJECT}, 0)]


async def test_what_no_group_wants_to_hear_is_not_read(room: Whispering, notes: Notes) -> None:
    plain = Rendering("plain ")
    follower = await room.follower(group=plain)
    await room.whisper()
    await room.done()
    assert notes.asked == []
    plain.wants_asides = True
    await room.whisper()
    await told(follower.reader, "plain half@0")


async def test_many_asides_let_others_have_their_turn_in_between(
    room: Whispering, notes: Notes
) -> None:
    others = [uuid4() for _ in range(50)]
    notes.texts = {other: other.hex for other in others}
    follower = await room.follower()
    follower.reader.on_deliver = lambda: time.sleep(SLICE_SECONDS / 2)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while len(follower.reader.told) < len(others):
            turns += len(follower.reader.told) > 1
            await asyncio.sleep(0)

    notes.gate.clear()
    for other in others:
        await room.whisper(other)
    notes.gate.set()
    async with asyncio.timeout(MOMENT):
        await take_turns()
    assert turns > len(others) / 5


async def test_a_group_whose_rendering_has_to_be_waited_for_has_one_under_way_at_a_time(
    room: Whispering, notes: Notes
) -> None:
    others = [uuid4() for _ in range(50)]
    notes.texts = {other: other.hex for other in others}
    group = Rendering(slow=True)
    group.wants_asides = True
    group.gate.clear()
    follower = await room.follower(group=group)
    for other in others:
        await room.whisper(other)
    async with asyncio.timeout(MOMENT):
        await group.asked.wait()
    async with asyncio.timeout(MOMENT):
        while len(notes.asked) < 4:
            await room.whisper(others[0])
    assert len(group.calls) == 1
    group.gate.set()
    await told(follower.reader, f"{group.rendered[0]}")
    for other in others:
        await room.whisper(other)
    for other in others:
        await told(follower.reader, f"{other.hex}@0")
