"""Whatever a test does stays on this machine: any other address fails it, by name."""

import socket
import sys
from ipaddress import ip_address

RESERVED = (".example", ".invalid", ".test")
"""Ends of names that nobody has (RFC 2606): they are not found, and nobody is asked for them."""

ANY_OF_OURS = frozenset({"", "localhost", "0.0.0.0", "::"})


class LeftTheMachineError(Exception):
    """A test that spoke to another machine."""

    def __init__(self, *, host: str) -> None:
        super().__init__(f"tests speak to loopback alone, and this one turned to {host}")


def stay() -> None:
    """Let no socket of this process be opened to another machine, until its end."""
    sys.addaudithook(_watch)


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        _check(arguments[0], is_called=False)
    elif event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        if isinstance(address, tuple):
            _check(address[0], is_called=True)


def _check(host: object, *, is_called: bool) -> None:
    """Pass for this machine, and for an address that is looked up, for which nobody is asked."""
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in ANY_OF_OURS:
        return
    assert isinstance(name, str), name
    if name.rstrip(".").endswith(RESERVED):
        raise socket.gaierror(socket.EAI_NONAME, f"nobody is called {name}")
    try:
        is_ours = ip_address(name).is_loopback or not is_called
    except ValueError:
        is_ours = name.endswith(".localhost")
    if not is_ours:
        raise LeftTheMachineError(host=name)
