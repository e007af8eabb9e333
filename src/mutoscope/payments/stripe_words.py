"""Stripe's words: how a demand is asked for, and what payments, refunds and events say."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import stripe

from mutoscope.app.gateway import (
    Demand,
    GatewayDispute,
    GatewayError,
    GatewayEvent,
    GatewayPayment,
    GatewayRefund,
    PaymentState,
)
from mutoscope.domain.offers import Money

TOLERANCE_S: Final = 300
"""Seconds for which a signature is good, as Stripe advises."""

OTHER_UNITS: Final = frozenset({"ISK", "MGA", "UGX"})
"""Currencies whose minor unit at Stripe is not that of ISO 4217: nothing is asked in them."""

ATTEMPT: Final = "attempt"
_STATES: Final = {
    "succeeded": PaymentState.SUCCEEDED,
    "canceled": PaymentState.CANCELLED,
    "failed": PaymentState.FAILED,
}
_DECIDED: Final = {"won": True, "lost": False, "warning_closed": True, "prevented": True}
"""Whether a dispute that is over was won: the bank took nothing back of one that was prevented, and
what was given back to prevent it is a refund, which both books are compared for."""

_SIGNED_AT: Final = re.compile(r"(?:^|,)t=(\d{1,12})(?:,|$)")


def session_asked(demand: Demand, *, return_url: str) -> Any:  # noqa: ANN401 -- the client's own shape
    """Return what a checkout session is opened with."""
    price = {
        "currency": _currency(demand.total), "unit_amount": demand.total.amount,
        "product_data": {"name": demand.title},
    }  # fmt: skip
    intent: dict[str, Any] = {"metadata": _metadata(demand), "description": demand.title}
    if demand.keeps_method:
        intent["setup_future_usage"] = "off_session"
    asked = {
        "mode": "payment", "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": f"{return_url}{demand.back}?back=paid",
        "cancel_url": f"{return_url}{demand.back}?back=unpaid",
        "client_reference_id": str(demand.request_id), "metadata": _metadata(demand),
        "payment_intent_data": intent,
    }  # fmt: skip
    if demand.customer is not None:
        return asked | {"customer": demand.customer}
    if demand.keeps_method:
        asked["customer_creation"] = "always"
    return asked | ({"customer_email": demand.email} if demand.email else {})


def charge_asked(demand: Demand, *, method: str) -> Any:  # noqa: ANN401 -- the client's own shape
    """Return what a kept means of payment is charged with."""
    return {
        "amount": demand.total.amount, "currency": _currency(demand.total),
        "payment_method": method, "confirm": True, "off_session": True,
        "description": demand.title, "metadata": _metadata(demand),
        **({} if demand.customer is None else {"customer": demand.customer}),
    }  # fmt: skip


def payment_of(intent: Mapping[str, Any]) -> GatewayPayment:
    """Return a payment."""
    charge, error = intent.get("latest_charge"), intent.get("last_payment_error")
    state = _STATES.get(intent["status"], PaymentState.PENDING)
    if intent["status"] == "requires_payment_method" and error:
        state = PaymentState.FAILED
    is_paid = state is PaymentState.SUCCEEDED
    is_kept = bool(intent.get("setup_future_usage"))
    amount = intent["amount_received"] if is_paid else intent["amount"]
    return GatewayPayment(
        reference=intent["id"], request_id=_request_id(intent.get("metadata")),
        total=_money(amount, intent), state=state,
        created_at=datetime.fromtimestamp(intent["created"], UTC),
        refunded=charge.get("amount_refunded", 0) if isinstance(charge, Mapping) else 0,
        customer=_id(intent.get("customer")),
        method=_id(intent.get("payment_method")) if is_kept else None,
        failure_code=(error.get("decline_code") or error.get("code")) if error else None,
    )  # fmt: skip


def refund_of(refund: Mapping[str, Any]) -> GatewayRefund:
    """Return money that goes back; one that was cancelled has failed."""
    state = _STATES.get(refund["status"], PaymentState.PENDING)
    if state is PaymentState.CANCELLED:
        state = PaymentState.FAILED
    metadata = refund.get("metadata") or {}
    return GatewayRefund(reference=refund["id"], state=state, key=metadata.get(ATTEMPT))


def dispute_of(dispute: Mapping[str, Any]) -> GatewayDispute:
    """Return a dispute; one that came to nothing or was prevented is won, an appealed one open."""
    return GatewayDispute(
        reference=dispute["id"], payment_reference=_id(dispute.get("payment_intent")) or "",
        total=_money(dispute["amount"], dispute), is_won=_DECIDED.get(dispute["status"]),
    )  # fmt: skip


def event_of(event: Mapping[str, Any]) -> GatewayEvent:
    """Return what an event is about, by the kind of its object."""
    thing = event.get("data", {}).get("object", {})
    kind = thing.get("object")
    about: dict[str, Any] = {}
    if kind == "payment_intent":
        about["payment_reference"] = thing["id"]
    elif kind in ("checkout.session", "charge", "refund", "dispute"):
        about["payment_reference"] = _id(thing.get("payment_intent"))
    if kind == "refund":
        about["refund_reference"] = thing["id"]
    if kind == "dispute":
        about["dispute"] = dispute_of(thing)
    at = datetime.fromtimestamp(event["created"], UTC)
    return GatewayEvent(event_id=event["id"], code=event["type"], created_at=at, **about)


def proven(*, header: str, body: bytes, secret: str, at: datetime) -> dict[str, Any]:
    """Return the event in a body that Stripe signed.

    The instant is judged here, by the studio's clock, and not by the client of Stripe.

    :raises GatewayError: when the signature is not Stripe's, or too old.
    """
    try:
        stripe.WebhookSignature.verify_header(body, header, secret)
        event = json.loads(body)
    except (stripe.SignatureVerificationError, ValueError):
        raise _unproven("the signature is not that of MUTOSCOPE_STRIPE_SECRET") from None
    signed = _SIGNED_AT.search(header)
    if signed is None or int(signed[1]) < at.timestamp() - TOLERANCE_S:
        raise _unproven("the signature is too old; is the clock right?")
    if not isinstance(event, dict) or event.get("object") != "event":
        raise _unproven("it is no event")
    return event


def _unproven(why: str) -> GatewayError:
    return GatewayError(f"This is no event of Stripe: {why}.", code="unproven", permanent=True)


def _currency(money: Money) -> str:
    if money.currency in OTHER_UNITS:
        sentence = f"Stripe counts {money.currency} in units of its own: ask in another currency."
        raise GatewayError(sentence, code="currency_unsupported", permanent=True)
    return money.currency.lower()


def _metadata(demand: Demand) -> dict[str, str]:
    return {"request_id": str(demand.request_id), "workspace_id": str(demand.workspace_id)}


def _money(amount: int, thing: Mapping[str, Any]) -> Money:
    return Money(amount=amount, currency=thing["currency"].upper())


def _request_id(metadata: Mapping[str, Any] | None) -> UUID | None:
    try:
        return UUID((metadata or {}).get("request_id", ""))
    except ValueError:
        return None


def _id(value: object) -> str | None:
    """Return the id of something that may come whole."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) else None
