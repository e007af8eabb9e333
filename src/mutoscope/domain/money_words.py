"""What a customer is told about their own money and credits given back, in plain words.

Invariant: a sentence is made of facts alone, amounts and outcomes. Why staff decided is theirs, and
stands in no sentence.
"""

from collections.abc import Mapping
from typing import Any, Final

from mutoscope.domain.money import money_text

KEPT: Final = "It is kept for you until our staff have decided with you: you lose nothing."
_OTHERWISE: Final = "It could not be used."
_WHY: Final = {
    "other_amount": "It is another amount than was asked for, so it was not used.",
    "other_currency": "It is in another currency than was asked for, so it was not used.",
    "already_paid": "What it was for was paid before, so it was not used.",
    "request_cancelled": "What it was for was cancelled before, so it was not used.",
    "unknown_request": "It does not say what it is for.",
    "refund_failed": "We sent it back, and it did not arrive.",
}
_CARDS: Final = {
    "confirm_payment applied": "Your payment of {money} has arrived: thank you.",
    "confirm_payment parked": "Your payment of {money} has arrived. {why} {kept}",
    "confirm_payment returned": (
        "Your payment of {money} came after this workspace was closed: it goes back to you."
    ),
    "enter_payment parked": "A payment of {money} has arrived. {why} {kept}",
    "use_payment applied": "The payment of {money} that was kept for you is used now.",
    "keep_payment": "A payment of {money} is kept for you while our staff look into it.",
    "return_payment": "The payment of {money} that was kept for you goes back to you.",
    "refund": "{money} goes back to you.",
    "credit_invoice": "{money} of an invoice of yours is credited: the credit note is with it.",
    "confirm_refund succeeded": "{money} was sent back to you.",
    "confirm_refund failed": "{money} could not be sent back to you.",
    "confirm_refund owed": (
        "The bank returned {money} that we had sent back to you. It is yours: we send it another "
        "way."
    ),
    "open_dispute": "Your bank tells us that you dispute your payment of {money}.",
    "close_dispute won": "Your dispute of {money} is decided: the payment stands.",
    "close_dispute lost": "Your dispute of {money} is decided: the bank has taken it back for you.",
}
_CREDITS: Final = {
    "refund": " {credits} {kind} credits that you have not spent are taken back for it.",
    "confirm_refund failed": " Your {credits} credits are with you again.",
    "open_dispute": " {credits} {kind} credits of it are frozen until the bank decides.",
    "close_dispute won": " Your {credits} {kind} credits of it can be spent again.",
    "close_dispute lost": " {credits} {kind} credits that you have not spent are taken back.",
}
"""What is added where credits moved as well."""

_JOB: Final = "{credits} {kind} credits of a job are given back to you."
_LAPSED: Final = " {lapsed} of them lapsed at once, since they were of a period that is over."
_VOIDED: Final = (
    " {voided} of them were of a purchase whose money went back: they are taken back with it."
)


def why_parked(reason: str | None) -> str:
    """Return why a payment was not used, as a sentence."""
    return _WHY.get(reason or "", _OTHERWISE)


def card_words(card: str, data: Mapping[str, Any]) -> str | None:
    """Return what a card about money says to its customer; None where it is about other things."""
    if card == "refund_job":
        return _of_job(data)
    name = _named(card, data)
    if name not in _CARDS or "currency" not in data:
        return None
    told = _CARDS[name] + (_CREDITS.get(name, "") if data.get("credits") else "")
    return told.format(
        money=money_text(data["amount"], data["currency"]), kept=KEPT,
        why=why_parked(data.get("outcome_reason")), credits=f"{data.get('credits') or 0:,}",
        kind=data.get("kind", ""),
    )  # fmt: skip


def _of_job(data: Mapping[str, Any]) -> str:
    """Return what is told of a job's credits that are given back."""
    told = _JOB + _LAPSED * ("lapsed" in data) + _VOIDED * ("voided" in data)
    told += " " + _CARDS["refund"] if "currency" in data else ""
    counts = {name: f"{data.get(name) or 0:,}" for name in ("credits", "lapsed", "voided")}
    money = money_text(data["amount"], data["currency"]) if "currency" in data else ""
    return told.format(kind=data["kind"], money=money, **counts)


def _named(card: str, data: Mapping[str, Any]) -> str:
    """Return a card's code, with how it ended where it may end in several ways."""
    end = data.get("state") if card == "confirm_refund" else data.get("outcome")
    return f"{card} {end}" if end else card
