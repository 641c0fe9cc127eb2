"""Executions of the toy schema."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec

from schema.limits import DocumentLimits
from schema.rendering import Subscription
from schema.requests import GraphQLRequest
from schema.results import Result, encode
from tests.schema.toy import executor_of
from tests.schema.world import Context, World


async def execute(
    world: World,
    query: str,
    *,
    variables: dict[str, Any] | None = None,
    name: str | None = None,
    limits: DocumentLimits | None = None,
) -> dict[str, Any]:
    request = GraphQLRequest(query=query, variables=variables, operation_name=name)
    result = await executor_of(world, limits).execute(request, Context(world, "r1"))
    answer: dict[str, Any] = msgspec.json.decode(encode(result))
    assert all(error["extensions"]["code"] for error in answer.get("errors", ()))
    return answer


async def subscribe(world: World, query: str, **variables: object) -> Subscription | Result:
    request = GraphQLRequest(query=query, variables=variables)
    return await executor_of(world).subscribe(request, Context(world, "r1"))


async def results(subscription: Subscription | Result) -> AsyncIterator[dict[str, Any]]:
    assert isinstance(subscription, Subscription)
    async with aclosing(subscription.payloads()) as payloads:
        async for payload, _ in payloads:
            encoded = encode(payload) if isinstance(payload, Result) else payload
            yield msgspec.json.decode(encoded)


def codes(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]
