"""What the use cases need of a payment gateway: ask for money, give it back, tell what happened.

Two implementations: bank transfers that staff confirm (`manual`), and Stripe. Invariant: a payment
has one reference for ever, the gateway's own, by which it counts once however often it is told. No
method is called inside a transaction; each that moves money takes a key of the attempt, so that the
same attempt sent twice is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Money that is asked of a workspace; `total` is what is to be paid, tax and all.

    `customer` is what the gateway calls the workspace, once it knows it. With `keeps_method` the
    means of payment is kept for renewals. `back` is the path of our page to which a payer returns.
    """

    request_id: UUID
    workspace_id: UUID
    total: Money
    title: str
    email: str | None = None
    customer: str | None = None
    keeps_method: bool = False
    back: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Where and how a demand can be paid: an address to open, or instructions to follow."""

    reference: str
    url: str | None = None
    instructions: str | None = None


class PaymentState(StrEnum):
    """Where a payment stands at its gateway."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPayment:
    """A payment as its gateway tells it.

    `reference` is the payment's own and never changes. `refunded` is how much of `total` went back,
    in minor units. `customer` and `method` are what a later payment may be made with, None where
    none was left. `failure_code` is the gateway's word for a decline. One that was declined may
    succeed yet, when its payer tries another card; one without a `request_id` is of another shop.
    """

    reference: str
    request_id: UUID | None
    total: Money
    state: PaymentState
    created_at: datetime
    refunded: int = 0
    customer: str | None = None
    method: str | None = None
    failure_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRefund:
    """Money that goes back: certain when it succeeded, or else what is still to be done.

    `key` is that of the attempt which asked for it, where the gateway remembers it: by it a refund
    of which nobody heard is found again.
    """

    reference: str
    state: PaymentState
    instructions: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayDispute:
    """A payment that its payer disputes; `is_won` is None while it is open."""

    reference: str
    payment_reference: str
    total: Money
    is_won: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEvent:
    """What a gateway sent by itself: a reason to look, and what it is about.

    `payment_reference`, `refund_reference` and `dispute` tell what; an event with none of them is
    of no interest here, and is kept all the same.
    """

    event_id: str
    code: str
    created_at: datetime
    payment_reference: str | None = None
    refund_reference: str | None = None
    dispute: GatewayDispute | None = None


class GatewayError(Exception):
    """A call to a gateway that failed.

    `permanent` says that the same call will fail again, `is_ambiguous` that nobody knows whether it
    was carried out: then the same attempt is sent again under its key, or looked up. `code` is
    stored and never changes.
    """

    def __init__(
        self, sentence: str, *, code: str, permanent: bool, is_ambiguous: bool = False
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.permanent = permanent
        self.is_ambiguous = is_ambiguous


class GatewayFailed(Refusal):
    """A payment gateway that refused a call, or whose answer is of no use: it would again."""

    code = "gateway_failed"

    def __init__(self, *, gateway: str, reason: str) -> None:
        super().__init__(
            f"{gateway} failed ({reason}): nothing was charged; look at the reason before it is "
            "tried again"
        )
        self.gateway = gateway


class GatewayAway(Refusal):
    """A payment gateway that does not answer just now."""

    code = "gateway_away"

    def __init__(self, *, gateway: str, reason: str) -> None:
        super().__init__(
            f"{gateway} does not answer ({reason}): nothing was charged; try again in a moment"
        )
        self.gateway = gateway


REFUND: Final = "refund/"

KEY_KEPT: Final = timedelta(hours=20)
"""How long a gateway surely knows a key; Stripe keeps them for a day at least."""


def is_forgotten(age: timedelta) -> bool:
    """Tell whether the key of an attempt may be forgotten: it is looked up, never sent again."""
    return age >= KEY_KEPT


def refund_key(refund_id: UUID) -> str:
    """Return the key under which a refund is sent, and looked up when nobody heard of it."""
    return f"{REFUND}{refund_id}"


def refund_id_of(key: str | None) -> UUID | None:
    """Return which refund of ours was sent under a key; None when it is none of ours."""
    try:
        return UUID(key.removeprefix(REFUND)) if key and key.startswith(REFUND) else None
    except ValueError:
        return None


class UnknownGateway(Refusal):
    """A gateway that is not set up."""

    code = "unknown_gateway"

    def __init__(self, *, gateway: str) -> None:
        super().__init__(
            f"no gateway is called {gateway[:40]!r} here: set up its key, or use another"
        )
        self.gateway = gateway


class Gateway(Protocol):
    """A way in which money comes and goes."""

    name: str
    can_charge: bool
    """Whether a kept means of payment can be charged without its owner."""
    has_book: bool
    """Whether it tells what came over it, so that both books can be compared."""

    async def checkout(self, *, demand: Demand, key: str) -> Checkout:
        """Prepare a payment that the workspace makes itself.

        :raises GatewayError: when it cannot be prepared.
        """
        ...

    async def charge(self, *, demand: Demand, method: str, key: str) -> GatewayPayment:
        """Charge a kept means of payment; a decline is a payment that failed.

        :raises GatewayError: when the gateway refuses the call, or nobody knows what came of it.
        """
        ...

    async def refund(self, *, reference: str, amount: Money, key: str) -> GatewayRefund:
        """Give money of a payment back.

        :raises GatewayError: when the gateway refuses, or nobody knows what came of it.
        """
        ...

    async def refund_now(self, *, reference: str) -> GatewayRefund:
        """Return money that goes back as it stands now, by its own reference.

        :raises GatewayError: when there is none of that reference, or the gateway does not answer.
        """
        ...

    async def refund_under(self, *, reference: str, key: str) -> GatewayRefund | None:
        """Return what an attempt to give money of a payment back came to; None if to nothing.

        A gateway remembers keys for a day or so: an older attempt is looked up, never sent again.

        :raises GatewayError: when the gateway does not answer.
        """
        ...

    async def dispute_now(self, *, reference: str) -> GatewayDispute:
        """Return a dispute as it stands now.

        :raises GatewayError: when there is none of that reference, or the gateway does not answer.
        """
        ...

    async def payment(self, *, reference: str) -> GatewayPayment:
        """Return a payment as it stands now.

        :raises GatewayError: when there is none of that reference, or the gateway does not answer.
        """
        ...

    async def payments(self, *, since: datetime) -> tuple[GatewayPayment, ...]:
        """Return every payment that was begun since an instant, the eldest first.

        :raises GatewayError: when the gateway does not answer.
        """
        ...

    def event(self, *, headers: Mapping[str, str], body: bytes, at: datetime) -> GatewayEvent:
        """Return what a gateway sent, once its signature is proven.

        :raises GatewayError: when it is not the gateway's, or too old.
        """
        ...

    async def close(self) -> None:
        """Drop the connections."""
        ...
