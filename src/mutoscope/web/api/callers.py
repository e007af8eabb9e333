"""Callers: who may speak to this house.

Invariant: no request gets past this without the key, or, in a house without one, from another
machine or by another name than this machine's. The surprising choice: the name (Host) and the page
that asks (Origin) are judged too, because a stranger's web page can make a browser on this machine
speak to it. A link needs no key, since it is one: it names a single file or thread for a while, a
payment, an invitation, or billing dates; a provider that calls back proves itself by the address
that only it was given, a payment gateway by its signature, and whoever gives a password, or signs
up, has no token yet. Tokens of staff and of their views are judged by `judge_token`, a guard of
every route, since that asks the database: what passes here with one of them still opens nothing.
"""

import hmac
import re
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation
from litestar.types import ASGIApp, Receive, Scope, Send

from mutoscope.app import staff, view_as
from mutoscope.app.call_backs import PATH
from mutoscope.app.members import PATH as INVITATIONS
from mutoscope.app.pay_links import PATH as PAY
from mutoscope.domain.chat_links import ANSWERS, CALENDARS, PAGES
from mutoscope.domain.credits import Refusal
from mutoscope.domain.staff import Actor, StaffAction, require
from mutoscope.domain.staff_token import STAFF_PREFIX, VIEW_PREFIX
from mutoscope.web.client_address import address_of
from mutoscope.web.errors import MEDIA_TYPE, NotAuthorised, NotLocal, StaffNeeded, problem_of

LINKS: Final = "/v1/links/"
"""Where signed links lead."""

SIGN_IN: Final = "/v1/staff/sign-in"
"""Where a name and its password become a token."""

PASSWORD: Final = "/v1/staff/password"  # noqa: S105 -- a path
"""Where somebody chooses another password with the old one."""

SIGN_UPS: Final = "/v1/sign-ups"
"""Where strangers sign up, and prove their address."""

OPEN: Final = (
    LINKS, f"{PATH}/", f"{ANSWERS}/", f"{PAGES}/", f"{CALENDARS}/", f"{PAY}/", f"{INVITATIONS}/",
    SIGN_IN, PASSWORD, SIGN_UPS,
)  # fmt: skip
"""What needs no key: links and the call backs of providers, which prove themselves, signing in,
choosing another password, and signing up."""

DESK: Final = ("/v1/desk/", "/v1/audit", "/v1/proposals", "/v1/finance/", "/v1/staff")
"""What a token of staff opens: nothing of what creators do, so that nobody acts in their name."""

TOKENS: Final = (f"Bearer {STAFF_PREFIX}".encode(), f"Bearer {VIEW_PREFIX}".encode())

EVENTS: Final = re.compile(r"/v1/payments/[^/]+/events")
"""Where payment gateways send events, which are signed; all else about payments needs a key."""

LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

Headers = dict[bytes, bytes]
_Connection = ASGIConnection[Any, Any, Any, Any]


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
        headers = _headers(scope)
        if self._expected and _is_open(scope["path"]):
            return None
        if self._expected:
            given = headers.get(b"authorization", b"")
            if given.startswith(TOKENS):
                return None  # `judge_token` is before every route
            return None if hmac.compare_digest(given, self._expected) else NotAuthorised()
        return local_refusal(client=scope["client"], headers=headers)


class NotForStaff(Refusal):
    """A creator's route, asked for with a token of staff."""

    code = "not_for_staff"

    def __init__(self) -> None:
        super().__init__(
            "a token of staff opens the desk alone: open a view to look at a workspace; nobody "
            "acts in its people's name"
        )


async def judge_token(connection: _Connection, _handler: BaseRouteHandler) -> None:
    """Pass a request that bears no token of ours, or one that opens what it asks for.

    :raises NotForStaff: when a token of staff is shown elsewhere than at the desk.
    :raises BadStaffToken: when it opens nothing.
    :raises ViewIsReadOnly: when a view is used to change something.
    :raises BadViewToken: when a view is over.
    :raises OutsideView: when a view is used beyond its workspace.
    """
    token = token_of_bearer(connection)
    path = connection.scope["path"]
    if token.startswith(VIEW_PREFIX):
        studio = connection.state.house.studio
        method = str(connection.scope.get("method", ""))
        await view_as.look(studio, token=token, method=method, path=path)
    elif token.startswith(STAFF_PREFIX):
        if not path.startswith(DESK):
            raise NotForStaff
        studio = connection.state.house.studio
        connection.state.actor = await staff.bearer(studio, token=token)


def token_of_bearer(connection: _Connection) -> str:
    """Return what a request bears, read from the very header that `Callers` has judged."""
    given = _headers(connection.scope).get(b"authorization", b"").decode("latin-1")
    scheme, _, token = given.partition(" ")
    return token if scheme == "Bearer" else ""


async def judge_viewer(connection: _Connection, _handler: BaseRouteHandler) -> None:
    """Pass who of the staff may look at the desk.

    :raises StaffNeeded: when nobody of them asks.
    :raises NotAllowed: when none of their roles may.
    """
    require(_actor_of(connection), StaffAction.VIEW)


async def judge_reader(connection: _Connection, _handler: BaseRouteHandler) -> None:
    """Pass the key of the house, and who of the staff may read the books.

    :raises NotAllowed: when none of their roles may.
    """
    actor: Actor | None = connection.state.get("actor")
    if actor is not None:
        require(actor, StaffAction.FINANCE)


async def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """Return who of the staff asks.

    :raises StaffNeeded: when nobody of them does.
    """
    return _actor_of(request)


ActorHere = NamedDependency[SkipValidation[Actor]]
"""Who of the staff asks, as the routes of the desk are given it."""


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


def _actor_of(connection: _Connection) -> Actor:
    actor: Actor | None = connection.state.get("actor")
    if actor is None:
        raise StaffNeeded
    return actor


def _is_open(path: str) -> bool:
    return path.startswith(OPEN) or EVENTS.fullmatch(path) is not None


def _headers(scope: Scope) -> Headers:
    return dict(scope["headers"])


def _is_loopback(address: str) -> bool:
    found = address_of(address)
    return found is not None and found.is_loopback


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
