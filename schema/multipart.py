"""The GraphQL multipart request specification, streamed: files are handed on while they arrive.

The parts ``operations`` and ``map`` come first, as the specification has it, and are read before
anything is executed; the files are read by resolvers (see ``resolvers.uploads``), and only as fast
as these ask for them.
"""

from collections.abc import AsyncIterator
from http import HTTPStatus

import msgspec
from msgspec import Struct

from resolvers.errors import BadUserInput
from resolvers.uploads import UploadedFile, UploadFailed, UploadHandle
from schema.body import ClientGone
from schema.parts import Part, Parts, file_name
from schema.refusal import Refusal, bad_request
from schema.requests import GraphQLRequest, decode_json, decode_request

_LARGEST_INDEX_DIGITS = 6
_map_decoder = msgspec.json.Decoder(dict[str, list[str]])


class MultipartLimits(Struct, frozen=True, kw_only=True):
    """Bounds of the parts before the files, in bytes each, and of the number of files."""

    field_bytes: int = 2**20
    files: int = 1_000


class _Declared(Struct, frozen=True):
    """A file that the map promises."""

    index: int
    variable_path: str


async def read_multipart(parts: Parts, limits: MultipartLimits) -> tuple[GraphQLRequest, "Uploads"]:
    """Read the request and the map; each variable that the map names becomes an UploadHandle.

    Raises Refusal for whatever is wrong with them.
    """
    operations = await _read_field(parts, "operations", limits)
    encoded_map = await _read_field(parts, "map", limits)
    try:
        request = decode_request(operations, "The part 'operations'")
        paths = decode_json(_map_decoder, encoded_map, "The part 'map'")
        declared = _declare(paths, limits)
        uploads = Uploads(parts, declared)
        for file in declared.values():
            _place(request.variables, file.variable_path, UploadHandle(uploads, file.index))
    except BadUserInput as error:
        raise bad_request(error) from None
    return request, uploads


class Uploads:
    """The files of a request (an UploadStream). ``failure`` is what was wrong with its body."""

    def __init__(self, parts: Parts, declared: dict[str, _Declared]) -> None:
        self._parts = parts
        self._declared = declared
        self._missing = dict(declared)
        self.failure: Refusal | None = None

    async def files(self) -> AsyncIterator[UploadedFile]:
        """Yield the files in the order of their arrival, each once."""
        while file := await self._next():
            yield file

    async def chunk(self) -> bytes:
        """Return the next bytes of the file that came last, none at its end."""
        self._raise_failure()
        try:
            return await self._parts.chunk()
        except (Refusal, ClientGone) as error:
            raise self._failed(error) from None

    async def _next(self) -> "_File | None":
        self._raise_failure()
        try:
            if part := await self._parts.next():
                return self._take(part)
            self._expect_no_more()
        except (Refusal, ClientGone) as error:
            raise self._failed(error) from None
        return None

    def _take(self, part: Part) -> "_File":
        declared = self._missing.pop(part.name, None)
        if declared is not None:
            return _File(self, declared, part.name, file_name(part))
        problem = "came twice" if part.name in self._declared else "is not in the map"
        raise Refusal(HTTPStatus.BAD_REQUEST, f"The part {part.name[:64]!r} {problem}.")

    def _expect_no_more(self) -> None:
        if self._missing:
            fields = ", ".join(repr(field[:64]) for field in list(self._missing)[:3])
            raise Refusal(HTTPStatus.BAD_REQUEST, f"Files of the map did not come: {fields}.")

    def _failed(self, error: Refusal | ClientGone) -> UploadFailed:
        if isinstance(error, ClientGone):
            error = Refusal(HTTPStatus.BAD_REQUEST, "The connection was closed too early.")
        self.failure = error
        return UploadFailed(error.message)

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise UploadFailed(self.failure.message)


class _File:
    """A file on the wire (an UploadedFile)."""

    def __init__(self, uploads: Uploads, declared: _Declared, field: str, name: str) -> None:
        self._uploads = uploads
        self.index = declared.index
        self.variable_path = declared.variable_path
        self.field = field
        self.name = name

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes, once."""
        while chunk := await self._uploads.chunk():
            yield chunk


async def _read_field(parts: Parts, name: str, limits: MultipartLimits) -> bytes:
    part = await parts.next()
    if part is None or part.name != name:
        raise Refusal(
            HTTPStatus.BAD_REQUEST, "The body must begin with the parts 'operations' and 'map'."
        )
    value = bytearray()
    while chunk := await parts.chunk():
        value += chunk
        if len(value) > limits.field_bytes:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The part {name!r} is too large; the limit is {limits.field_bytes} bytes.",
            )
    return bytes(value)


def _declare(paths: dict[str, list[str]], limits: MultipartLimits) -> dict[str, _Declared]:
    if len(paths) > limits.files:
        raise BadUserInput(f"The request has {len(paths)} files; the limit is {limits.files}.")
    for field, variables in paths.items():
        if len(variables) != 1:
            raise BadUserInput(f"The map must give {field[:64]!r} to exactly one variable.")
    return {
        field: _Declared(index, variables[0])
        for index, (field, variables) in enumerate(paths.items())
    }


def _place(variables: dict[str, object] | None, path: str, handle: UploadHandle) -> None:
    """Put the handle where the path leads, which must be a null."""
    root, *keys = path.split(".")
    target: object = variables
    if root == "variables" and keys:
        for key in keys[:-1]:
            target = _step(target, key)
        if isinstance(target, dict) and target.get(keys[-1], handle) is None:
            target[keys[-1]] = handle
            return
        if isinstance(target, list) and _step(target, keys[-1]) is None:
            target[int(keys[-1])] = handle
            return
    raise BadUserInput(f"The map leads to {path[:128]!r}, where there is no null variable.")


_NOWHERE = object()


def _step(target: object, key: str) -> object:
    if isinstance(target, dict):
        return target.get(key, _NOWHERE)
    if isinstance(target, list) and key.isdecimal() and len(key) <= _LARGEST_INDEX_DIGITS:
        index = int(key)
        # Not "01" nor digits of another script: each place has one path.
        return target[index] if str(index) == key and index < len(target) else _NOWHERE
    return _NOWHERE
