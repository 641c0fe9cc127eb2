"""Multipart requests that are wrong, and what they are answered."""

from typing import Any

import httpx
import pytest
from starlette.types import Message

from resolvers.uploads import UploadFailed
from schema.body import Body
from schema.http import HTTPLimits
from schema.multipart import MultipartLimits, read_multipart
from schema.parts import Parts
from tests.schema.envelopes import (
    HEADERS,
    LAST,
    UPLOAD,
    Wire,
    file_part,
    message_of,
    operations,
    part,
    paths,
    send,
    whole,
)
from tests.schema.toy import http_endpoint
from tests.schema.world import World
from tests.serving import Stage


class TestFaults:
    """Each is 400 (413 where it is about size), and never a fault of ours."""

    @pytest.fixture(autouse=True)
    def nothing_unexpected(self, world: World, stage: Stage) -> Any:
        limits = HTTPLimits(
            upload_bytes=200_000,
            idle_seconds=5,
            multipart=MultipartLimits(field_bytes=2_000, files=3),
        )
        stage.http = http_endpoint(world, limits)
        yield
        assert world.unexpected == []
        assert world.count == 0

    async def test_a_declared_file_that_does_not_come_is_refused(
        self, client: httpx.AsyncClient
    ) -> None:
        body = operations(2) + part("map", paths(2)) + file_part("0", b"x") + LAST

        assert "'1'" in message_of(await send(client, body))

    async def test_a_file_that_the_map_does_not_name_is_refused(
        self, client: httpx.AsyncClient
    ) -> None:
        body = operations(1) + part("map", paths(1)) + file_part("9", b"x") + LAST

        assert "'9' is not in the map" in message_of(await send(client, body))

    async def test_a_part_that_comes_twice_is_refused(self, client: httpx.AsyncClient) -> None:
        body = operations(1) + part("map", paths(1)) + file_part("0", b"x") * 2 + LAST

        assert "'0' came twice" in message_of(await send(client, body))

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "variables",
            "variables.",
            "query",
            "input.files.0",
            "variables.other",
            "variables.input",
            "variables.input.files",
            "variables.input.files.1",
            "variables.input.files.-1",
            "variables.input.files.00",
            "variables.input.files.\u0660",
            "variables.input.files.x",
            "variables.input.files.0.0",
            "0.variables.input.files.0",
            "variables.input.files." + "9" * 1_000,
            "variables" + ".input" * 200,
        ],
    )
    async def test_a_map_that_leads_nowhere_is_refused(
        self, client: httpx.AsyncClient, path: str
    ) -> None:
        body = operations(1) + part("map", {"0": [path]}) + file_part("0", b"x") + LAST

        assert "leads to" in message_of(await send(client, body))

    async def test_a_map_that_leads_to_a_value_is_refused(self, client: httpx.AsyncClient) -> None:
        body = (
            part("operations", {"query": UPLOAD, "variables": {"input": {"files": ["x"]}}})
            + part("map", paths(1))
            + file_part("0", b"x")
            + LAST
        )

        assert "leads to" in message_of(await send(client, body))

    async def test_two_files_for_one_variable_are_refused(self, client: httpx.AsyncClient) -> None:
        both = {"0": ["variables.input.files.0"], "1": ["variables.input.files.0"]}
        body = (
            operations(1) + part("map", both) + file_part("0", b"x") + file_part("1", b"x") + LAST
        )

        assert "leads to" in message_of(await send(client, body))

    @pytest.mark.parametrize(
        "targets", [[], ["variables.input.files.0", "variables.input.files.1"]]
    )
    async def test_a_file_for_no_or_two_variables_is_refused(
        self, client: httpx.AsyncClient, targets: list[str]
    ) -> None:
        body = operations(2) + part("map", {"0": targets}) + file_part("0", b"x") + LAST

        assert "exactly one variable" in message_of(await send(client, body))

    async def test_one_variable_used_twice_is_refused(self, client: httpx.AsyncClient) -> None:
        query = "mutation ($file: Upload!) { uploadNames(files: [$file, $file]) }"
        body = (
            part("operations", {"query": query, "variables": {"file": None}})
            + part("map", {"0": ["variables.file"]})
            + file_part("0", b"x")
            + LAST
        )

        response = await send(client, body)

        assert "once only" in response.json()["errors"][0]["message"]

    async def test_two_fields_that_read_files_are_refused(self, client: httpx.AsyncClient) -> None:
        query = """mutation ($a: Upload!, $b: Upload!) {
            b: uploadNames(files: [$b])
            a: uploadNames(files: [$a])
        }"""
        body = (
            part("operations", {"query": query, "variables": {"a": None, "b": None}})
            + part("map", {"a": ["variables.a"], "b": ["variables.b"]})
            + file_part("a", b"x")
            + file_part("b", b"x")
            + LAST
        )

        response = await send(client, body)

        (error,) = response.json()["errors"]
        assert error["path"] == ["a"]
        assert "one field" in error["message"]

    @pytest.mark.parametrize(
        "body",
        [
            file_part("0", b"x") + operations(1) + part("map", paths(1)) + LAST,
            part("map", paths(1)) + operations(1) + file_part("0", b"x") + LAST,
            operations(1) + file_part("0", b"x") + part("map", paths(1)) + LAST,
            operations(1) * 2 + part("map", paths(1)) + LAST,
            operations(1) + LAST,
            LAST,
        ],
    )
    async def test_parts_in_the_wrong_order_are_refused(
        self, client: httpx.AsyncClient, body: bytes
    ) -> None:
        assert "'operations' and 'map'" in message_of(await send(client, body))

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("operations", b""),
            ("operations", b"{"),
            ("operations", b"[]"),
            ("operations", b'[{"query": "{ viewer }"}]'),
            ("operations", b"{}"),
            ("operations", b'{"query": 1}'),
            ("operations", b'{"query": "{ viewer }", "variables": []}'),
            ("operations", b'{"query": "\xff"}'),
            ("operations", b"[" * 1_999),
            ("map", b""),
            ("map", b"[]"),
            ("map", b'{"0": "variables.input.files.0"}'),
            ("map", b'{"0": [0]}'),
            ("map", b'{"0": null}'),
            ("map", b'{"\xff": []}'),
        ],
    )
    async def test_operations_and_map_that_make_no_sense_are_refused(
        self, client: httpx.AsyncClient, field: str, value: bytes
    ) -> None:
        fields = {"operations": operations(1), "map": part("map", paths(1))}
        fields[field] = part(field, value)
        body = fields["operations"] + fields["map"] + file_part("0", b"x") + LAST

        assert message_of(await send(client, body))

    @pytest.mark.parametrize("cut", [3, 60, 150, -4, -30, -70])
    async def test_a_truncated_body_is_refused(self, client: httpx.AsyncClient, cut: int) -> None:
        assert message_of(await send(client, whole(b"x" * 50, b"y" * 50)[:cut]))

    @pytest.mark.parametrize(
        "content_type",
        [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            'multipart/form-data; boundary=""',
            "multipart/form-data; boundary=" + "x" * 71,
            "multipart/form-data; boundary=\u00fc",
        ],
    )
    async def test_a_missing_boundary_is_refused(
        self, client: httpx.AsyncClient, content_type: str
    ) -> None:
        headers = httpx.Headers(HEADERS | {"content-type": content_type}, encoding="utf-8")

        response = await client.post("/", content=b"x", headers=headers)

        assert "boundary" in message_of(response)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"no parts at all",
            b"--b0unda7y\n" + whole(b"x"),
            b"--b0unda7yX\r\n",
            b"--b0unda7y\r\n\r\nno head\r\n" + LAST,
            b"--b0unda7y\r\nContent-Disposition: attachment\r\n\r\nx\r\n" + LAST,
            b"--b0unda7y\r\nno colon\r\n\r\nx\r\n" + LAST,
            b"--b0unda7y\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + LAST,
            b"--b0unda7y\r\nContent-Disposition: form-data; name=\xff\r\n\r\nx\r\n" + LAST,
        ],
    )
    async def test_what_is_no_form_data_is_refused(
        self, client: httpx.AsyncClient, body: bytes
    ) -> None:
        assert message_of(await send(client, body))

    @pytest.mark.parametrize("field", ["operations", "map"])
    async def test_an_oversized_field_is_refused(
        self, client: httpx.AsyncClient, field: str
    ) -> None:
        fields = {"operations": operations(1), "map": part("map", paths(1))}
        fields[field] = part(field, b" " * 2_001)
        body = fields["operations"] + fields["map"] + file_part("0", b"x") + LAST

        assert "2000" in message_of(await send(client, body), 413)

    async def test_too_many_files_are_refused(self, client: httpx.AsyncClient) -> None:
        assert "3" in message_of(await send(client, whole(*[b"x"] * 4)))

    async def test_a_body_over_the_limit_is_refused(self, client: httpx.AsyncClient) -> None:
        response = await send(client, whole(b"x" * 100_000, b"y" * 100_001))

        assert "200000" in message_of(response, 413)

    @pytest.mark.parametrize(
        "disposition", ["\r\nX-Long: " + "x" * 5_000, "".join(f"\r\nX-{n}: y" for n in range(20))]
    )
    async def test_headers_that_are_too_large_are_refused(
        self, client: httpx.AsyncClient, disposition: str
    ) -> None:
        body = operations(1) + part("map", paths(1)) + part("0", b"x", disposition) + LAST

        assert "header" in message_of(await send(client, body), 413)

    async def test_a_client_that_goes_away_stops_the_operation(
        self, address: str, world: World
    ) -> None:
        body = whole(b"x" * 50_000)
        wire = await Wire.to(address, len(body))

        await wire.send(body[:-1_000])
        await world.first_chunk.wait()
        await wire.close()

        await world.stopped.wait()

    async def test_a_file_that_stops_coming_is_refused(
        self, address: str, world: World, stage: Stage
    ) -> None:
        stage.http = http_endpoint(world, HTTPLimits(idle_seconds=0.2))
        body = whole(b"x" * 50_000)
        wire = await Wire.to(address, len(body))

        await wire.send(body[:-1_000])

        head, answer = await wire.answer()
        assert head.startswith(b"HTTP/1.1 408 ")
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        await wire.close()

    async def test_after_a_fault_nothing_more_can_be_read(self) -> None:
        body = operations(1) + part("map", paths(1)) + file_part("9", b"x") + LAST

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        parts = Parts(Body(receive, limit=10**6, idle_seconds=1), "b0unda7y")
        _, uploads = await read_multipart(parts, MultipartLimits())

        for _ in range(2):
            with pytest.raises(UploadFailed, match="'9' is not in the map"):
                await anext(uploads.files())
        with pytest.raises(UploadFailed, match="'9' is not in the map"):
            await uploads.chunk()
