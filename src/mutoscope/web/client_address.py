"""The address of a client: where a request comes from, as far as that is known.

Invariant: nothing that a client writes is believed. X-Forwarded-For counts for as much of it as
proxies that the operator named have added: it is read from its end, and the first address that is
none of theirs is the client's. Without such proxies it is whoever holds the other end of the line.
The surprising choice: of IPv6 the first 64 bits are one client, since whoever has one such address
has all of them.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from mutoscope.settings import Networks

UNKNOWN: Final = "unknown"
"""The network of clients without an address, such as over a Unix socket: they count as one."""

PREFIX_BITS: Final = 64

Address = IPv4Address | IPv6Address


def network_of(
    *, client: tuple[str, int] | None, forwarded: Iterable[str], proxies: Networks
) -> str:
    """Return the network of a client: an address of IPv4, or the first 64 bits of one of IPv6.

    `forwarded` are the headers X-Forwarded-For in their order.
    """
    found = None if client is None else address_of(client[0])
    if found is None:
        return UNKNOWN
    for before in _from_the_end(forwarded):
        if before is None or not _is_proxy(found, proxies):
            break
        found = before
    if isinstance(found, IPv4Address):
        return str(found)
    return str(IPv6Network((int(found), PREFIX_BITS), strict=False))


def address_of(text: str) -> Address | None:
    """Return the address of a text, that of IPv4 where IPv6 wraps one; None when it is none."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _from_the_end(forwarded: Iterable[str]) -> Iterator[Address | None]:
    for text in reversed(",".join(forwarded).split(",")):
        yield address_of(text.strip())


def _is_proxy(address: Address, proxies: Networks) -> bool:
    return any(address in network for network in proxies)
