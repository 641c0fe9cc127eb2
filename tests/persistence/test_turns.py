"""The order in which jobs are handed out: priority first, then one job of each person in turn."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest

from persistence.job import ImageJob
from persistence.records import ProjectRole
from tests.lab import Lab


@pytest.fixture
async def bob(lab: Lab) -> UUID:
    return await lab.user("bob")


@pytest.fixture
async def cleo(lab: Lab) -> UUID:
    return await lab.user("cleo")


def names(entries: Sequence[ImageJob], **people: UUID) -> str:
    """Return by whom these jobs were requested: an initial for each."""
    initials = {id_: name[0] for name, id_ in people.items()}
    return "".join(initials[entry.job.requested_by] for entry in entries)


async def one_by_one(lab: Lab, count: int) -> list[ImageJob]:
    return [entry for _ in range(count) for entry in await lab.claim_any()]


async def test_ten_jobs_of_one_person_do_not_wait_for_a_thousand_of_another(
    lab: Lab, ada: UUID, bob: UUID, project_id: UUID
) -> None:
    await lab.queued(project_id, ada, 1000)
    await one_by_one(lab, 3)
    await lab.queued(await lab.project(bob), bob, 10)
    order = names(await one_by_one(lab, 24), ada=ada, bob=bob)
    assert order == "ba" * 10 + "aaaa"


async def test_many_at_once_are_of_each_person_in_turn(
    lab: Lab, ada: UUID, bob: UUID, cleo: UUID, project_id: UUID
) -> None:
    for person, count in ((ada, 40), (bob, 3), (cleo, 7)):
        await lab.queued(await lab.project(person), person, count)
    first = names(await lab.claim_any(9), ada=ada, bob=bob, cleo=cleo)
    assert first == "abcabcabc"
    # Who had the last turn of one claim is last in the next one.
    assert names(await lab.claim_any(5), ada=ada, bob=bob, cleo=cleo) == "acaca"


async def test_people_take_turns_within_a_project_too(
    lab: Lab, ada: UUID, bob: UUID, project_id: UUID
) -> None:
    await lab.share(project_id, ada, bob, ProjectRole.EDITOR)
    images = await lab.images(project_id, ada, 8)
    await lab.enqueue(images[:6], ada)
    await lab.enqueue(images[6:], bob)
    assert names(await one_by_one(lab, 8), ada=ada, bob=bob) == "ababaaaa"


async def test_a_person_has_one_turn_however_many_projects_and_models_it_waits_in(
    lab: Lab, ada: UUID, bob: UUID, project_id: UUID
) -> None:
    for model in ("watershed", "cellpose"):
        for each in (project_id, await lab.project(ada)):
            await lab.enqueue(await lab.images(each, ada, 3), ada, model=model)
    await lab.queued(await lab.project(bob), bob, 4)
    order = names(await one_by_one(lab, 10), ada=ada, bob=bob)
    assert order == "ababababaa"


async def test_a_higher_priority_comes_before_every_turn(
    lab: Lab, ada: UUID, bob: UUID, project_id: UUID
) -> None:
    await lab.enqueue(await lab.images(project_id, ada, 3), ada, priority=9)
    await lab.queued(await lab.project(bob), bob, 2)
    await lab.enqueue(await lab.images(project_id, ada, 2), ada, priority=5)
    # Who was served last, by a higher priority, is last in the next round.
    assert names(await one_by_one(lab, 7), ada=ada, bob=bob) == "aaababa"


async def test_whoever_comes_back_after_a_while_gets_one_turn_and_no_more(
    lab: Lab, ada: UUID, bob: UUID, project_id: UUID
) -> None:
    other = await lab.project(bob)
    await lab.queued(other, bob, 1)
    await one_by_one(lab, 1)
    await lab.queued(project_id, ada, 20)
    await one_by_one(lab, 5)
    await lab.queued(other, bob, 5)
    assert names(await one_by_one(lab, 8), ada=ada, bob=bob) == "babababa"


async def test_in_a_long_run_everybody_gets_as_much(
    lab: Lab, ada: UUID, bob: UUID, cleo: UUID, project_id: UUID
) -> None:
    people = {"ada": ada, "bob": bob, "cleo": cleo}
    for number, person in enumerate(people.values(), start=1):
        await lab.queued(await lab.project(person), person, 40 * number)
    served = names([e for n in (1, 4, 7) * 8 for e in await lab.claim_any(n)], **people)
    counts = Counter(served)
    assert max(counts.values()) - min(counts.values()) <= 1


async def test_of_one_person_the_oldest_is_first(lab: Lab, ada: UUID, project_id: UUID) -> None:
    entries = [*await lab.queued(project_id, ada, 3), *await lab.queued(project_id, ada, 2)]
    claimed = [*await one_by_one(lab, 2), *await lab.claim_any(3)]
    assert [one.job.id for one in claimed] == [one.job.id for one in entries]


async def test_a_job_that_failed_rests_and_then_gets_its_turn(
    lab: Lab, ada: UUID, project_id: UUID
) -> None:
    await lab.queued(project_id, ada, 2)
    [first] = await lab.claim_any()
    await lab.fail(first, ada)
    [second] = await lab.claim_any()
    assert second.job.id != first.job.id
    assert await lab.claim_any() == []
    await lab.end_rests()
    [again] = await lab.claim_any()
    assert (again.job.id, again.job.attempt) == (first.job.id, 2)
    await lab.audit(project_id)
