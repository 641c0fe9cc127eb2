"""How often one may try: limits per account and per client address, within a window of time.

An attempt counts before it is made, so that many at once get no further than one after the other.
Accounts are counted by the hash of the e-mail address, whether or not there is such an account: the
answers don't tell. Who has signed in already is not held up; only new sign-ins of the account are.
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

from persistence import attempt
from resolvers.context import Context
from resolvers.errors import RateLimited

_IPV6_SITE_BITS = 64


def account_subject(email_key: str) -> str:
    """Name an account, real or not, without keeping what was typed: it may be anything."""
    return f"account:{_hash(email_key)}"


def address_subject(address: str) -> str:
    """Name a client's address; for IPv6 the network, of which one client has all addresses."""
    return f"address:{_network(address)}"


def sign_up_subject(address: str) -> str:
    """Name a client's address where accounts are made."""
    return f"sign-up:{_network(address)}"


def _network(address: str) -> str:
    try:
        ip = ip_address(address)
    except ValueError:
        # A proxy may hand on whatever a client claims its address to be.
        return _hash(address)
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(IPv6Network((int(ip), _IPV6_SITE_BITS), strict=False))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def count(context: Context, bounds: Mapping[str, int]) -> None:
    """Count an attempt against each subject; raise RateLimited if one has more than its bound."""
    services = context.services
    now = services.clock()
    window = timedelta(seconds=services.limits.sign_in_window_seconds)
    async with services.database.transaction() as unit:
        tallies = await attempt.count(unit.connection, bounds, now=now, window=window)
    waits = [
        tally.window_started_at + window - now
        for tally in tallies
        if tally.count > bounds[tally.subject]
    ]
    if waits:
        seconds = math.ceil(max(waits).total_seconds())
        raise RateLimited(f"Too many attempts: try again in {seconds} seconds.")
