"""Each user may have so many connections and operations at the same time, and no more."""

from contextlib import AbstractContextManager

import pytest

from resolvers.errors import RateLimited
from schema.connections import Connections
from tests.schema.world import ADA, BOB


def refused(connection: AbstractContextManager[None]) -> str:
    with pytest.raises(RateLimited) as refusal, connection:
        pass
    return refusal.value.message


def test_one_too_many_is_refused_and_counts_for_nothing() -> None:
    connections = Connections(2)
    with connections.of(ADA):
        with connections.of(ADA):
            assert refused(connections.of(ADA)).startswith("2 connections are open already")
        with connections.of(ADA):
            assert refused(connections.of(ADA))


def test_each_user_is_counted_alone() -> None:
    connections = Connections(1)
    with connections.of(ADA), connections.of(BOB):
        assert refused(connections.of(BOB))


def test_a_connection_that_ended_counts_no_more_however_it_ended() -> None:
    connections = Connections(1)
    with pytest.raises(OSError, match="gone"), connections.of(ADA):
        raise OSError("gone")
    with connections.of(ADA):
        assert refused(connections.of(ADA))


def test_operations_are_counted_over_all_connections() -> None:
    connections = Connections(operations=2)
    operations = connections.operations
    with connections.of(ADA), operations.of(ADA), connections.of(ADA), operations.of(ADA):
        assert refused(operations.of(ADA)).startswith("2 operations run already on all")
        with operations.of(BOB):
            assert len(operations) == 3
    assert len(operations) == len(connections) == 0
