"""Stored files, served to whoever holds a signed address."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hub.conditional import RangeNotSatisfiable, http_date, is_unchanged, wanted_range
from hub.downloads import ALWAYS, disposition, only_reading, refusal
from persistence.blobs import BlobInfo, BlobNotFound, BlobStore
from resolvers.addresses import AddressSigner, ExpiredAddress, InvalidAddress, SignedFile


class FileEndpoint:
    """The ASGI application behind addresses that ``signer`` made; its route has a ``key`` path."""

    def __init__(self, blobs: BlobStore, signer: AddressSigner) -> None:
        self._blobs = blobs
        self._signer = signer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._respond(Request(scope))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return only_reading()
        try:
            file = self._signer.verify(request.path_params["key"], request.query_params)
            return await self._serve(request, file, await self._blobs.stat(file.key))
        except (InvalidAddress, ExpiredAddress) as error:
            return refusal(403, error.code, error.message)
        except BlobNotFound:
            return refusal(404, "NOT_FOUND", "The file was deleted.")

    async def _serve(self, request: Request, file: SignedFile, info: BlobInfo) -> Response:
        headers = _headers(file, info)
        if is_unchanged(request.headers, info.etag, info.modified):
            return Response(status_code=304, headers=headers)
        headers |= {"Content-Type": file.mime_type, "Content-Disposition": _disposition(file)}
        if request.method == "HEAD":
            return Response(headers={**headers, "Content-Length": str(info.size)})
        try:
            span = wanted_range(request.headers, info.etag, info.modified, info.size)
        except RangeNotSatisfiable:
            return refusal(
                416,
                "RANGE_NOT_SATISFIABLE",
                "The file ends before that range.",
                {"Content-Range": f"bytes */{info.size}"},
            )
        start, end = span or (0, info.size)
        if span:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{info.size}"
        headers["Content-Length"] = str(end - start)
        body = await _begun(self._blobs.stream(file.key, start, end))
        return StreamingResponse(body, 206 if span else 200, headers)


async def _begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Read the first piece, so that a file deleted meanwhile is still a 404."""
    first = await anext(pieces, b"")

    async def body() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return body()


def _headers(file: SignedFile, info: BlobInfo) -> dict[str, str]:
    return {
        **ALWAYS,
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, immutable, max-age={file.seconds_left}",
        "ETag": info.etag,
        "Last-Modified": http_date(info.modified),
    }


def _disposition(file: SignedFile) -> str:
    manner = "inline" if file.mime_type.startswith("image/") else "attachment"
    return disposition(manner, file.filename)
