"""Callers: who may speak to this house.

Invariant: no request gets past this without the key, or, in a house without one, from another
machine or by another name than this machine's. The surprising choice: the name (Host) and the page
that asks (Origin) are judged too, because a stranger's web page can make a browser on this machine
speak to it. A signed link needs no key, since it is one: it names a single file, for a while; a
provider that calls back proves itself by the address that only it was given, and a payment gateway
by its signature.
"""

import hmac
import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from mutoscope.app.call_backs import PATH
from mutoscope.domain.credits import Refusal
from mutoscope.web.errors import MEDIA_TYPE, NotAuthorised, NotLocal, problem_of

LINKS: Final = "/v1/links/"
"""Where signed links lead."""

OPEN: Final = (LINKS, f"{PATH}/")
"""What needs no key: signed links and the call backs of providers, which prove themselves."""

EVENTS: Final = re.compile(r"/v1/payments/[^/]+/events")
"""Where payment gateways send events, which are signed; all else about payments needs a key."""

LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

Headers = dict[bytes, bytes]


class Callers:
    """Lets those pass who may call, and answers the others itself."""

    def __init__(self, *, app: ASGIApp, api_key: str) -> None:
        """Stand before an application; an empty key lets in this machine alone."""
        self._app = app
        self._expected = f"Bearer {api_key}".encode() if api_key else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] == ScopeType.HTTP:
            refusal = self._refusal(scope)
            if refusal is not None:
                await _refuse(refusal, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers: Headers = dict(scope["headers"])
        if self._expected and _is_open(scope["path"]):
            return None
        if self._expected:
            given = headers.get(b"authorization", b"")
            return None if hmac.compare_digest(given, self._expected) else NotAuthorised()
        return local_refusal(client=scope["client"], headers=headers)


def local_refusal(*, client: tuple[str, int] | None, headers: Headers) -> NotLocal | None:
    """Return why a request is not of this machine, or None when it is."""
    if client is None or not _is_loopback(client[0]):
        return NotLocal(what="the client")
    host = headers.get(b"host", b"").decode("latin-1")
    if _name(host) not in LOCAL_NAMES:
        return NotLocal(what="the name in the header Host")
    origin = headers.get(b"origin")
    if origin is not None and _name(_authority(origin)) not in LOCAL_NAMES:
        return NotLocal(what="the page that asks (header Origin)")
    return None


def _is_open(path: str) -> bool:
    return path.startswith(OPEN) or EVENTS.fullmatch(path) is not None


def _is_loopback(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def _authority(origin: bytes) -> str:
    try:
        return urlsplit(origin.decode("latin-1")).netloc
    except ValueError:
        return ""


def _name(authority: str) -> str:
    """Return the name of `name:port`."""
    name, colon, port = authority.lower().rpartition(":")
    return name if colon and port.isdecimal() else authority.lower()


async def _refuse(refusal: Refusal, send: Send) -> None:
    problem = problem_of(refusal)
    headers = [(b"content-type", MEDIA_TYPE.encode())]
    if isinstance(refusal, NotAuthorised):
        headers.append((b"www-authenticate", b"Bearer"))
    await send({
        "type": "http.response.start", "status": problem["status"], "headers": headers,
    })  # fmt: skip
    await send({
        "type": "http.response.body", "body": msgspec.json.encode(problem), "more_body": False,
    })  # fmt: skip
