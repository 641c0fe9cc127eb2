"""Mailboxes, the outbox and what paces and reports."""

import asyncio
import logging

import pytest

from realtime.bus import Bus
from realtime.latest import follow
from realtime.mailbox import Mailbox
from realtime.outbox import Outbox
from realtime.paced import Paced
from realtime.reports import Report
from realtime.tasks import Tasks
from tests.realtime.hearing import everything_heard


async def test_a_mailbox_yields_in_order_and_ends_when_closed_and_empty() -> None:
    mailbox: Mailbox[int] = Mailbox(limit=3)
    assert [mailbox.put(item) for item in (1, 2, 3)] == [True, True, True]
    mailbox.close()
    assert mailbox.closed
    assert [item async for item in mailbox] == [1, 2, 3]


async def test_a_mailbox_that_overflows_forgets_its_content_and_says_so() -> None:
    mailbox: Mailbox[int] = Mailbox(limit=2)
    assert [mailbox.put(item) for item in (1, 2, 3)] == [True, True, False]
    assert mailbox.take() == 3
    assert mailbox.take() is None


async def test_a_waiting_reader_is_woken_by_an_item_and_by_the_end() -> None:
    mailbox: Mailbox[int] = Mailbox(limit=2)
    reading = asyncio.create_task(anext(mailbox))
    await asyncio.sleep(0)
    mailbox.put(1)
    mailbox.put(2)
    assert await reading == 1
    assert await anext(mailbox) == 2
    ending = asyncio.create_task(anext(mailbox, None))
    await asyncio.sleep(0)
    mailbox.close()
    assert await ending is None


async def test_a_reader_that_is_cancelled_loses_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox(limit=2)
    reading = asyncio.create_task(anext(mailbox))
    await asyncio.sleep(0)
    mailbox.put(1)
    reading.cancel()
    await asyncio.wait([reading])
    assert await anext(mailbox) == 1


async def test_a_second_reader_at_the_same_time_is_refused() -> None:
    mailbox: Mailbox[int] = Mailbox(limit=2)
    reading = asyncio.create_task(anext(mailbox))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one reader"):
        await anext(mailbox)
    mailbox.put(1)
    assert await reading == 1


async def test_following_a_channel_yields_the_latest_message() -> None:
    async with Bus("memory://") as bus, follow(bus, "progress") as messages:
        for number in range(100):
            bus.publish("progress", str(number))
        await everything_heard(bus)
        assert await anext(messages) == "99"
        assert messages.take() is None


async def test_an_outbox_is_flushed_when_the_last_message_taken_was_followed_by_a_wish() -> None:
    outbox = Outbox(10)
    for number in "123":
        outbox.put("a", number)
    flushing = asyncio.create_task(outbox.flush())
    assert await outbox.take(2) == [("a", "1"), ("a", "2")]
    assert await outbox.take(2) == [("a", "3")]
    await asyncio.sleep(0)
    assert not flushing.done()
    taking = asyncio.create_task(outbox.take(2))
    await flushing
    outbox.put("a", "4")
    assert await taking == [("a", "4")]


async def test_what_a_full_outbox_has_dropped_is_not_waited_for() -> None:
    outbox = Outbox(1)
    outbox.put("a", "1")
    flushing = asyncio.create_task(outbox.flush())
    await asyncio.sleep(0)
    outbox.put("a", "2")
    assert await outbox.take(2) == [("a", "2")]
    taking = asyncio.create_task(outbox.take(2))
    await flushing
    outbox.put("a", "3")
    assert await taking == [("a", "3")]


async def test_paced_work_runs_at_once_then_once_for_all_that_ask_in_time() -> None:
    ran = asyncio.Queue[int]()
    paced = Paced(lambda: ran.put_nowait(1), seconds=0.01)
    for _ in range(10):
        paced()
    assert ran.qsize() == 1
    await ran.get()
    await ran.get()
    assert ran.empty()
    paced()
    paced.cancel()
    paced()
    assert ran.qsize() <= 1


async def test_paced_work_that_was_never_asked_for_can_be_cancelled() -> None:
    ran: list[int] = []
    paced = Paced(lambda: ran.append(1), seconds=0.01)
    paced.cancel()
    paced()
    assert ran == []


def test_a_report_is_made_at_once_then_held_back_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    report = Report(logging.getLogger("test"), seconds=3_600)
    for _ in range(4):
        report("It rains", ValueError("wet"))
    report._quiet_until = 0.0
    report("It rains")
    assert [record.message for record in caplog.records] == [
        "It rains: ValueError('wet')",
        "It rains (3 more since the last such line)",
    ]


async def test_tasks_end_with_their_owner() -> None:
    tasks = Tasks()
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = tasks.start(work())
    await asyncio.sleep(0)
    await tasks.cancel()
    assert ended.is_set()
    assert task.cancelled()
    await tasks.cancel()
