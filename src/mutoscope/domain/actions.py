"""Actions: what may be asked of a wallet, as values.

`content` is the text that a repeat of the same request must share. Deadlines are left out of it,
since they renew, and so is the instant from which a lot is spendable: a caller that repeats a grant
says "now" at another time. Amounts are credits.
"""

from datetime import datetime
from typing import NamedTuple

from mutoscope.domain.chart import Operation
from mutoscope.domain.credits import checked_instant
from mutoscope.domain.lots import Terms
from mutoscope.domain.standing import StandingGrant


class Reference(NamedTuple):
    """The key of an earlier request, with its namespace."""

    namespace: str
    key: str


class Grant(NamedTuple):
    """Give credits as one lot; frozen at once when its owner has no active plan."""

    amount: int
    terms: Terms
    is_frozen: bool = False

    def content(self) -> str:
        """Return what a repeat must share."""
        return f"{self.amount} {terms_content(self.terms)} {self.is_frozen}"


class Hold(NamedTuple):
    """Set credits aside for a job until a deadline; a metered hold draws no lot."""

    amount: int
    deadline_at: datetime
    is_metered: bool = False

    def content(self) -> str:
        """Return what a repeat must share."""
        return f"{self.amount} {self.is_metered}"


class Settle(NamedTuple):
    """Capture part of a hold (0 for nothing) and release the rest."""

    hold: Reference
    amount: int

    def content(self) -> str:
        """Return what a repeat must share."""
        return f"{self.amount} {self.hold.namespace} {self.hold.key}"


class Release(NamedTuple):
    """Give a hold back whole to the lots it came from."""

    hold: Reference

    def content(self) -> str:
        """Return what a repeat must share."""
        return f"{self.hold.namespace} {self.hold.key}"


class Charge(NamedTuple):
    """Hold and capture at once."""

    amount: int

    def content(self) -> str:
        """Return what a repeat must share."""
        return str(self.amount)


class Meter(NamedTuple):
    """Record unlimited use; no lot is drawn."""

    amount: int

    def content(self) -> str:
        """Return what a repeat must share."""
        return str(self.amount)


class Absorb(NamedTuple):
    """Record what the operator pays for: an overrun, or a success after its hold's release."""

    amount: int
    of: Reference | None = None

    def content(self) -> str:
        """Return what a repeat must share."""
        return f"{self.amount} {self.of}"


class Refund(NamedTuple):
    """Return captured credits of one entry, once, the last draw first; all of them by default."""

    of: Reference
    amount: int | None = None

    def content(self) -> str:
        """Return what a repeat must share."""
        return f"{self.amount} {self.of.namespace} {self.of.key}"


class Expire(NamedTuple):
    """End every lot of a source before its time (a trial, when a plan starts)."""

    source: str

    def content(self) -> str:
        """Return what a repeat must share."""
        return self.source


class Void(NamedTuple):
    """Undo a grant: what is left of its lot, and what comes back to it later."""

    grant: Reference

    def content(self) -> str:
        """Return what a repeat must share."""
        return f"{self.grant.namespace} {self.grant.key}"


class Adjust(NamedTuple):
    """Correct a balance: up as a new lot when `terms` are given, else down.

    Downwards it takes from one grant's lot when that is named, else in the spend order.
    """

    amount: int
    terms: Terms | None = None
    grant: Reference | None = None

    def content(self) -> str:
        """Return what a repeat must share."""
        if self.terms is not None:
            return f"{self.amount} {terms_content(self.terms)}"
        of = "" if self.grant is None else f" {self.grant.namespace} {self.grant.key}"
        return f"{self.amount} down{of}"


class Freeze(NamedTuple):
    """Make one grant's lot, or every purchased lot, visible but not spendable."""

    grant: Reference | None = None

    def content(self) -> str:
        """Return what a repeat must share."""
        return str(self.grant)


class Thaw(NamedTuple):
    """Make one grant's frozen lot, or every frozen lot, spendable again."""

    grant: Reference | None = None

    def content(self) -> str:
        """Return what a repeat must share."""
        return str(self.grant)


class Forfeit(NamedTuple):
    """Give up every lot of the wallet: the account is closed."""

    def content(self) -> str:
        """Return what a repeat must share."""
        return ""


class Renew(NamedTuple):
    """Move the deadline of an open hold; no credits move and no entry is written."""

    hold: Reference
    deadline_at: datetime


class Stand(NamedTuple):
    """Begin or change the monthly grants of a subscription; what is due is posted at once."""

    standing: StandingGrant


Action = (
    Grant | Hold | Settle | Release | Charge | Meter | Absorb | Refund
    | Expire | Void | Adjust | Freeze | Thaw | Forfeit | Renew | Stand
)  # fmt: skip


OPERATIONS: dict[type, str] = {
    action: Operation[action.__name__.upper()].value
    for action in (
        Grant, Hold, Settle, Release, Charge, Meter, Absorb, Refund, Expire, Void, Adjust,
        Freeze, Thaw, Forfeit,
    )
}  # fmt: skip
"""The operation that each action's entry records, as plain text; the others write no entry."""

REFERENCES: dict[type, str] = {
    Settle: "hold", Release: "hold", Renew: "hold", Refund: "of", Absorb: "of",
    Void: "grant", Adjust: "grant", Freeze: "grant", Thaw: "grant",
}  # fmt: skip
"""The field in which an action names an earlier request."""


WHOLE = frozenset({Expire, Freeze, Thaw, Forfeit})
"""Actions that are about every lot of their wallet."""


def terms_content(terms: Terms) -> str:
    """Return the text of a grant's terms that a repeat must share: not the caller's clock."""
    ends = terms.expires_at and checked_instant(terms.expires_at, name="expires_at")
    paid = f"{terms.paid_amount} {terms.currency}"
    return f"{terms.source} {terms.reference} {ends} {paid}"


def is_whole(action: Action) -> bool:
    """Tell whether an action is about every lot of its wallet, spent ones too."""
    return type(action) in WHOLE


def is_opening(action: Action) -> bool:
    """Tell whether an action opens its wallet when there is none yet."""
    if isinstance(action, Hold):
        return action.is_metered
    if isinstance(action, Adjust):
        return action.terms is not None
    return isinstance(action, Grant | Meter | Absorb | Stand)
