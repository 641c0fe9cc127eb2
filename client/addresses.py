"""What can be told of an address by looking at it."""

from urllib.parse import urlsplit


def is_local(url: str) -> bool:
    """Tell whether the address is this machine's, to which the environment's proxies don't lead."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
