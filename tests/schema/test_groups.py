"""Groups: whose events are rendered together, and that nothing else ever is."""

import asyncio
import gc
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from resolvers.context import Viewer
from schema.execution import Executor
from schema.rendering import Group, Subscription
from schema.requests import GraphQLRequest
from schema.results import Result
from tests.schema.toy import Thing, executor_of
from tests.schema.world import ADA, BOB, Context, World

PLAIN = "subscription($to: Int = 9) { count(to: $to) { number } }"
LABEL = 'subscription($p: String = "") { count(to: 1) { label(prefix: $p) } }'
ASKER = "subscription { count(to: 1) { asker } }"
TWO = "subscription A { count(to: 1) { a: label } } subscription B { count(to: 1) { b: label } }"


class Stage:
    """An executor, the people who subscribe to it, and a count of what it executes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.observed: list[tuple[str, str]] = []
        self.executor: Executor = executor_of(world, observe=self._observe)

    def _observe(self, kind: str, outcome: str, _seconds: float | None) -> None:
        self.observed.append((kind, outcome))

    async def subscribe(
        self,
        query: str,
        viewer: Viewer | None = None,
        *,
        base_url: str = "http://hub",
        name: str | None = None,
        **variables: object,
    ) -> Subscription:
        request = GraphQLRequest(query=query, variables=variables, operation_name=name)
        context = Context(self.world, "r1", viewer, base_url=base_url)
        subscription = await self.executor.subscribe(request, context)
        assert isinstance(subscription, Subscription)
        return subscription

    async def group(self, query: str, *args: Any, **options: Any) -> Group:
        return (await self.subscribe(query, *args, **options)).group


@pytest.fixture
def stage(world: World) -> Stage:
    return Stage(world)


@pytest.fixture
def ada(world: World) -> Viewer:
    return world.sign_in("ada", ADA)


@pytest.fixture
def bob(world: World) -> Viewer:
    return world.sign_in("bob", BOB)


async def rendered(group: Group, event: object) -> Any:
    (payload,) = await payloads(group, event)
    return msgspec.json.decode(payload)


async def payloads(group: Group, *events: object) -> list[bytes]:
    rendered = group.render(events)
    return rendered if isinstance(rendered, list) else await rendered


async def test_different_people_share_what_is_alike_for_all(
    stage: Stage, ada: Viewer, bob: Viewer
) -> None:
    groups = [await stage.group(LABEL, viewer) for viewer in (ada, bob, None)]
    assert groups[0] is groups[1] is groups[2]


async def test_other_documents_are_rendered_for_themselves(stage: Stage, ada: Viewer) -> None:
    number, label, both = [
        await stage.group(f"subscription {{ count(to: 1) {{ {fields} }} }}", ada)
        for fields in ("number", "label", "number label")
    ]
    assert (await rendered(number, Thing(number=1)))["data"]["count"].keys() == {"number"}
    assert (await rendered(label, Thing(number=1)))["data"]["count"].keys() == {"label"}
    assert (await rendered(both, Thing(number=1)))["data"]["count"].keys() == {"number", "label"}


async def test_what_depends_on_who_asks_is_rendered_for_each_person(
    stage: Stage, ada: Viewer, bob: Viewer
) -> None:
    adas, bobs, nobodys = [await stage.group(ASKER, viewer) for viewer in (ada, bob, None)]
    assert len({id(adas), id(bobs), id(nobodys)}) == 3
    assert await rendered(adas, Thing(number=1)) == {"data": {"count": {"asker": str(ADA)}}}
    assert await rendered(bobs, Thing(number=1)) == {"data": {"count": {"asker": str(BOB)}}}
    assert await rendered(nobodys, Thing(number=1)) == {"data": {"count": {"asker": None}}}


async def test_one_person_shares_with_oneself(stage: Stage, ada: Viewer) -> None:
    again = replace_session(ada)
    assert await stage.group(ASKER, ada) is await stage.group(ASKER, again)


def replace_session(viewer: Viewer) -> Viewer:
    return replace(viewer, session_id=None)


async def test_arguments_of_the_root_field_part_nobody(stage: Stage) -> None:
    few, many, some = [await stage.group(PLAIN, **to) for to in ({"to": 1}, {"to": 5}, {})]
    assert few is many is some
    assert await rendered(many, Thing(number=3)) == {"data": {"count": {"number": 3}}}


async def test_variables_of_the_selection_part_groups_by_their_values(stage: Stage) -> None:
    x, y, again, none = [
        await stage.group(LABEL, **variables)
        for variables in ({"p": "x"}, {"p": "y"}, {"p": "x"}, {})
    ]
    assert x is again
    assert len({id(x), id(y), id(none)}) == 3
    for group, prefix in ((x, "x"), (y, "y"), (none, "")):
        answer = await rendered(group, Thing(number=7))
        assert answer["data"]["count"]["label"] == f"{prefix}7 at http://hub"


async def test_who_gives_no_variables_shares_with_who_gives_none_of_them(stage: Stage) -> None:
    request = GraphQLRequest(query=LABEL, variables=None)
    subscription = await stage.executor.subscribe(
        request, Context(stage.world, "r1", base_url="http://hub")
    )
    assert isinstance(subscription, Subscription)
    assert await stage.group(LABEL) is subscription.group


@pytest.mark.parametrize(
    ("one", "other"), [(1, "1"), ("", None), ("null", None), ('a"', "a"), ("é", "e")]
)
async def test_values_that_look_alike_are_told_apart(
    stage: Stage, one: object, other: object
) -> None:
    query = "subscription($p: ID) { count(to: 1) { number @include(if: true) ...F } }"
    query += " fragment F on Thing { again { number } named(key: $p) }"
    assert await stage.group(query, p=one) is not await stage.group(query, p=other)


async def test_variables_of_directives_part_groups(stage: Stage) -> None:
    query = "subscription($w: Boolean!) { count(to: 1) { number label @include(if: $w) } }"
    with_, without = await stage.group(query, w=True), await stage.group(query, w=False)
    assert (await rendered(without, Thing(number=1)))["data"]["count"] == {"number": 1}
    assert (await rendered(with_, Thing(number=1)))["data"]["count"].keys() == {"number", "label"}


async def test_the_address_of_the_hub_parts_groups(stage: Stage, ada: Viewer, bob: Viewer) -> None:
    at_a = await stage.group(LABEL, ada, base_url="http://a")
    at_b = await stage.group(LABEL, bob, base_url="https://b")
    assert (await rendered(at_a, Thing(number=1)))["data"]["count"]["label"] == "1 at http://a"
    assert (await rendered(at_b, Thing(number=1)))["data"]["count"]["label"] == "1 at https://b"


async def test_the_operations_of_a_document_part_groups(stage: Stage) -> None:
    a, b = await stage.group(TWO, name="A"), await stage.group(TWO, name="B")
    assert (await rendered(a, Thing(number=1)))["data"]["count"].keys() == {"a"}
    assert (await rendered(b, Thing(number=1)))["data"]["count"].keys() == {"b"}


async def test_a_shared_rendering_knows_no_viewer_and_no_address_of_a_client(
    stage: Stage, ada: Viewer
) -> None:
    group = await stage.group(LABEL, ada)
    for number in range(3):
        await rendered(group, Thing(number=number))
    contexts = stage.world.labelled
    assert [context.viewer for context in contexts] == [None] * 3
    assert len({id(context) for context in contexts}) == 3
    assert [context.subscriber for context in contexts] == [None] * 3


async def test_each_event_of_ones_own_rendering_has_a_context_of_its_own(
    stage: Stage, ada: Viewer
) -> None:
    query = "subscription { count(to: 1) { asker label } }"
    group = await stage.group(query, ada)
    for number in range(3):
        await rendered(group, Thing(number=number))
    contexts = stage.world.labelled
    assert [context.viewer for context in contexts] == [ada] * 3
    assert len({id(context) for context in contexts}) == 3


async def test_a_rendering_is_one_execution(stage: Stage, ada: Viewer, bob: Viewer) -> None:
    group = await stage.group(LABEL, ada)
    assert await stage.group(LABEL, bob) is group
    assert stage.observed == []
    await rendered(group, Thing(number=1))
    assert stage.observed == [("event", "ok")]


async def test_errors_in_a_shared_rendering_are_masked_reported_and_end_nothing(
    stage: Stage, ada: Viewer
) -> None:
    group = await stage.group("subscription { count(to: 1) { number brokenLabel } }", ada)
    for number in range(2):
        answer = await rendered(group, Thing(number=number))
        assert answer["data"]["count"] == {"number": number, "brokenLabel": None}
        assert [error["extensions"]["code"] for error in answer["errors"]] == [
            "INTERNAL_SERVER_ERROR"
        ]
        assert "secret" not in str(answer)
    assert len(stage.world.unexpected) == 2
    assert stage.observed == [("event", "INTERNAL_SERVER_ERROR")] * 2


async def test_a_rendering_that_waits_is_awaited(stage: Stage) -> None:
    group = await stage.group("subscription { count(to: 1) { number slowLabel } }")
    task = asyncio.create_task(rendered(group, Thing(number=4)))
    await asyncio.sleep(0)
    assert not task.done()
    stage.world.go_on.set()
    assert await task == {"data": {"count": {"number": 4, "slowLabel": "slow 4"}}}


async def test_renderings_of_several_events_at_once_do_not_mix(stage: Stage) -> None:
    group = await stage.group("subscription { count(to: 1) { number slowLabel } }")
    tasks = [asyncio.create_task(rendered(group, Thing(number=n))) for n in range(20)]
    await asyncio.sleep(0)
    stage.world.go_on.set()
    for number, task in enumerate(tasks):
        answer = await task
        assert answer["data"]["count"] == {"number": number, "slowLabel": f"slow {number}"}


async def test_ones_own_results_are_rendered_as_the_groups(stage: Stage, ada: Viewer) -> None:
    subscription = await stage.subscribe("subscription { count(to: 3) { label } }", ada)
    own = [payload async for payload, _ in subscription.payloads()]
    assert own == await payloads(subscription.group, *(Thing(number=number) for number in range(3)))


async def test_a_group_is_forgotten_with_its_last_subscription(
    stage: Stage, ada: Viewer, bob: Viewer
) -> None:
    first = await stage.subscribe(LABEL, ada)
    second = await stage.subscribe(LABEL, bob)
    assert len(stage.executor._groups) == 1
    del first
    gc.collect()
    assert await stage.group(LABEL, ada) is second.group
    del second
    gc.collect()
    assert len(stage.executor._groups) == 0


async def test_a_group_keeps_nothing_of_the_subscription_it_began_with(
    stage: Stage, ada: Viewer, bob: Viewer
) -> None:
    await stage.subscribe(LABEL, ada)
    subscription = await stage.subscribe(LABEL, ada)
    group = await stage.group(LABEL, bob)
    assert subscription.group is group
    stage.world.contexts.clear()
    stage.world.labelled.clear()
    del subscription
    gc.collect()
    kept = [each for each in gc.get_objects() if isinstance(each, Context) and each.viewer is ada]
    assert kept == []


async def test_variables_that_do_not_fit_make_no_group(stage: Stage) -> None:
    request = GraphQLRequest(query=LABEL, variables={"p": 7})
    await stage.executor.subscribe(request, Context(stage.world, "r1"))
    assert len(stage.executor._groups) == 0


async def test_events_that_are_ready_keep_their_place_among_those_that_are_waited_for(
    stage: Stage,
) -> None:
    context = (await stage.group(PLAIN))._context

    async def later(result: Result) -> Result:
        await asyncio.sleep(0)
        return result

    def render(event: Any, _context: object) -> Any:
        result = Result({"number": event})
        return later(result) if event == 1 else result

    told = await payloads(Group(render, context, shared=True), 0, 1, 2)
    assert [msgspec.json.decode(each)["data"]["number"] for each in told] == [0, 1, 2]


async def test_however_many_render_events_of_their_own_others_have_their_turn_in_between(
    stage: Stage,
) -> None:
    subscriptions = [await stage.subscribe(PLAIN, to=3) for _ in range(4)]

    async def read(subscription: Subscription) -> None:
        async for _ in subscription.payloads():
            pass

    reading = asyncio.gather(*map(read, subscriptions))
    seen = set()
    while not reading.done():
        seen.add(len(stage.observed))
        await asyncio.sleep(0)
    await reading
    assert seen.issuperset(range(12))
