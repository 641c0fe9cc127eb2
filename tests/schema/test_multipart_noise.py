"""Whatever comes in a multipart request is read or refused, and nothing else happens."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message

from resolvers.uploads import UploadFailed
from schema.body import Body
from schema.multipart import MultipartLimits, read_multipart
from schema.parts import Part, Parts, file_name
from schema.refusal import Refusal
from tests.schema.envelopes import whole


async def _read(body: bytes, step: int) -> None:
    chunks = [body[start : start + step] for start in range(0, len(body), step)]

    async def receive() -> Message:
        chunk = chunks.pop(0) if chunks else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    parts = Parts(Body(receive, limit=10**6, idle_seconds=1), "b0unda7y")
    try:
        _, uploads = await read_multipart(parts, MultipartLimits())
        async for file in uploads.files():
            async for _ in file.chunks():
                pass
    except (Refusal, UploadFailed):
        pass


@given(st.data())
@settings(max_examples=300)
async def test_a_damaged_body_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(whole(b"x" * 40, b"\r\n--b0unda7"))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = start + data.draw(st.integers(0, 12))
        body[start:end] = data.draw(st.binary(max_size=12))

    await _read(bytes(body), data.draw(st.integers(1, 200)))


@given(st.text(st.sampled_from("filename*=0123'%;\" ütf細-8\\/aA.\0"), max_size=60))
@settings(max_examples=500)
def test_a_damaged_disposition_has_a_name_or_is_refused(noise: str) -> None:
    with suppress(Refusal):
        assert file_name(Part("0", None, f"form-data; filename*{noise}"))
