"""Requests: one action on one wallet, under a key that is unique for ever.

The same key with the same content is answered again; with other content it is refused. A note
(who acted, and why) lies beside the journal, so that it can be erased.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from mutoscope.domain.actions import (
    OPERATIONS,
    REFERENCES,
    Absorb,
    Action,
    Adjust,
    Charge,
    Expire,
    Grant,
    Hold,
    Meter,
    Reference,
    Refund,
    Renew,
    Settle,
    Stand,
)
from mutoscope.domain.calendar import BillingAnchor
from mutoscope.domain.credits import (
    BadKey,
    Refusal,
    checked_amount,
    checked_code,
    checked_instant,
    checked_key,
)
from mutoscope.domain.journal import ABSENT, NOBODY, Attribution
from mutoscope.domain.lots import Terms

_SILENT = (Renew, Stand)
"""Actions that write no entry."""


class BadWorkspace(Refusal):
    """A workspace's id that is no UUID."""

    code = "bad_workspace"

    def __init__(self, *, workspace_id: object) -> None:
        super().__init__(f"workspace_id must be a uuid.UUID, not {workspace_id!r}")
        self.workspace_id = workspace_id


class BadAttribution(Refusal):
    """Somebody's id that is no UUID."""

    code = "bad_attribution"

    def __init__(self, *, name: str, value: object) -> None:
        super().__init__(f"{name} must be a uuid.UUID or None, not {value!r}")
        self.name = name
        self.value = value


class Note(NamedTuple):
    """Who acted and why, kept beside the journal so that it can be erased.

    The entry keeps the digest of salt, actor and text alone.
    """

    salt: bytes
    actor: str
    text: str

    def digest(self) -> bytes:
        """Return the 16 bytes that the entry keeps."""
        return sha256(self.salt + f"{self.actor}\n{self.text}".encode()).digest()[:16]


class Request(NamedTuple):
    """One action on one wallet under a key that is unique for ever in (workspace, namespace)."""

    workspace_id: UUID
    kind: str
    namespace: str
    key: str
    action: Action
    attribution: Attribution = NOBODY
    reason: str | None = None
    note: Note | None = None

    def digest(self) -> bytes:
        """Return 16 bytes that are equal for repeats with the same content."""
        text = f"{self.kind} {self.content()}"
        who = self.attribution
        if who is not NOBODY and who != NOBODY:
            text += " ".join(map(str, who))
        return sha256(text.encode()).digest()[:16]

    def content(self) -> str:
        """Return the operation and what a repeat of it must share."""
        action = self.action
        assert not isinstance(action, _SILENT), action
        return f"{OPERATIONS[type(action)]} {action.content()}"

    def references(self) -> tuple[Reference, ...]:
        """Return the earlier requests that this one is about."""
        field = REFERENCES.get(type(self.action))
        reference = getattr(self.action, field) if field else None
        return () if reference is None else (reference,)


def checked(request: Request) -> Request:
    """Return the request when each of its fields can stand in the journal.

    :raises BadWorkspace: when the workspace's id is no UUID.
    :raises BadAttribution: when somebody's id is no UUID.
    :raises BadKey: when a key, namespace, kind or reason is malformed.
    :raises BadAmount: when an amount is out of range.
    :raises NaiveInstant: when a datetime has no zone.
    :raises InstantOutOfReach: when a datetime lies beyond the years of a ledger.
    :raises UnknownZone: when a standing grant's zone is not in the database.
    """
    workspace_id, kind, namespace, key, action, attribution, reason, _ = request
    checked_workspace(workspace_id)
    if attribution is not NOBODY:
        _check_attribution(attribution)
    checked_key(key)
    checked_code(namespace, name="namespace")
    checked_code(kind, name="kind")
    if reason is not None:
        checked_code(reason, name="reason")
    for reference in request.references():
        checked_code(reference.namespace, name="namespace")
        checked_key(reference.key, name="reference")
    if (check := _CHECKS.get(type(action))) is not None:
        check(action)
    return request


def checked_workspace(workspace_id: UUID) -> UUID:
    """Return a workspace's id when it is one.

    :raises BadWorkspace: when it is no UUID.
    """
    if not isinstance(workspace_id, UUID):
        raise BadWorkspace(workspace_id=workspace_id)
    return workspace_id


def _check_attribution(attribution: Attribution) -> None:
    if not isinstance(attribution, Attribution):
        raise BadAttribution(name="attribution", value=attribution)
    for name, value in zip(Attribution._fields, attribution, strict=True):
        if value is not None and not isinstance(value, UUID):
            raise BadAttribution(name=name, value=value)


def _check_amount(action: Charge | Meter | Absorb) -> None:
    checked_amount(action.amount)


def _check_hold(action: Hold) -> None:
    checked_instant(action.deadline_at, name="deadline_at")
    checked_amount(action.amount)


def _check_settle(action: Settle) -> None:
    checked_amount(action.amount, least=0)


def _check_renew(action: Renew) -> None:
    checked_instant(action.deadline_at, name="deadline_at")


def _check_refund(action: Refund) -> None:
    if action.amount is not None:
        checked_amount(action.amount)


def _check_grant(action: Grant) -> None:
    _check_terms(action.terms)
    checked_amount(action.amount)


def _check_adjust(action: Adjust) -> None:
    if action.terms is not None:
        assert not action.grant, "a lot of its own, or another"
        _check_terms(action.terms)
    checked_amount(action.amount)


def _check_expire(action: Expire) -> None:
    checked_code(action.source, name="source")


def _check_stand(action: Stand) -> None:
    standing = action.standing
    checked_amount(standing.amount)
    BillingAnchor(at=standing.anchor_at, zone=standing.zone)  # refuses what nothing can begin at
    standing.next_terms()  # refuses a period of which no date can be computed
    if standing.ends_at is not None:
        checked_instant(standing.ends_at, name="ends_at")


_CHECKS: dict[type, Callable[[Any], None]] = {
    Charge: _check_amount, Meter: _check_amount, Absorb: _check_amount, Hold: _check_hold,
    Settle: _check_settle, Renew: _check_renew, Refund: _check_refund, Grant: _check_grant,
    Adjust: _check_adjust, Expire: _check_expire, Stand: _check_stand,
}  # fmt: skip


def _check_terms(terms: Terms) -> None:
    checked_code(terms.source, name="source")
    checked_instant(terms.effective_at, name="effective_at")
    if terms.expires_at is not None:
        checked_instant(terms.expires_at, name="expires_at")
    if terms.reference is not None:
        checked_key(terms.reference, name="reference")
        if terms.reference == ABSENT:
            raise BadKey(name="reference", value=terms.reference)  # it stands for none in a line
    if terms.paid_amount is not None or terms.currency is not None:
        checked_amount(terms.paid_amount, name="paid_amount", least=0)
        checked_code((terms.currency or "").lower(), name="currency")
