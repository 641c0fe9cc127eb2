"""The GraphQL multipart request specification: files stream into resolvers, faults are answered."""

import hashlib
import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Message

from schema.body import Body
from schema.multipart import MultipartLimits, read_multipart
from schema.parts import Parts
from tests.schema.envelopes import (
    LAST,
    NAMES,
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


class TestStreaming:
    async def test_files_arrive_whole_and_in_order(self, client: httpx.AsyncClient) -> None:
        contents = [b"one", b"", b"\r\n--b0unda7\r\n" * 999, bytes(range(256)) * 4_000]

        response = await send(client, whole(*contents))

        assert response.json()["data"]["upload"] == [
            {
                "name": "cells.png",
                "path": f"variables.input.files.{index}",
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for index, content in enumerate(contents)
        ]

    async def test_the_order_of_the_wire_counts_not_that_of_the_map(
        self, client: httpx.AsyncClient
    ) -> None:
        body = (
            operations(2)
            + part("map", paths(2))
            + file_part("1", b"second", "b.png")
            + file_part("0", b"first", "a.png")
            + LAST
        )

        response = await send(client, body)

        assert [
            (stored["name"], stored["path"]) for stored in response.json()["data"]["upload"]
        ] == [("b.png", "variables.input.files.1"), ("a.png", "variables.input.files.0")]

    async def test_a_single_file_variable(self, client: httpx.AsyncClient) -> None:
        query = "mutation ($file: Upload!) { uploadOne(file: $file) { size } }"
        body = (
            part("operations", {"query": query, "variables": {"file": None}})
            + part("map", {"x": ["variables.file"]})
            + file_part("x", b"12345")
            + LAST
        )

        assert (await send(client, body)).json() == {"data": {"uploadOne": {"size": 5}}}

    async def test_an_empty_list_of_files_is_a_list(self, client: httpx.AsyncClient) -> None:
        assert (await send(client, whole())).json() == {"data": {"upload": []}}

    async def test_a_request_without_files_is_a_request(self, client: httpx.AsyncClient) -> None:
        body = part("operations", {"query": "{ thing { number } }"}) + part("map", {}) + LAST

        assert (await send(client, body)).json() == {"data": {"thing": {"number": 1}}}

    async def test_the_operation_runs_while_files_are_on_the_wire(
        self, address: str, world: World
    ) -> None:
        body = whole(b"x" * 1_000)
        cut = len(body) - 500
        wire = await Wire.to(address, len(body))

        await wire.send(body[:cut])
        await world.first_chunk.wait()
        await wire.send(body[cut:])

        _, answer = await wire.answer()
        assert answer["data"]["upload"][0]["size"] == 1_000
        await wire.close()

    async def test_only_what_is_asked_for_is_taken_off_the_wire(self) -> None:
        body = whole(b"x" * 100_000, query=NAMES)
        taken = 0

        async def receive() -> Message:
            nonlocal taken
            chunk = body[taken : taken + 1_000]
            taken += len(chunk)
            return {"type": "http.request", "body": chunk, "more_body": taken < len(body)}

        parts = Parts(Body(receive, limit=10**9, idle_seconds=1), "b0unda7y")
        _, uploads = await read_multipart(parts, MultipartLimits())
        before = taken
        file = await anext(uploads.files())
        chunks = file.chunks()
        for _ in range(5):
            await anext(chunks)

        assert before <= 1_000
        assert taken <= 6_000

    async def test_a_large_file_is_never_held_in_memory(self, client: httpx.AsyncClient) -> None:
        size, block = 64 * 2**20, b"x" * 2**16

        async def body() -> AsyncIterator[bytes]:
            yield operations(1) + part("map", paths(1))
            yield file_part("0", b"")[:-2]
            for _ in range(size // len(block)):
                yield block
            yield b"\r\n" + LAST

        tracemalloc.start()
        response = await send(client, body())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert response.json()["data"]["upload"][0]["size"] == size
        assert peak < 4 * 2**20

    async def test_the_unread_rest_of_a_file_is_skipped(self, client: httpx.AsyncClient) -> None:
        response = await send(client, whole(b"x" * 300_000, b"y" * 300_000, query=NAMES))

        assert response.json() == {"data": {"uploadNames": ["cells.png"] * 2}}


class TestFileNames:
    @pytest.mark.parametrize(
        ("disposition", "name"),
        [
            ('; filename="a b.png"', "a b.png"),
            ('; filename="Ärger 細胞.png"', "Ärger 細胞.png"),
            ("; filename=plain.png", "plain.png"),
            ('; filename="../../etc/passwd"', "passwd"),
            ('; filename="C:\\\\lab\\\\cells.png"', "cells.png"),
            ('; filename="/abs/x.png/"', "x.png"),
            ('; filename="quo%22te.png"', 'quo"te.png'),
            ("; filename*=UTF-8''%C3%84rger%20%E7%B4%B0.png", "Ärger 細.png"),
            ("; filename=x.png; filename*=utf-8'de'%2Ftmp%2Fy.png", "y.png"),
            ("; filename*=iso-8859-1''%C4rger.png", "Ärger.png"),
            ("; filename*0*=UTF-8''%C3%84; filename*1*=rger.png", "Ärger.png"),
            ("; filename*0=cells; filename*1=.png", "cells.png"),
        ],
    )
    async def test_a_name_is_its_last_part_decoded(
        self, client: httpx.AsyncClient, disposition: str, name: str
    ) -> None:
        body = (
            operations(1, NAMES)
            + part("map", paths(1, NAMES))
            + part("0", b"x", disposition)
            + LAST
        )

        assert (await send(client, body)).json() == {"data": {"uploadNames": [name]}}

    @pytest.mark.parametrize(
        "disposition",
        [
            "",
            '; filename=""',
            '; filename=".."',
            '; filename="/"',
            '; filename="a\0b.png"',
            '; filename="a%0Ab.png"',
            "; filename*=UTF-8''%00",
            "; filename*=UTF-8''%FF.png",
            "; filename*=klingon''x.png",
            "; filename*=\0''x.png",
        ],
    )
    async def test_a_name_that_is_none_is_refused(
        self, client: httpx.AsyncClient, disposition: str
    ) -> None:
        body = (
            operations(1, NAMES)
            + part("map", paths(1, NAMES))
            + part("0", b"x", disposition)
            + LAST
        )

        assert "name" in message_of(await send(client, body))

    async def test_a_name_that_is_not_utf8_is_refused(self, client: httpx.AsyncClient) -> None:
        body = whole(b"x").replace(b"cells.png", b"cells\xff.png")

        assert "decode" in message_of(await send(client, body))
