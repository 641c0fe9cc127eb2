"""The files of a request, as they arrive: nothing is kept, each byte is handed on once.

A resolver gets a handle for each file that its arguments name, and reads them in the order in which
they come over the wire:

    async for file in arriving(handles):
        async for chunk in file.chunks():
            ...

Whatever is wrong with the request's body (it ends early, it is too large, a file that was promised
does not come) is raised as UploadFailed, at the latest when the loop ends; so a resolver that
commits after the loop commits whole uploads only.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from resolvers.errors import BadUserInput


class UploadFailed(BadUserInput):
    """The request's files can't be read to their end."""


class UploadedFile(Protocol):
    """A file on the wire."""

    @property
    def index(self) -> int:
        """Its place among the files that the request announced."""
        ...

    @property
    def name(self) -> str:
        """What the client calls it, without directories; never empty."""
        ...

    @property
    def field(self) -> str:
        """The name of the body's part that it is."""
        ...

    @property
    def variable_path(self) -> str:
        """The variable that it came for, as ``variables.input.files.0``."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes, once. Good until the next file is asked for, which skips the rest."""
        ...


class UploadStream(Protocol):
    """All files of one request, shared by all its handles."""

    def files(self) -> AsyncIterator[UploadedFile]:
        """Yield the files in the order of their arrival, each once, whoever asks."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class UploadHandle:
    """What a variable of type Upload holds: the file with this index of this stream."""

    stream: UploadStream
    index: int


async def arriving(handles: Sequence[UploadHandle]) -> AsyncIterator[UploadedFile]:
    """Yield the files of these handles in the order of their arrival.

    Raises BadUserInput where two handles name one file or another field has read some of them, and
    UploadFailed where the body is not what it promised.
    """
    if not handles:
        return
    missing = {handle.index for handle in handles}
    if len(missing) < len(handles):
        raise BadUserInput("Each file can be given once only.")
    async for file in handles[0].stream.files():
        if file.index in missing:
            missing.discard(file.index)
            yield file
    if missing:
        raise BadUserInput("Files can be read by one field of a request only.")
