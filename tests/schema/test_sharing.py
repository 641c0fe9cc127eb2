"""Which fields give the same to everybody, and what a rendering that is shared depends on."""

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    parse,
    validate,
)

from schema.roots import build_schema
from schema.sharing import Sharing, is_shared, sharing_of
from tests.schema.toy import SCHEMA

TOY = SCHEMA._schema


def sharing(document: str) -> Sharing:
    node = parse(document)
    assert validate(TOY, node) == []
    return sharing_of(TOY, node)


SHARED: dict[str, str] = {
    "plain fields": "subscription { count(to: 1) { number __typename } }",
    "a marked field": "subscription { count(to: 1) { label slowLabel brokenLabel } }",
    "an alias of a marked field": "subscription { count(to: 1) { asker: label } }",
    "a fragment with marked fields": """
        subscription { count(to: 1) { ...F ... on Thing { label } } } fragment F on Thing { label }
    """,
    "a leaf": "subscription { endless }",
    "an argument of the root field": "subscription($to: Int!) { count(to: $to) { number } }",
    "an argument with a constant": 'subscription { count(to: 1) { label(prefix: "x") } }',
}
NOT_SHARED: dict[str, str] = {
    "a field with a resolver": "subscription { count(to: 1) { asker } }",
    "an alias of it": "subscription { count(to: 1) { label: asker } }",
    "one beside marked fields": "subscription { count(to: 1) { number label context } }",
    "one that is only on the way": "subscription { count(to: 1) { again { number } } }",
    "one in an inline fragment": "subscription { count(to: 1) { ... { asker } } }",
    "one in a fragment": """
        subscription { count(to: 1) { ...F } } fragment F on Thing { number ...G }
        fragment G on Thing { asker }
    """,
    "one in a fragment of the root": """
        subscription { ...F } fragment F on Subscription { count(to: 1) { asker } }
    """,
    "one that is never included": """
        subscription { count(to: 1) { number asker @include(if: false) } }
    """,
    "one in another subscription of the document": """
        subscription A { count(to: 1) { number } } subscription B { count(to: 1) { asker } }
    """,
    "one in a query of the document": """
        subscription A { count(to: 1) { number } } query B { thing { asker } }
    """,
}
VARIABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "of the root field": ("subscription($to: Int!) { count(to: $to) { number } }", ()),
    "of the root field in a fragment": (
        """subscription($to: Int!) { ...F }
        fragment F on Subscription { count(to: $to) { number } }""",
        (),
    ),
    "of a selected field": (
        "subscription($p: String!) { count(to: 1) { label(prefix: $p) } }",
        ("p",),
    ),
    "within an input object within a list": (
        "subscription($x: Int!) { count(to: 1) { label(points: [{ x: 1 }, { x: $x }]) } }",
        ("x",),
    ),
    "of a directive on a field": (
        "subscription($w: Boolean!) { count(to: 1) { number label @include(if: $w) } }",
        ("w",),
    ),
    "of a directive on an inline fragment": (
        "subscription($w: Boolean!) { count(to: 1) { number ... @skip(if: $w) { label } } }",
        ("w",),
    ),
    "of a directive on a fragment's spread": (
        """subscription($w: Boolean!) { count(to: 1) { number ...F @skip(if: $w) } }
        fragment F on Thing { label }""",
        ("w",),
    ),
    "within a fragment": (
        """subscription($p: String!) { count(to: 1) { ...F } }
        fragment F on Thing { label(prefix: $p) }""",
        ("p",),
    ),
    "of both": (
        """subscription($to: Int!, $q: String!, $p: String!) {
            count(to: $to) { label(prefix: $p) other: label(prefix: $q) } }""",
        ("p", "q"),
    ),
    "that is one of both": (
        "subscription($n: Int!) { count(to: $n) { label(points: { x: $n }) } }",
        ("n",),
    ),
    "of two subscriptions": (
        """subscription A($p: String!) { count(to: 1) { label(prefix: $p) } }
        subscription B($q: String!) { count(to: 1) { label(prefix: $q) } }""",
        ("p", "q"),
    ),
}


@pytest.mark.parametrize("document", SHARED.values(), ids=SHARED)
def test_what_depends_on_the_event_alone_is_shared(document: str) -> None:
    assert sharing(document).shared


@pytest.mark.parametrize("document", NOT_SHARED.values(), ids=NOT_SHARED)
def test_a_field_with_a_resolver_is_not_shared_unless_it_is_marked(document: str) -> None:
    assert not sharing(document).shared


@pytest.mark.parametrize(("document", "names"), VARIABLES.values(), ids=VARIABLES)
def test_a_rendering_depends_on_variables_behind_the_root_field(
    document: str, names: tuple[str, ...]
) -> None:
    assert sharing(document).variables == names


# The schema of the hub, as it is: what is not listed here nobody has thought about.

SCHEMA_OF_HUB: GraphQLSchema = build_schema()._schema

ALIKE = {
    "Dashboard": "imageCount processingCount projectCount queuedCount segmentedCount storageBytes"
    " timestamp",
    "Image": "channels checksum createdAt deepZoomUrl error exportUrl height id job mimeType name"
    " pages revision segmentation sizeBytes status thumbnailUrl updatedAt uploadedBy url width",
    "Presence": "projectId users",
    "ProjectStats": "detailsRevision failedCount imageCount noSegmentationCount processingCount"
    " queuedCount revision segmentedCount storageBytes updatedAt uploadedCount",
    "ProjectUpdate": "operation projectId revision timestamp updates userId",
    "JobsAvailable": "waiting",
    "QueueStats": "estimatedSeconds jobs processing projectId queued total",
    "Segmentation": "cellArea cellCount createdAt exportUrl id imageChecksum model modelVersion"
    " parameters polygons processingSeconds threshold",
    "SegmentationError": "code message retryable",
    "SegmentationJob": "attempt estimatedSeconds id image model position priority progress queuedAt"
    " requestedBy startedAt threshold",
    "SegmentationUpdate": "error image imageId operation progress projectId queueId revision"
    " status timestamp",
    "UploadProgress": "bytesReceived done filesRejected filesStored filesTotal uploadId",
    "User": "email id name",
}
"""What everybody gets alike who gets the event. Each of them is compared in tests/live."""

DEPENDENT = {
    "Dashboard": "efficiency",
    "Image": "project",
}
"""What depends on who asks: whoever selects it gets a rendering of their own."""


MOVES = {
    "subscription($id: ID!) { queueStatsUpdated(projectId: $id) { queued total } }": False,
    "subscription($id: ID!) { queueStatsUpdated(projectId: $id) { estimatedSeconds } }": True,
    "subscription($id: ID!) { queueStatsUpdated(projectId: $id) { jobs { id } } }": True,
    """subscription($id: ID!) { queueStatsUpdated(projectId: $id) { ...F } }
        fragment F on QueueStats { queued ... { jobs(first: 3) { position } } }""": True,
    "subscription($id: ID!) { segmentationUpdated(projectId: $id) { progress } }": False,
}


@pytest.mark.parametrize(("document", "moves"), MOVES.items())
def test_what_becomes_something_else_by_itself_is_known_by_its_fields(
    document: str, moves: bool
) -> None:
    node = parse(document)
    assert validate(SCHEMA_OF_HUB, node) == []
    assert sharing_of(SCHEMA_OF_HUB, node).moves is moves


def fields(types: dict[str, str]) -> set[str]:
    return {f"{name}.{field}" for name, names in types.items() for field in names.split()}


def objects_of(type_: GraphQLNamedType) -> Iterator[GraphQLObjectType]:
    if isinstance(type_, GraphQLObjectType):
        yield type_
    elif hasattr(type_, "types") or hasattr(type_, "interfaces"):
        yield from SCHEMA_OF_HUB.get_possible_types(type_)  # type: ignore[arg-type]


def reachable() -> tuple[set[str], set[str]]:
    """Return the fields that events lead to by what is shared, and those where that ends."""
    subscription = SCHEMA_OF_HUB.subscription_type
    assert subscription is not None
    todo = [get_named_type(field.type) for field in subscription.fields.values()]
    alike: set[str] = set()
    dependent: set[str] = set()
    seen: set[str] = set()
    while todo:
        for object_ in objects_of(todo.pop()):
            if object_.name in seen:
                continue
            seen.add(object_.name)
            for name, field in object_.fields.items():
                if is_shared(field):
                    alike.add(f"{object_.name}.{name}")
                    todo.append(get_named_type(field.type))
                else:
                    dependent.add(f"{object_.name}.{name}")
    return alike, dependent


def test_somebody_has_decided_for_each_field_whether_all_get_it_alike() -> None:
    alike, dependent = reachable()
    assert alike == fields(ALIKE)
    assert dependent == fields(DEPENDENT)


def test_the_role_of_whoever_asks_is_never_reached_by_what_is_shared() -> None:
    alike, _ = reachable()
    assert not any(field.startswith("Project.") for field in alike)
