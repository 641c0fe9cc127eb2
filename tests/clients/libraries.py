"""The libraries that docs/clients.md has snippets for."""

from contextlib import AbstractAsyncContextManager

from tests.clients import node
from tests.clients.programs import Client

LIBRARIES = ("graphql-ws", "apollo", "urql", "relay")


def snippet(library: str, url: str) -> AbstractAsyncContextManager[Client]:
    """Run a client that is made of the snippets of a library."""
    return node.snippet(library, url)
