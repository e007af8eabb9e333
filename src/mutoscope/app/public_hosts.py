"""Which hosts may be called when an address came from somebody that nobody has reason to trust.

Invariant: no address inside this network is returned. A name is looked up once, every answer is
checked, and the caller connects to the address that was checked, so that a name cannot change its
meaning in between. Downloads of providers and webhooks share this one guard.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

Resolve = Callable[[str], Awaitable[tuple[str, ...]]]

_TRANSLATION: Final = ip_network("64:ff9b::/96")
_OWN_TRANSLATION: Final = ip_network("64:ff9b:1::/48")
"""IPv6 addresses that stand for IPv4 ones: of the net, and of a network's own making."""


class HostInside(Exception):
    """A host that lies inside this network, or that nobody knows."""

    def __init__(self, *, host: str) -> None:
        super().__init__(f"{host} is inside this network")
        self.host = host


async def resolve(host: str) -> tuple[str, ...]:
    """Return every address that a name has."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(str(address[0]) for *_, address in found)


async def public_address(host: str, *, resolve: Resolve = resolve) -> str:
    """Return an address of a host, all of whose addresses are public.

    :raises HostInside: when one of them is not.
    """
    addresses = await resolve(host)
    if not addresses or not all(is_public(address) for address in addresses):
        raise HostInside(host=host)
    return addresses[0]


def is_public(address: str) -> bool:
    """Tell whether an address is of the public net; IPv4 inside IPv6 is looked at, too."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found in _OWN_TRANSLATION:
            return False
        translated = IPv4Address(found.packed[-4:]) if found in _TRANSLATION else None
        found = found.ipv4_mapped or found.sixtofour or translated or found
    return found.is_global and not found.is_multicast
