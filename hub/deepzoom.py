"""Pictures in tiles, for viewers that zoom, served to whoever holds a signed address."""

import re

from obstore.exceptions import BaseError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.conditional import http_date, is_unchanged
from hub.downloads import ALWAYS, only_reading, refusal
from hub.failures import FailureLog
from hub.leaving import while_there
from persistence.pyramid import OVERLAP, TILE_SIZE, Place, Shape
from persistence.trouble import DatabaseTrouble
from resolvers.addresses import ExpiredAddress, InvalidAddress
from resolvers.context import Services
from resolvers.deepzoom import DESCRIPTOR, TILES, SignedPicture
from resolvers.errors import HubError, NotFound, RateLimited
from resolvers.pyramids import TilesFailed

_NUMBER = "(0|[1-9][0-9]{0,8})"
_TILE = re.compile(rf"{TILES}/{_NUMBER}/{_NUMBER}_{_NUMBER}\.webp")
_DESCRIPTOR_TYPE, _TILE_TYPE = "application/xml", "image/webp"
# What stands around an etag, and before a weak one.
_NOT_OF_ETAGS = 'W/"'
_BUSY_SECONDS = "10"
_AWAY_SECONDS = "5"
_STATUS: dict[type[HubError], int] = {
    InvalidAddress: 403,
    ExpiredAddress: 403,
    NotFound: 404,
    TilesFailed: 422,
    RateLimited: 429,
}


class DeepZoomEndpoint:
    """The ASGI application behind addresses of pictures; its route has ``token`` and ``what``."""

    def __init__(self, services: Services) -> None:
        self._signer = services.deep_zoom_addresses
        self._pyramids = services.pyramids
        self._report = FailureLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, for as long as the client is there."""
        await while_there(receive, self._answer(Request(scope), send))

    async def _answer(self, request: Request, send: Send) -> None:
        response = await self._respond(request)
        await response(request.scope, request.receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return only_reading()
        try:
            signed = self._signer.verify(request.path_params["token"])
            return await self._serve(request, signed, request.path_params["what"])
        except HubError as error:
            later = {"Retry-After": _BUSY_SECONDS} if isinstance(error, RateLimited) else {}
            return refusal(_STATUS[type(error)], error.code, error.message, later)
        except (DatabaseTrouble, BaseError, OSError) as error:
            self._report(error, request.headers.get("x-request-id", ""))
            message = "The hub can't get at this picture: try again in a few seconds."
            return refusal(503, "SERVICE_UNAVAILABLE", message, {"Retry-After": _AWAY_SECONDS})

    async def _serve(self, request: Request, signed: SignedPicture, what: str) -> Response:
        place = _place_of(what)
        if place is None:
            kind = _DESCRIPTOR_TYPE
            pyramid = await self._pyramids.find(signed.project_id, signed.image_id)
            content = _descriptor(pyramid.index.shape)
        else:
            kind = _TILE_TYPE
            pyramid, content = await self._pyramids.tile(signed.project_id, signed.image_id, place)
        info = pyramid.info
        headers = {
            **ALWAYS,
            "Cache-Control": f"private, immutable, max-age={signed.seconds_left}",
            "ETag": f'"{info.etag.strip(_NOT_OF_ETAGS)}-{what}"',
            "Last-Modified": http_date(info.modified),
        }
        if is_unchanged(request.headers, headers["ETag"], info.modified):
            return Response(status_code=304, headers=headers)
        headers |= {"Content-Type": kind, "Content-Length": str(len(content))}
        return Response(b"" if request.method == "HEAD" else content, headers=headers)


def _place_of(what: str) -> Place | None:
    """Return which tile an address ends in; None for the descriptor. Raise NotFound."""
    if what == DESCRIPTOR:
        return None
    match = _TILE.fullmatch(what)
    if match is None:
        raise NotFound("Of a picture there are its descriptor and its tiles, and nothing else.")
    level, column, row = map(int, match.groups())
    return Place(level, column, row)


def _descriptor(shape: Shape) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008"'
        f' Format="webp" Overlap="{OVERLAP}" TileSize="{TILE_SIZE}">'
        f'<Size Width="{shape.width}" Height="{shape.height}"/></Image>\n'
    ).encode()
