"""Sending image files, and learning which ones a project has."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from io import FileIO
from pathlib import Path

from gql import FileVar
from msgspec import Struct

from client.connection import HubClient
from client.errors import BAD_USER_INPUT, Refused
from client.retrying import OnWait, Patience

_LONGEST_NAME = 255
_LARGE_PAGE = 500

_UPLOAD = """
mutation UploadImages($input: UploadImagesInput!) {
  uploadImages(input: $input) {
    repeated
    images { id name checksum sizeBytes }
    rejected { name code message }
    project { stats { revision } }
  }
}
"""
_CHECKSUMS = """
query Checksums($projectId: ID!, $first: Int, $after: String) {
  project(id: $projectId) {
    images(first: $first, after: $after) {
      edges { node { checksum } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""


class StoredImage(Struct, frozen=True, rename="camel"):
    """An image that the hub has. The checksum is the file's SHA-256 in hex, the size in bytes."""

    id: str
    name: str
    checksum: str
    size_bytes: int


class RejectedFile(Struct, frozen=True):
    """A file that the hub did not store, and why."""

    name: str
    code: str
    message: str


class _Stats(Struct, frozen=True):
    revision: int


class _Project(Struct, frozen=True):
    stats: _Stats


class Uploaded(Struct, frozen=True):
    """What came of an upload, in the order of its files.

    ``repeated``: these are the results of an earlier call with the same id; images that were
    deleted since are not among them.
    """

    repeated: bool
    images: list[StoredImage]
    rejected: list[RejectedFile]
    project: _Project


class _Checksum(Struct, frozen=True):
    checksum: str


class _Edge(Struct, frozen=True):
    node: _Checksum


class _PageInfo(Struct, frozen=True, rename="camel"):
    has_next_page: bool
    end_cursor: str | None


class _Images(Struct, frozen=True, rename="camel"):
    edges: list[_Edge]
    page_info: _PageInfo


class _ProjectImages(Struct, frozen=True):
    images: _Images


async def upload_images(
    hub: HubClient,
    project_id: str,
    paths: Sequence[Path],
    *,
    upload_id: str,
    on_sent: Callable[[int], None] = lambda _: None,
) -> Uploaded:
    """Send files in one call, streamed from disk; ``on_sent`` is told of each piece's bytes.

    Raises OSError where a file can't be read, and ClientError.
    """
    with ExitStack() as opened:
        # Opened here: the transport would close the files of other calls under way with its own.
        files = [opened.enter_context(_WatchedFile(path, on_sent)) for path in paths]
        variables = {
            "projectId": project_id,
            "uploadId": upload_id,
            "files": [
                FileVar(file, filename=sent_name(path))
                for file, path in zip(files, paths, strict=True)
            ],
        }
        return await hub.call(_UPLOAD, Uploaded, {"input": variables}, with_files=True)


async def checksums(
    hub: HubClient, project_id: str, patience: Patience, on_wait: OnWait
) -> set[str]:
    """Return the checksums of all images of a project; none where it is not to be seen.

    Raises ClientError.
    """
    found: set[str] = set()
    after: str | None = None
    first: int | None = _LARGE_PAGE

    async def page() -> _ProjectImages | None:
        variables = {"projectId": project_id, "first": first, "after": after}
        return await hub.find(_CHECKSUMS, _ProjectImages, variables)

    while True:
        try:
            project = await patience.call(page, on_wait)
        except Refused as error:
            if error.code != BAD_USER_INPUT or first is None:
                raise
            # This hub has smaller pages: it knows which.
            first = None
            continue
        if project is None:
            return found
        found |= {edge.node.checksum for edge in project.images.edges}
        if not project.images.page_info.has_next_page:
            return found
        after = project.images.page_info.end_cursor


def sent_name(path: Path) -> str:
    """Return what the hub is to call the file: its name, as far as that can be sent and shown."""
    # Backslashes and quotes have meanings in the header that the name is sent in.
    name = path.name.replace("\\", "_").replace('"', "'")
    printable = "".join(character for character in name if character.isprintable())
    return printable.strip()[:_LONGEST_NAME].strip() or "unnamed"


class _WatchedFile(FileIO):
    """A file that tells how much of it was read."""

    def __init__(self, path: Path, on_read: Callable[[int], None]) -> None:
        super().__init__(path)
        self._path = str(path)
        self._on_read = on_read

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to so many bytes; an OSError tells of which file."""
        try:
            chunk = super().read(size)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._path) from error
        self._on_read(len(chunk))
        return chunk
