"""Signed addresses of pictures in tiles: whoever holds one may look at that image until it expires.

All that signs is in the path, before the name of the descriptor: so the tiles lie beside it.
"""

import re
from uuid import UUID

from msgspec import Struct

from resolvers.addresses import InvalidAddress, Seal

PREFIX = "/deepzoom/"
DESCRIPTOR = "image.dzi"
TILES = "image_files"

# An address signs nothing else that this secret may sign.
_PURPOSE = b"deep zoom address\n"
_TOKEN = re.compile(
    "(?P<unsigned>(?P<project>[0-9a-f]{32})-(?P<image>[0-9a-f]{32})-(?P<expires>[0-9]{1,18}))"
    "-(?P<signature>[0-9a-f]{64})"
)


class SignedPicture(Struct, frozen=True, kw_only=True):
    """An image to be looked at; the address is good for ``seconds_left`` more."""

    project_id: UUID
    image_id: UUID
    seconds_left: int


class DeepZoomSigner:
    """Makes addresses of pictures in tiles, and tells those made here from others."""

    def __init__(self, secret: bytes, lifetime_seconds: int) -> None:
        self._seal = Seal(secret, _PURPOSE, lifetime_seconds)

    def path(self, project_id: UUID, image_id: UUID) -> str:
        """Return the path of the descriptor on this hub."""
        unsigned = f"{project_id.hex}-{image_id.hex}-{self._seal.expiry()}"
        return f"{PREFIX}{unsigned}-{self._seal.signature(unsigned)}/{DESCRIPTOR}"

    def verify(self, token: str) -> SignedPicture:
        """Return what an address stands for, of which ``token`` is the part behind PREFIX.

        Raise InvalidAddress or ExpiredAddress.
        """
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise InvalidAddress("This address is not valid. Copy it whole, or ask for a new one.")
        left = self._seal.check(match["unsigned"], match["expires"], match["signature"])
        return SignedPicture(
            project_id=UUID(match["project"]), image_id=UUID(match["image"]), seconds_left=left
        )
