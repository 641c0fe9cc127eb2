"""Plans: whatever one says of an event, graphql-core says the same."""

import asyncio
import dataclasses
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import pytest
from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_object_type,
    parse,
    validate,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from strawberry.execution import optimized_is_awaitable

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


def template_of(document: str) -> Execution:
    node = parse(document)
    assume(not [error for error in validate(SCHEMA, node) if "is never used" not in error.message])
    execution = STRAWBERRY.execution_context_class.build(
        SCHEMA,
        node,
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
