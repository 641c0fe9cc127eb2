"""Calls of the toy endpoint over HTTP."""

import asyncio
from typing import Any

import httpx

QUERY = "{ thing { number } }"
DATA = {"data": {"thing": {"number": 1}}}
RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
PREFLIGHT = {"GraphQL-Preflight": "1"}


async def post(
    client: httpx.AsyncClient, query: str = QUERY, accept: str = RESPONSE, **more: object
) -> httpx.Response:
    return await client.post("/", json={"query": query, **more}, headers={"accept": accept})


async def post_raw(
    client: httpx.AsyncClient, content: bytes, content_type: str | None = JSON
) -> httpx.Response:
    headers = {} if content_type is None else {"content-type": content_type}
    return await client.post("/", content=content, headers=headers)


def code_of(response: httpx.Response) -> str:
    answer: dict[str, Any] = response.json()
    assert set(answer) == {"errors"}
    (error,) = answer["errors"]
    assert error["message"]
    code: str = error["extensions"]["code"]
    return code


async def exchange(address: str, request: bytes) -> bytes:
    """Send bytes as they are and return all that comes back."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()
