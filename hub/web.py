"""The pages that people open, and what they are made of. ``make web`` builds it from ``web/``.

A page lets nothing run but the hub's own files. Its scripts are under ``/assets/``, by names that
change with their content; what is styled at run time bears a nonce that no other answer has.
"""

import re
import secrets
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.settings import Settings

FOLDER: Final = Path(__file__).with_name("static")
"""Where the built pages are, if they were built."""

_NONCE: Final = "%NONCE%"
_FOR_A_YEAR: Final = "public, immutable, max-age=31536000"
_REFUSED: Final = re.compile(r".*;q=0(\.0*)?").fullmatch
_READING: Final = ("GET", "HEAD")
_HEADERS: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Pages:
    """The built pages in ``folder``; there are none where it is empty or missing.

    Those that are built anew while the hub runs are served from then on.
    """

    def __init__(self, settings: Settings, folder: Path = FOLDER) -> None:
        # The files of images are at the public address, whichever the page was opened at.
        self._sources = _sources(settings.public_url)
        self._folder = folder

    def page(self, name: str, status: int = 200) -> Response | None:
        """Return a page, ``index``, the application, or ``graphiql``; None where there is none."""
        try:
            content = (self._folder / f"{name}.html").read_text()
        except OSError:
            return None
        nonce = secrets.token_urlsafe(16)
        headers = {
            **_HEADERS,
            "Cache-Control": "no-store",
            "Content-Security-Policy": self._policy(name, nonce),
            "Vary": "Accept",
        }
        return Response(content.replace(_NONCE, nonce), status, headers, media_type="text/html")

    def asset(self, request: Request) -> Response:
        """Return a file of the pages, compressed where that was done and the client takes it."""
        name = request.path_params["name"]
        path, packed = self._asset(name), self._asset(f"{name}.gz")
        if path is None or name.endswith(".gz"):
            return _missing()
        headers = {**_HEADERS, "Cache-Control": _FOR_A_YEAR, "Vary": "Accept-Encoding"}
        if packed is None or not _takes_gzip(request.headers):
            return FileResponse(path, headers=headers)
        # What the content is, the name without the ending says.
        headers["Content-Encoding"] = "gzip"
        return FileResponse(packed, headers=headers, media_type=_media_type(path))

    async def welcome(self, request: Request) -> Response:
        """Answer at an address of the application; to programs, say where they find the API."""
        unknown = bool(request.path_params.get("unknown"))
        if wants_page(request.method, request.headers):
            page = self.page("index", 404 if unknown else 200)
            if page is not None:
                return page
        if unknown:
            return _missing()
        return JSONResponse(
            {"name": "Cell Segmentation Hub", "graphql": "/graphql"},
            headers={"Cache-Control": "no-store", "Vary": "Accept"},
        )

    def _asset(self, name: str) -> Path | None:
        path = self._folder / "assets" / name
        try:
            # One step down and no further, whatever separates folders here.
            return path if path.is_file() and path.name == name else None
        except OSError:
            # No file can have a name that is this long.
            return None

    def _policy(self, name: str, nonce: str) -> str:
        # The editor of GraphiQL makes its own styles, which know no nonce, and has workers.
        styles, workers = f"'self' 'nonce-{nonce}'", "'none'"
        if name == "graphiql":
            styles, workers = "'self' 'unsafe-inline'", "'self'"
        return "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                f"style-src {styles}",
                f"worker-src {workers}",
                f"img-src {self._sources} data: blob:",
                "font-src 'self'",
                f"connect-src {self._sources}",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            )
        )


class Explorable:
    """The GraphQL endpoint, where a browser that is led there finds GraphiQL."""

    def __init__(self, endpoint: ASGIApp, pages: Pages) -> None:
        self._endpoint = endpoint
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        page = None
        if wants_page(scope["method"], Headers(scope=scope)):
            page = self._pages.page("graphiql")
        await (page or self._endpoint)(scope, receive, send)


def wants_page(method: str, headers: Headers) -> bool:
    """Tell whether somebody opens a page, since browsers alone name HTML, and first."""
    accepted = headers.get("accept", "").split(",")
    return method in _READING and accepted[0].split(";")[0].strip().lower() == "text/html"


def _sources(public_url: str | None) -> str:
    # A path would stand for itself alone, and not for what is below it.
    parts = urlsplit(public_url or "")
    return f"'self' {parts.scheme}://{parts.netloc}" if public_url else "'self'"


def _takes_gzip(headers: Headers) -> bool:
    accepted = headers.get("accept-encoding", "").replace(" ", "").lower().split(",")
    return "gzip" in {coding.partition(";")[0] for coding in accepted if not _REFUSED(coding)}


def _media_type(path: Path) -> str | None:
    return FileResponse(path).media_type


def _missing() -> Response:
    return JSONResponse(
        {"code": "NOT_FOUND", "message": "There is nothing at this address."},
        404,
        {**_HEADERS, "Cache-Control": "no-store"},
    )
