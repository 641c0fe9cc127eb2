"""What can be told of an address by looking at it."""

from urllib.parse import urlsplit

LOCAL = ("localhost", "127.0.0.1", "::1")
"""The names of this machine, to which the environment's proxies don't lead."""


def is_local(url: str) -> bool:
    """Tell whether the address is this machine's."""
    return urlsplit(url).hostname in LOCAL
