"""Troubles of the database have codes of their own, and say whether one may simply try again."""

import pytest
from graphql import GraphQLError

from persistence.trouble import DatabaseTrouble, OutcomeUnknown, TooSlow, Unavailable
from realtime.feed import SourceAway
from schema.errors import Masking

TROUBLES: list[tuple[Exception, str, str]] = [
    (Unavailable(), "SERVICE_UNAVAILABLE", "try again"),
    (SourceAway("project"), "SERVICE_UNAVAILABLE", "try again"),
    (OutcomeUnknown(), "OUTCOME_UNKNOWN", "may or may not have happened"),
    (TooSlow(), "TIMEOUT", "ask for less"),
]


def test_every_trouble_is_told() -> None:
    told = {type(error) for error, _, _ in TROUBLES if isinstance(error, DatabaseTrouble)}
    assert told == set(DatabaseTrouble.__subclasses__())


@pytest.mark.parametrize(("error", "code", "message"), TROUBLES)
def test_a_trouble_is_told_wherever_it_ends_something_and_is_reported(
    error: Exception, code: str, message: str
) -> None:
    reported: list[tuple[BaseException, str]] = []
    masking = Masking(lambda *report: reported.append(report))
    told = [
        masking.execution_error(GraphQLError("", original_error=error), "r1"),
        masking.stream_error(error, "r2"),
        masking.unexpected(error, "r3"),
    ]
    for number, each in enumerate(told, start=1):
        assert each.extensions == {"code": code, "requestId": f"r{number}"}
        assert message in each.message
    assert reported == [(error, f"r{number}") for number in (1, 2, 3)]
