"""Plans: whatever one says of an event, graphql-core says the same."""

import asyncio
import dataclasses
import inspect
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, NewType

import pytest
import strawberry
from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_object_type,
    parse,
    validate,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig

from persistence.records import DashboardRecord, QueueNumbers
from resolvers.live.presence import PresentUsers
from resolvers.live.project import ProjectUpdate
from resolvers.live.segmentation import SegmentationUpdate
from resolvers.live.upload import UploadProgress
from schema.plan import Plan
from schema.rendering import Execution, for_event
from schema.results import encode
from schema.roots import build_schema
from schema.updates import present

STRAWBERRY = build_schema()
SCHEMA: GraphQLSchema = STRAWBERRY._schema
ROOTS = {
    "projectUpdated": ProjectUpdate,
    "segmentationUpdated": SegmentationUpdate,
    "queueStatsUpdated": QueueNumbers,
    "dashboardUpdated": DashboardRecord,
    "uploadProgressed": UploadProgress,
    "presenceChanged": PresentUsers,
}
DEPTH = 3
FLAGS = {"yes": True, "no": False}


NOBODY: Any = object()
"""A context with which no resolver gets far."""


@st.composite
def selections(draw: st.DrawFn, kind: GraphQLObjectType, depth: int = DEPTH) -> str:
    """Return fields of the type, in all the ways in which a document may ask for them."""
    chosen = draw(st.lists(st.sampled_from(["__typename", *kind.fields]), min_size=1, max_size=6))
    written = [draw(field(kind, name, depth)) for name in chosen]
    condition = draw(st.sampled_from(["", f"on {kind.name}"]))
    fragment = draw(st.integers(0, len(written)))
    inside = " ".join(written[:fragment])
    directive = draw(
        st.sampled_from(["", "@skip(if: $no)", "@include(if: $yes)", "@skip(if: $yes)"])
    )
    parts = [
        *([f"... {condition} {directive} {{ {inside} }}"] if inside else []),
        *written[fragment:],
    ]
    return " ".join(parts)


@st.composite
def field(draw: st.DrawFn, kind: GraphQLObjectType, name: str, depth: int) -> str:
    alias = draw(st.sampled_from(["", "", "again: ", "__typename: "]))
    directive = draw(st.sampled_from(["", "", "@include(if: $no)", "@include(if: $yes)"]))
    if name == "__typename":
        return f"{alias}{name} {directive}"
    of = get_named_type(kind.fields[name].type)
    if not is_object_type(of):
        return f"{alias}{name} {directive}"
    if not depth:
        return f"{alias}{name} {directive} {{ __typename }}"
    return f"{alias}{name} {directive} {{ {draw(selections(of, depth - 1))} }}"


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, str]:
    """Return the name of a subscription, and a valid document with it."""
    root = draw(st.sampled_from(sorted(ROOTS)))
    assert SCHEMA.subscription_type is not None
    kind = get_named_type(SCHEMA.subscription_type.fields[root].type)
    arguments = {"dashboardUpdated": "", "uploadProgressed": '(uploadId: "u")'}
    given_to = arguments.get(root, '(projectId: "p")')
    alias = draw(st.sampled_from(["", "it: "]))
    body = draw(selections(kind))
    document = (
        "subscription S($yes: Boolean = true, $no: Boolean = false)"
        f" {{ {alias}{root}{given_to} {{ {body} }} }}"
    )
    return root, document


def is_valid(document: str) -> bool:
    errors = validate(SCHEMA, parse(document))
    return all("is never used" in error.message for error in errors)


def template_of(document: str, schema: strawberry.Schema = STRAWBERRY) -> Execution:
    execution = schema.execution_context_class.build(
        schema._schema,
        parse(document),
        context_value=NOBODY,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
    )
    assert not isinstance(execution, list), execution
    return execution


def executed(template: Execution, event: object) -> tuple[Any, Any]:
    """Return the data and the errors that graphql-core makes of an event."""
    outcome: Any = for_event(template, event, template.context_value).execute_operation()
    if inspect.isawaitable(outcome):
        outcome = asyncio.run(_awaited(outcome))
    return outcome.data, outcome.errors


async def _awaited(outcome: Any) -> Any:
    return await outcome


@contextmanager
def harmed(event: Any, name: str | None) -> Iterator[None]:
    """Take a value away from an event for a while."""
    if name is None:
        yield
        return
    kept = getattr(event, name)
    setattr(event, name, None)
    yield
    setattr(event, name, kept)


EVENTS: dict[str, st.SearchStrategy[Any]] = {
    root: st.builds(record).map(present) for root, record in ROOTS.items()
}


@given(st.data())
def test_what_a_plan_says_graphql_core_says_too(data: st.DataObject) -> None:
    root, document = data.draw(documents())
    assume(is_valid(document))
    template = template_of(document)
    plan = Plan(template)
    for event in data.draw(st.lists(EVENTS[root], min_size=1, max_size=3)):
        fields = [each.name for each in dataclasses.fields(event)]
        name = data.draw(st.sampled_from([None, None, *fields]))
        with harmed(event, name):
            found = plan.data(event, cache(partial(for_event, template, event, NOBODY)))
            if found is not None:
                told, errors = executed(template, event)
                assert errors is None
                # In the same order, too.
                assert encode(told) == encode(found)


@pytest.mark.parametrize("root", ["projectUpdated", "segmentationUpdated", "queueStatsUpdated"])
@given(st.data())
def test_a_plan_applies_wherever_all_is_plain(root: str, data: st.DataObject) -> None:
    plain = {
        "projectUpdated": "projectId operation updates { imageCount updatedAt } revision",
        "segmentationUpdated": "imageId status queueId image { id name status sizeBytes revision }",
        "queueStatsUpdated": "projectId queued processing",
    }
    template = template_of(f'subscription {{ {root}(projectId: "p") {{ {plain[root]} }} }}')
    event = data.draw(EVENTS[root])
    found = Plan(template).data(event, partial(for_event, template, event, NOBODY))
    told, errors = executed(template, event)
    assert found == (None if errors else told)


Loud = NewType("Loud", str)


def louder(value: object) -> object:
    """Serialize anything; what is empty is nothing, and a question is left open."""
    return {"": None, "?": Undefined}.get(str(value), f"{value}!")


@strawberry.type
class Leaf:
    number: int
    name: str | None = None
    loud: Loud = Loud("a")
    tags: list[str] = strawberry.field(default_factory=list)

    @strawberry.field
    def twice(self) -> int:
        return 2 * self.number

    @strawberry.field
    def where(self, info: strawberry.Info[Any, Any], mark: str = "none") -> str | None:
        """Say what a resolver is told of itself."""
        if self.name == "broken":
            raise ValueError(self.name)
        if self.name == "empty":
            return None
        found = info.context is NOBODY and info.root_value
        return f"{info.path.as_list()} {info.field_name} {mark} {type(found).__name__}"

    @strawberry.field
    async def later(self) -> Loud:
        return self.loud


@strawberry.type
class Tree:
    leaf: Leaf
    leaves: list[Leaf]
    maybe: Leaf | None = None

    @strawberry.field
    def grown(self, number: int = 7) -> Leaf:
        return Leaf(number=number)


@strawberry.type
class Query:
    nothing: int = 0


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def tree(self) -> AsyncGenerator[Tree, None]:
        yield TREE


TOY = strawberry.Schema(
    query=Query,
    subscription=Subscription,
    config=StrawberryConfig(
        scalar_map={Loud: strawberry.scalar(name="Loud", serialize=louder, parse_value=str)}
    ),
)
TREE = Tree(leaf=Leaf(number=1), leaves=[Leaf(number=2), Leaf(number=3, name="c")])


def both(selection: str, event: object = TREE) -> tuple[Any, Any]:
    """Return what a plan says of an event, and what graphql-core says."""
    template = template_of(f"subscription {{ it: tree {{ {selection} }} }}", TOY)
    found = Plan(template).data(event, cache(partial(for_event, template, event, NOBODY)))
    return found, executed(template, event)


@pytest.mark.parametrize(
    "selection",
    [
        "__typename leaf { number name kind: __typename }",
        "leaves { number name } maybe { number }",
        "leaf { where twice loud }",
        'leaf { where(mark: "here") there: where(mark: "there") }',
        "grown { number where } nine: grown(number: 9) { number where }",
        "... on Tree { leaf { number } } leaf { name }",
    ],
)
def test_a_plan_says_what_resolvers_say_that_need_not_wait(selection: str) -> None:
    found, (told, errors) = both(selection)
    assert found is not None
    assert (found, errors) == (told, None)


@pytest.mark.parametrize(
    "selection",
    [
        "leaf { number later }",
        # Their paths differ from one to the next.
        "leaves { where }",
        "leaves { twice }",
    ],
)
def test_what_waits_or_stands_in_lists_is_left_to_graphql_core(selection: str) -> None:
    found, (told, errors) = both(selection)
    assert (found, errors) == (None, None)
    assert told is not None


@pytest.mark.parametrize(
    ("leaf", "wrong"),
    [
        (Leaf(number=1, name="broken"), True),
        (Leaf(number=1, name="empty"), False),
        (Leaf(number="many"), True),  # type: ignore[arg-type]
        (Leaf(number=None), True),  # type: ignore[arg-type]
        (Leaf(number=1, loud=None), True),  # type: ignore[arg-type]
        (Leaf(number=1, loud=Loud("")), True),
        (Leaf(number=1, loud=Loud("?")), True),
        (Leaf(number=1, tags="many"), True),  # type: ignore[arg-type]
        (None, True),
        (TREE, True),
    ],
)
def test_what_is_wrong_with_an_event_is_said_by_graphql_core(leaf: Any, wrong: bool) -> None:
    event = Tree(leaf=leaf, leaves=[])
    found, (told, errors) = both("leaf { number where loud tags }", event)
    assert (found is None) == bool(errors) == wrong
    assert wrong or found == told


def test_resolvers_are_told_of_one_execution_and_only_if_there_are_any() -> None:
    for selection, count in (("leaf { number }", 0), ("a: leaf { where } b: leaf { where }", 1)):
        template = template_of(f"subscription {{ tree {{ {selection} }} }}", TOY)
        made: list[Execution] = []

        @cache
        def execution(template: Execution = template, made: list[Execution] = made) -> Execution:
            made.append(for_event(template, TREE, NOBODY))
            return made[-1]

        assert Plan(template).data(TREE, execution) is not None
        assert len(made) == count
