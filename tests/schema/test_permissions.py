"""Strawberry's permissions, which hold for queries and for events alike."""

from typing import Any

import msgspec
import pytest

from resolvers.context import Viewer
from schema.execution import Executor
from schema.rendering import Subscription
from schema.requests import GraphQLRequest
from schema.results import encode
from tests.schema.toy import Thing, executor_of
from tests.schema.world import ADA, BOB, Context, World

SELECTION = "{ number diary }"


@pytest.fixture
def executor(world: World) -> Executor:
    return executor_of(world)


@pytest.fixture
def ada(world: World) -> Viewer:
    return world.sign_in("ada", ADA)


@pytest.fixture
def bob(world: World) -> Viewer:
    return world.sign_in("bob", BOB)


def judge(answer: Any, field: str, *, may: bool) -> None:
    assert answer["data"][field] == {"number": 1, "diary": "a secret of Ada's" if may else None}
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    assert codes == ([] if may else ["FORBIDDEN"])


async def test_a_query_shows_a_field_to_who_may_see_it(
    world: World, executor: Executor, ada: Viewer, bob: Viewer
) -> None:
    for viewer in (ada, bob, None):
        request = GraphQLRequest(query=f"{{ thing {SELECTION} }}")
        result = await executor.execute(request, Context(world, "r", viewer))
        judge(msgspec.json.decode(encode(result)), "thing", may=viewer is ada)


async def test_an_event_shows_a_field_to_who_may_see_it(
    world: World, executor: Executor, ada: Viewer, bob: Viewer
) -> None:
    """Though it is a plain attribute, and all three get the same event."""
    subscriptions = []
    for viewer in (ada, bob, None):
        request = GraphQLRequest(query=f"subscription {{ count(to: 1) {SELECTION} }}")
        subscription = await executor.subscribe(request, Context(world, "r", viewer))
        assert isinstance(subscription, Subscription)
        subscriptions.append(subscription)
    groups = [subscription.group for subscription in subscriptions]
    assert len(set(map(id, groups))) == 3
    for group, may in zip(groups, (True, False, False), strict=True):
        payloads = group.render([Thing(number=1)])
        assert isinstance(payloads, list)
        judge(msgspec.json.decode(payloads[0]), "count", may=may)
