"""The libraries that docs/clients.md has snippets for, and clients made of those."""

import sys
from contextlib import AbstractAsyncContextManager

from tests.clients.preparation import ROOT
from tests.clients.programs import Client, running
from tests.node import NODE

LIBRARIES = ("graphql-ws", "apollo", "urql", "relay", "gql", "ariadne-codegen")

_FOLDER = ROOT / "tests" / "clients"
_PYTHON = {"gql": "with_gql", "ariadne-codegen": "with_ariadne_codegen"}


def snippet(library: str, url: str) -> AbstractAsyncContextManager[Client]:
    """Run a client that is made of the snippets of a library."""
    if library in _PYTHON:
        module = f"tests.clients.snippets.{_PYTHON[library]}"
        return running(library, [sys.executable, "-m", module], {"url": url}, ROOT)
    return _node(library, f"snippets/{library}.mjs", {"url": url})


def client(
    library: str, url: str, token: str, **settings: object
) -> AbstractAsyncContextManager[Client]:
    """Run a client that subscribes to whatever it is told."""
    return _node(library, f"{library}.mjs", settings | {"url": url, "token": token})


def _node(
    library: str, program: str, settings: dict[str, object]
) -> AbstractAsyncContextManager[Client]:
    return running(library, [NODE, "--import", "./loader.mjs", program], settings, _FOLDER)
