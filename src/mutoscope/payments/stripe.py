"""Stripe: checkout on its page, kept cards for renewals, refunds, disputes and signed events.

Invariant: a payment is a PaymentIntent of Stripe's, and its id the reference by which it counts.
The surprising choice: an attempt's key also travels as data of a refund, because Stripe forgets
keys after a day and finds what was made under one by that alone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from mutoscope.app.gateway import (
    Checkout,
    Demand,
    GatewayDispute,
    GatewayError,
    GatewayEvent,
    GatewayPayment,
    GatewayRefund,
)
from mutoscope.domain.offers import Money
from mutoscope.payments.stripe_line import (
    Declined,
    StripeAccount,
    StripeLine,
    answered,
    connected,
)
from mutoscope.payments.stripe_words import (
    ATTEMPT,
    charge_asked,
    dispute_of,
    event_of,
    payment_of,
    proven,
    refund_of,
    session_asked,
)

SIGNATURE: Final = "stripe-signature"
PAGE: Final = 100
PAGES_MAX: Final = 1_000
"""Pages of one list: a hundred thousand payments are compared in shorter spans."""

_CHARGE: Final = ["latest_charge"]


class StripeGateway:
    """Payments over an account at Stripe."""

    name: str = "stripe"
    can_charge: bool = True
    has_book: bool = True

    def __init__(self, *, account: StripeAccount) -> None:
        self._account = account
        self._line = StripeLine(answer_s=account.answer_s)
        self._stripe = connected(account, self._line).v1

    async def checkout(self, *, demand: Demand, key: str) -> Checkout:
        """Open a page of Stripe's where the demand is paid."""
        asked = session_asked(demand, return_url=self._account.return_url)
        session = await self._answered(
            self._stripe.checkout.sessions.create_async(asked, {"idempotency_key": key})
        )
        return Checkout(reference=session["id"], url=session["url"])

    async def charge(self, *, demand: Demand, method: str, key: str) -> GatewayPayment:
        """Charge a kept card without its owner; a decline is a payment that failed."""
        asked = charge_asked(demand, method=method)
        try:
            intent = await self._answered(
                self._stripe.payment_intents.create_async(asked, {"idempotency_key": key})
            )
        except Declined as declined:
            return payment_of(declined.intent)
        return payment_of(intent)

    async def refund(self, *, reference: str, amount: Money, key: str) -> GatewayRefund:
        """Give money of a payment back; it takes days to arrive."""
        refund = await self._answered(
            self._stripe.refunds.create_async(
                {"payment_intent": reference, "amount": amount.amount, "metadata": {ATTEMPT: key}},
                {"idempotency_key": key},
            )
        )
        return refund_of(refund)

    async def refund_now(self, *, reference: str) -> GatewayRefund:
        """Return money that goes back as it stands now."""
        return refund_of(await self._answered(self._stripe.refunds.retrieve_async(reference)))

    async def refund_under(self, *, reference: str, key: str) -> GatewayRefund | None:
        """Return the refund of a payment that was made under a key."""
        asked = {"payment_intent": reference}
        found = await self._listed(self._stripe.refunds, asked)
        refunds = (refund_of(each) for each in found)
        return next((refund for refund in refunds if refund.key == key), None)

    async def dispute_now(self, *, reference: str) -> GatewayDispute:
        """Return a dispute as it stands now."""
        return dispute_of(await self._answered(self._stripe.disputes.retrieve_async(reference)))

    async def payment(self, *, reference: str) -> GatewayPayment:
        """Return a payment as it stands now."""
        intent = await self._answered(
            self._stripe.payment_intents.retrieve_async(reference, {"expand": _CHARGE})
        )
        return payment_of(intent)

    async def payments(self, *, since: datetime) -> tuple[GatewayPayment, ...]:
        """Return every payment that was begun since an instant, the eldest first."""
        asked = {"created": {"gte": int(since.timestamp())}, "expand": ["data.latest_charge"]}
        found = await self._listed(self._stripe.payment_intents, asked)
        return tuple(payment_of(each) for each in reversed(found))

    def event(self, *, headers: Mapping[str, str], body: bytes, at: datetime) -> GatewayEvent:
        """Return what Stripe sent, once its signature is proven."""
        header = headers.get(SIGNATURE, "")
        return event_of(proven(header=header, body=body, secret=self._account.secret, at=at))

    async def close(self) -> None:
        """Drop the connections."""
        await self._line.close_async()

    async def _answered(self, call: Any) -> dict[str, Any]:  # noqa: ANN401 -- the client's own
        return await answered(call, within_s=self._account.answer_s)

    async def _listed(self, service: Any, asked: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: ANN401 -- one of several services
        """Return every page of a list, the newest first."""
        found: list[dict[str, Any]] = []
        for _ in range(PAGES_MAX):
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = await self._answered(service.list_async({**asked, **after, "limit": PAGE}))
            found += page["data"]
            if not page["has_more"]:
                return found
        sentence = f"There are more than {PAGE * PAGES_MAX:,}: compare from a later instant."
        raise GatewayError(sentence, code="too_many", permanent=True)
