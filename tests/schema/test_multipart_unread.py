"""Multipart requests that are answered without having been read to the end."""

import httpx
import pytest

from tests.schema.envelopes import (
    HEADERS,
    Wire,
    file_part,
    message_of,
    operations,
    part,
    paths,
    send,
    whole,
)
from tests.schema.world import World
from tests.serving import Stage


async def test_without_a_viewer_nothing_is_read(address: str, world: World, stage: Stage) -> None:
    anonymous = {key: value for key, value in HEADERS.items() if key != "authorization"}
    wire = await Wire.to(address, 10**12, anonymous)

    head, answer = await wire.answer()

    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nwww-authenticate: Bearer\r\n" in head
    assert b"\r\nconnection: close\r\n" in head
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    await wire.close()


async def test_without_a_preflight_header_it_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/",
        content=whole(b"x"),
        headers={key: value for key, value in HEADERS.items() if key != "GraphQL-Preflight"},
    )

    assert "GraphQL-Preflight" in message_of(response)


@pytest.mark.parametrize(
    ("field", "answered"),
    [("uploadForbidden", None), ("uploadIgnored", {"uploadIgnored": 1})],
)
async def test_a_field_that_does_not_read_is_answered_at_once(
    address: str, field: str, answered: object
) -> None:
    query = f"mutation ($files: [Upload!]!) {{ {field}(files: $files) }}"
    wire = await Wire.to(address, 10**12)
    await wire.send(
        operations(1, query) + part("map", paths(1, query)) + file_part("0", b"x" * 1_000)
    )

    head, answer = await wire.answer()

    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in head
    assert answer["data"] == answered
    await wire.close()


async def test_a_short_unread_rest_keeps_the_connection(client: httpx.AsyncClient) -> None:
    query = "mutation ($files: [Upload!]!) { uploadIgnored(files: $files) }"

    for _ in range(2):
        response = await send(client, whole(b"x" * 500_000, query=query))
        assert response.json() == {"data": {"uploadIgnored": 1}}
        assert "connection" not in response.headers
