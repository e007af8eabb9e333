"""What a customer is told of an act of staff that is about no money, in plain words.

Invariant: a sentence is made of facts alone. Who of the staff acted, and why, stands in none.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from mutoscope.domain.desk import amounts_of
from mutoscope.domain.instants import told
from mutoscope.domain.money import money_text

_CARDS: Final = {
    "enable_purchases": (
        "You can buy credits for this workspace now: `mutoscope purchase packs` lists the packs, "
        "`mutoscope purchase buy` orders one or an amount, and so does the API."
    ),
    "disable_purchases": "Credits cannot be bought for this workspace any more.",
    "add_credits": "The {amount} that you have paid for are with you now.",
    "goodwill": "We have given you {amount}.{lapse}",
    "adjust up": "We have corrected your balance: {amount} were added.",
    "adjust down": "We have corrected your balance: {amount} were taken away.",
    "terms": "For your plan we have agreed on: {terms}.{begins}",
    "start_plan": "Your plan {plan} has begun.",
    "close": "This workspace is closed, as it was asked for.",
    "change_zone": "Your billing dates are counted by the clock of {zone} from the next one on.",
    "undo_change": "What was to begin on your billing date is taken back: all goes on as it is.",
    "propose": "{what}: this takes two of our staff, and waits for the second.",
    "refuse_proposal": "{what}: our staff have decided against it.",
    "withdraw_proposal": "{what}: our staff have taken this back.",
}
_PROPOSED: Final = {
    "add_credits": "The credits that you have paid for", "adjust": "A correction of your balance",
    "agree_free_amount": "A price of your own", "agree_pack": "A pack of your own",
    "close": "The end of this workspace", "goodwill": "Credits as a gesture of goodwill",
    "refund": "A refund", "refund_job": "Credits of a job that come back",
    "start_plan": "The start of a plan", "terms": "The terms of your plan",
}  # fmt: skip
_OTHER: Final = "Something that you have asked for"


def desk_words(card: str, data: Mapping[str, Any], *, zone: str) -> str | None:
    """Return what a card says to its customer; None where it has no words of its own.

    Instants are told by the clocks of a zone.
    """
    named = f"{card} {data['direction']}" if card == "adjust" and "direction" in data else card
    words = _CARDS.get(named)
    if words is None:
        return None
    return words.format(
        amount=_amount(data), lapse=_on(" They lapse", data.get("lapses_at"), zone),
        terms="; ".join(_terms(data)), begins=_on(" It begins", data.get("begins_at"), zone),
        zone=data.get("zone", ""), what=_what(data), plan=str(data.get("plan", "")).capitalize(),
    )  # fmt: skip


def _what(data: Mapping[str, Any]) -> str:
    """Return what was proposed, with its credits where they are of one kind."""
    what = _PROPOSED.get(str(data.get("action")), _OTHER)
    return f"{what} ({_amount(data)})" if {"credits", "kind"} <= data.keys() else what


def _amount(data: Mapping[str, Any]) -> str:
    return f"{data.get('credits') or 0:,} {data.get('kind', '')} credits".replace("  ", " ")


def _on(what: str, at: str | None, zone: str) -> str:
    return f"{what} on {told(datetime.fromisoformat(at), zone=zone)}." if at else ""


def _terms(data: Mapping[str, Any]) -> Iterator[str]:
    for kind, amount in amounts_of(str(data.get("allowances") or "")).items():
        yield f"{amount:,} {kind} credits a month"
    if "price" in data and "currency" in data:
        yield f"{money_text(data['price'], data['currency'])} a charge, net"
    if "can_purchase" in data:
        yield "you may buy credits" if data["can_purchase"] else "credits are not for sale"
