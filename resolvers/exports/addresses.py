"""Signed addresses of exports: whoever holds one may download that export until it expires."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote
from uuid import UUID

from msgspec import Struct

from resolvers.addresses import Seal
from resolvers.exports.formats import ExportFormat

PREFIX = "/exports/"
RUNS, PROJECTS = "runs", "projects"

# An address signs nothing else that this secret may sign.
_PURPOSE = b"export address\n"
# In this order, whatever order they come in.
_PARTS = {RUNS: ("format", "expires"), PROJECTS: ("formats", "viewer", "expires")}


class SignedRun(Struct, frozen=True, kw_only=True):
    """One file of what one run found; the address is good for ``seconds_left`` more."""

    segmentation_id: UUID
    format: ExportFormat
    seconds_left: int


class SignedProject(Struct, frozen=True, kw_only=True):
    """An archive of a project, for the member to whom its address was handed out."""

    project_id: UUID
    viewer_id: UUID
    formats: Sequence[ExportFormat]


class ExportSigner:
    """Makes addresses of exports, and tells those made here from others."""

    def __init__(self, secret: bytes, lifetime_seconds: int) -> None:
        self._seal = Seal(secret, _PURPOSE, lifetime_seconds)

    def run_path(self, segmentation_id: UUID, format_: ExportFormat) -> str:
        """Return path and query of a file's address on this hub."""
        return self._signed(RUNS, segmentation_id, {"format": format_.value})

    def project_path(
        self, project_id: UUID, viewer_id: UUID, formats: Sequence[ExportFormat]
    ) -> str:
        """Return path and query of an archive's address on this hub."""
        query = {"formats": ",".join(formats), "viewer": viewer_id.hex}
        return self._signed(PROJECTS, project_id, query)

    def verify(self, what: str, key: str, query: Mapping[str, str]) -> SignedRun | SignedProject:
        """Return what the address stands for.

        ``what`` and ``key`` are the parts of its path behind PREFIX. Raise InvalidAddress or
        ExpiredAddress.
        """
        expires, signature = query.get("expires", ""), query.get("signature", "")
        left = self._seal.check(_unsigned(what, key, query), expires, signature)
        if what == RUNS:
            return SignedRun(
                segmentation_id=UUID(key), format=ExportFormat(query["format"]), seconds_left=left
            )
        return SignedProject(
            project_id=UUID(key),
            viewer_id=UUID(query["viewer"]),
            formats=[ExportFormat(name) for name in query["formats"].split(",")],
        )

    def _signed(self, what: str, key: UUID, query: Mapping[str, str]) -> str:
        complete = {**query, "expires": self._seal.expiry()}
        return self._seal.signed(_unsigned(what, key.hex, complete))


def _unsigned(what: str, key: str, query: Mapping[str, str]) -> str:
    # Quoted, so that no two exports can be written as the same text.
    parts = (f"{part}={quote(query.get(part, ''), safe=',')}" for part in _PARTS.get(what, ()))
    return f"{PREFIX}{quote(what, safe='')}/{quote(key, safe='')}?{'&'.join(parts)}"
